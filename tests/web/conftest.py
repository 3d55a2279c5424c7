"""The review pages over a round of the demo logs, with people of every role."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from graph.rounds import plan_round, run_round
from procedures.schedule import RoundWindow
from procedures.source import read_source
from tejun.opening import Tejun, open_tejun
from tejun.settings import Settings
from tools.demo import plan
from tools.records.rows import Round, RoundItemRow
from web.access import Access, Mode
from web.app import build_app
from web.desk import Desk, Recent
from web.users import Role, Users

LIBRARY = Path(__file__).resolve().parent.parent.parent / "procedures" / "library"
BASE = "http://127.0.0.1"
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')


def settings_of(home: Path) -> Settings:
    return Settings(home=home, casebook_url=f"sqlite:///{home / 'casebook.sqlite'}", user="owner")


@pytest.fixture(scope="session")
async def finished_home(tmp_path_factory: pytest.TempPathFactory, demo_logs: Path) -> Path:
    """Return a data directory with one finished round; tests copy it."""
    home = tmp_path_factory.mktemp("web") / "home"
    shutil.copytree(demo_logs, home / "logs")
    async with open_tejun(settings_of(home)) as tejun:
        window = RoundWindow(plan.tokyo(0), plan.tokyo(0) + 86400)
        round_ = plan_round(tejun.resources, read_source(LIBRARY / plan.WEB), window)
        await run_round(tejun.graph, tejun.resources, round_)
    return home


@dataclass
class Browser:
    """Somebody's browser: it keeps cookies and sends the forms of the pages that it has loaded."""

    client: httpx.AsyncClient
    csrf: str = ""

    async def get(self, path: str, **headers: str) -> httpx.Response:
        answer = await self.client.get(path, headers=headers)
        if match := _CSRF.search(answer.text):
            self.csrf = match[1]
        return answer

    async def post(self, path: str, **fields: object) -> httpx.Response:
        return await self.client.post(path, data={"csrf": self.csrf, **fields})


@dataclass
class Pages:
    """The application with its stores, and browsers for it."""

    tejun: Tejun
    users: Users
    mode: Mode
    recent: Recent = field(default_factory=Recent)
    """Of the one process that all browsers talk to."""

    @property
    def round(self) -> Round:
        return self.tejun.resources.casebook.rounds()[0]

    def item(self, name: str) -> RoundItemRow:
        return next(row for row in self.tejun.resources.casebook.items(self.round.id) if row.item_id == name)

    def browser(self, **headers: str) -> Browser:
        access = Access(mode=self.mode, users=self.users, owner="owner")
        desk = Desk(
            self.tejun.graph,
            self.tejun.resources,
            access,
            siem_link="https://siem.invalid/?q={spl}",
            recent=self.recent,
        )
        transport = httpx.ASGITransport(build_app(desk, key="0" * 64), client=("127.0.0.1", 5))
        client = httpx.AsyncClient(
            transport=transport, base_url=BASE, headers={"accept-language": "en", **headers}
        )
        return Browser(client)

    async def logged_in(self, name: str, role: Role) -> Browser:
        token = self.users.add(name, role)
        browser = self.browser()
        await browser.get("/login")
        answer = await browser.post("/login", name=name, token=token)
        assert answer.status_code == 303, answer.text
        await browser.get("/")
        return browser


@asynccontextmanager
async def open_pages(home: Path, mode: Mode) -> AsyncIterator[Pages]:
    async with open_tejun(settings_of(home)) as tejun:
        yield Pages(tejun, Users(home / "users.json"), mode)


@pytest.fixture
def web_home(tmp_path: Path, finished_home: Path) -> Path:
    shutil.copytree(finished_home, tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
async def pages(web_home: Path) -> AsyncIterator[Pages]:
    """Pages that ask for a login."""
    async with open_pages(web_home, "token") as opened:
        yield opened


@pytest.fixture
async def own_pages(web_home: Path) -> AsyncIterator[Pages]:
    """Pages of one person on their own machine."""
    async with open_pages(web_home, "off") as opened:
        yield opened
