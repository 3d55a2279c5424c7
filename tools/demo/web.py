"""Access log of a public web site, in the combined format."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from tools.demo import plan

PAGES = (
    "/",
    "/about",
    "/products",
    "/products/1",
    "/products/2",
    "/news",
    "/news/2026-11",
    "/contact",
    "/css/site.css",
    "/js/app.js",
    "/img/logo.png",
)
AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Mobile Safari/604.1",
    "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
)
BOT = "ExampleBot/2.1 (+http://bot.example.com/info)"


class Hit(NamedTuple):
    """One request; `size` 0 is logged as a dash."""

    time: float
    client: str
    uri: str
    status: int
    size: int
    agent: str
    method: str = "GET"


def web_hits(rng: Random, start: float, end: float) -> list[Hit]:
    """Return all requests between two epochs, ordered by time."""
    hits = [*background(rng, start, end), *_planted()]
    return sorted((hit for hit in hits if start <= hit.time < end), key=lambda hit: hit.time)


def render(hit: Hit) -> str:
    """Return a request in the combined log format."""
    stamp = dt.datetime.fromtimestamp(hit.time, dt.UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
    agent = hit.agent.replace("\\", "\\\\").replace('"', '\\"')
    return f'{hit.client} - - [{stamp}] "{hit.method} {hit.uri} HTTP/1.1" {hit.status} {hit.size or "-"} "-" "{agent}"'


def background(rng: Random, start: float, end: float) -> Iterator[Hit]:
    """Yield people and a crawler: sessions of a few pages, fewer at night, now and then a page that is gone."""
    moment = start
    while moment < end:
        local = dt.datetime.fromtimestamp(moment, plan.TOKYO)
        rate = 1.0 if 8 <= local.hour < 24 else 0.35
        moment += rng.expovariate(rate / 130)
        client = f"10.{rng.randrange(100, 200)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"
        agent = rng.choice(AGENTS)
        at = moment
        for _ in range(rng.randrange(2, 9)):
            gone = rng.random() < 0.015
            uri = f"/old/{rng.randrange(40)}" if gone else rng.choice(PAGES)
            status = 404 if gone else rng.choices((200, 304, 301), (88, 10, 2))[0]
            yield Hit(at, client, uri, status, 0 if status == 304 else rng.randrange(400, 60_000), agent)
            at += rng.random() * 25
    crawl = start
    while crawl < end:
        crawl += 300 + rng.random() * 300
        yield Hit(crawl, "192.0.2.80", rng.choice(PAGES), 200, rng.randrange(400, 60_000), BOT)


def _planted() -> Iterator[Hit]:
    """What the plan says, request by request."""
    agent = AGENTS[2]
    for number in range(40):
        yield Hit(
            plan.tokyo(3) + number * 4, plan.ATTACKER, f"/{number:02d}/.env", 404, 180, plan.HOSTILE_AGENT
        )
    for number in range(5):
        yield Hit(plan.tokyo(3, 5) + number, plan.ATTACKER, "/", 200, 5000, agent)
    yield Hit(plan.tokyo(3, 6), plan.ATTACKER, "/backup/site.sql.bak", 200, 48_213, agent)
    for day in range(plan.DAYS):
        base = plan.tokyo(6, 10, day=plan.DEMO_DAY - dt.timedelta(days=day))
        for number in range(60):
            broken = number % 2 == 0
            yield Hit(
                base + number,
                plan.LINK_CHECK,
                f"/archive/{number}" if broken else "/news",
                404 if broken else 200,
                400,
                "LinkCheck/1.0",
            )
    for number, uri in enumerate(
        ("/wp-login.php", "/wp-admin/", "/xmlrpc.php", "/phpmyadmin/", "/administrator/")
    ):
        yield Hit(plan.tokyo(11, 20) + number * 7, plan.PROBER, uri, 404, 180, agent)
    for number, (uri, status) in enumerate(
        (
            ("/products?id=1+union+select+1,2", 403),
            ("/products?id=2+union+select+name", 403),
            ("/view?file=../../etc/passwd", 403),
            ("/search?q=%3Cscript%3Ealert(1)", 403),
            ("/run?cmd=id", 404),
            ("/view?file=../../etc/passwd&raw=1", 200),
        )
    ):
        yield Hit(plan.tokyo(13, 2) + number * 11, plan.INJECTOR, uri, status, 1200, agent)
    for number in range(13):
        yield Hit(
            plan.tokyo(22) + number * 90,
            plan.DOWNLOADER,
            f"/download/pack{number}.zip",
            200,
            40_000_000,
            agent,
        )
