"""Generated tables in the documentation say what the code says."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest

from evals.scorers import SCORERS
from procedures.codes import CODES
from procedures.words import CHAPTERS, COLUMNS, ITEM_PARTS, VERDICTS
from spl.commands import COMMANDS, describe
from spl.functions import FUNCTIONS
from spl.parse import BEYOND, FORBIDDEN
from spl.stat_functions import STATISTICS
from tejun import shapes
from tejun.output import clock
from tools.demo.plan import AWS, PLANTED

ROOT = Path(__file__).resolve().parent.parent
_TABLE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    return (
        "\n".join(
            [*lines, *(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows)]
        )
        + "\n"
    )


def headings() -> str:
    words = [*CHAPTERS.values(), *ITEM_PARTS.values()]
    return table(["日本語", "English"], words)


def commands() -> str:
    docs = [(f"`{name}`", describe(name)) for name in sorted(COMMANDS)]
    rows = [("`search`", "Keep events by fields, values with `*`, words, IN, CIDR blocks."), *docs]
    refused = [(f"`{name}`", f"refused always: {why}") for name, why in sorted(FORBIDDEN.items())]
    refused += [(f"`{name}`", f"not here: {why}") for name, why in sorted(BEYOND.items())]
    return table(["command", ""], [*rows, *refused])


def shape_rows() -> Iterable[Sequence[str]]:
    for name, shape in sorted(vars(shapes).items()):
        if isinstance(shape, type) and issubclass(shape, shapes.Shape) and shape is not shapes.Shape:
            yield name, (shape.__doc__ or "").strip(), ", ".join(f"`{field}`" for field in shape.model_fields)


TABLES: dict[str, Callable[[], str]] = {
    "headings": headings,
    "columns": lambda: table(["column", "also"], ([f"`{one}`", other] for one, other in COLUMNS.values())),
    "verdicts": lambda: table(
        ["verdict", "also written"], ([words[0], words[1]] for words in VERDICTS.values())
    ),
    "codes": lambda: table(
        ["code", "", "meaning"], ([code, severity, text] for code, (severity, text) in CODES.items())
    ),
    "commands": commands,
    "statistics": lambda: table(
        ["statistic", ""], ([f"`{name}`", text] for name, text in STATISTICS.items())
    ),
    "functions": lambda: table(
        ["function", ""], ([f"`{name}`", function.doc] for name, function in sorted(FUNCTIONS.items()))
    ),
    "planted": lambda: table(
        ["procedure", "item", "entity", "verdict", ""],
        (
            [
                p.procedure,
                p.item,
                ", ".join(
                    clock(value, "UTC" if p.procedure == AWS else "Asia/Tokyo")
                    if isinstance(value, float)
                    else value
                    for value in p.key.values()
                ),
                p.verdict + (f" (else {p.unsuppressed})" if p.unsuppressed else ""),
                p.why,
            ]
            for p in PLANTED
        ),
    ),
    "scorers": lambda: table(
        ["score", "", "metric", "aggregation", "better", "mark"],
        (
            [
                f"`{one.id}`",
                one.title,
                one.metric,
                one.aggregation,
                one.better,
                "" if one.mark is None else f"{one.mark:g}",
            ]
            for one in SCORERS.values()
        ),
    ),
    "shapes": lambda: table(["shape", "", "keys"], shape_rows()),
}


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_tables_are_those_of_the_code(path: Path) -> None:
    text = path.read_text("utf-8")
    generated = _TABLE.sub(lambda match: match[1] + TABLES[match[2]]() + match[3], text)
    if os.environ.get("TEJUN_GOLDEN") == "write":
        path.write_text(generated, "utf-8")
    assert path.read_text("utf-8") == generated


@pytest.mark.parametrize(
    "path",
    [ROOT / "README.md", ROOT / "AGENTS.md", *sorted((ROOT / "docs").rglob("*.md"))],
    ids=lambda path: path.name,
)
def test_links_and_named_files_exist(path: Path) -> None:
    text = path.read_text("utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (path.parent / target).exists(), target
    for name in re.findall(r"`((?:spl|tools|agents|graph|procedures|tejun)/[\w/.]+)`", text):
        assert (ROOT / name).exists(), name


def test_the_readme_and_the_task_file_are_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 150
    assert len((ROOT / "AGENTS.md").read_text("utf-8").splitlines()) <= 60


def test_the_package_names_are_ours() -> None:
    from importlib.metadata import packages_distributions

    owners = packages_distributions()
    for name in ("tejun", "evals", "graph", "agents", "tools", "procedures", "spl"):
        assert set(owners.get(name, ["tejun"])) == {"tejun"}, (name, owners.get(name))
