"""Expectations that others wrote: documented PPL queries, an SPL dialect's expressions, raw logs with counts.

PPL is a cousin of SPL. A query is translated mechanically; one that this engine refuses before running is
counted as refused, one that runs must agree or stand in a list below with the reason.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from spl.errors import SplError, SplSyntaxError, UnsupportedError
from spl.evaluate import evaluate
from spl.parse import parse_search
from spl.parse_expr import parse_expression
from spl.terms import FieldIn, FieldTerm, walk_terms

pytestmark = pytest.mark.shared
Row = dict[str, Any]

PPL_AGREE, RAW_FOUND = 90, 20
"""Fewest cases that must agree, so that a broken translation cannot pass for a skip."""

_NO_WORD = "no line of the sample holds a word that the search asks for"
RAW_MISSES = {f"UC-5.3.{number}": _NO_WORD for number in (25, 27, 30, 31, 32, 34, 35, 36, 37)} | {
    "UC-5.3.26": "a line must hold a word of two groups; the sample has words of one of them only"
}
"""Sample -> why its raw filter finds fewer logs here."""

OTHER_LANGUAGE = {
    r"my_prometheus|my_remote_cluster|big5|information_schema": "a data source that the oracle does not bring",
    r"```|/\*|;": "prose or a comment stands in the query",
    r"\bspan\(": "PPL groups by span(); SPL uses bin",
    r"\bIS (NOT )?NULL\b": "PPL's IS NULL; SPL has isnull()",
    r"\bcontains\b": "PPL's contains operator",
    r"\belse\b": "PPL's else inside case()",
    r"bucket_nullable|\bfrom \d": "an option of PPL alone",
    r"source\s*=\s*`?\w*[*,]|source=`?\w+, ": "several sources in one query",
    r"cidrmatch\(": "PPL's cidrmatch takes the address first; SPL takes the network first",
    r"earliest=|latest=": "PPL reads a clock time where SPL wants an epoch or a modifier",
}
"""Pattern in a PPL query -> why it has no SPL translation."""

DISAGREEMENTS = {
    r"earliest\(|latest\(": "the loader gives the first document the newest time; PPL reads @timestamp",
    r"bin @timestamp": "@timestamp is text here, and text stays as it is; a time bin needs an epoch",
    r"otel_timestamp|_index": "metadata, or a clock time that PPL prints in its own format",
    r"otellogs  \| head 3|- \*Id|city, city\.name|accounts, accounts\.id": "nested objects are printed whole; here they are flattened",
    r'body=connection\*|"cart-service"|NOT instrumentationScope': "PPL compares analysed words; SPL compares the whole value",
    r'"ERR\?R"': "? is no wildcard in SPL",
    r"sort instrumentationScope\.name \|": "PPL sorts missing values first, SPL last",
    r"bin duration": "PPL keeps a group for rows without the BY field; SPL drops them",
    r"if\(true,|, true, false\)": "true is a field name in SPL; the constant is true()",
    r'coalesce\(" "': "the result table cannot show a cell of one space",
    r'"5" \+ "5"': "everything is text until used: two numeric texts are added",
    r"tostring\(1=1\)": "SPL prints True",
    r"'(LOWER|UPPER)\(": "the column's name holds quotes, which the translation exchanges",
}
"""Pattern in a translated query -> why this engine rightly gives another answer."""


def pieces(query: str) -> list[str]:
    """Split a query at pipes outside quotes."""
    return [part.strip() for part in re.split(r"""\|(?=(?:[^"'`]|"[^"]*"|'[^']*'|`[^`]*`)*$)""", query)]


def to_spl(query: str) -> str:
    """Translate a PPL query whose commands SPL has too."""
    first, *rest = pieces(query)
    name = re.search(r"source\s*=\s*`?(\w+)`?", first)
    assert name
    terms = re.sub(r"source\s*=\s*`?\w+`?", "", first.removeprefix("search")).strip()
    commands = [_search_terms(f"search index={name[1]} {terms}"), *(_command(part) for part in rest)]
    return " | ".join(commands)


def _search_terms(text: str) -> str:
    return re.sub(r"'([^']*)'", r'"\1"', re.sub(r"`([^`]*)`", r"\1", text))


def _command(text: str) -> str:
    name, _, arguments = text.partition(" ")
    if name in {"where", "eval"}:
        swapped = re.sub(r"'([^']*)'", r'"\1"', arguments)
        return f"{name} " + re.sub(r"`([^`]*)`|(?<![\w'])(\w+(?:\.\w+)+)(?![\w(])", _quoted_field, swapped)
    quoted = re.sub(r"`([^`]*)`", r'"\1"', arguments)
    if name == "fields" and not quoted.startswith("-"):
        return f"table {quoted.removeprefix('+')}"
    return f"{name} {quoted}" if quoted else name


def _quoted_field(match: re.Match[str]) -> str:
    name = match[1] or match[2]
    return match[0] if match[2] and re.fullmatch(r"[\d.]+", name) else f"'{name}'"


def table_rows(text: str) -> list[dict[str, str]]:
    """Read a printed result table; `null` is a missing cell."""
    lines = [line for line in text.splitlines() if line.startswith("|") and not line.startswith("|-")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    cells = [[cell.strip().strip("|").strip() for cell in row] for row in cells]
    header, *body = cells
    return [{name: cell for name, cell in zip(header, row, strict=False) if cell != "null"} for row in body]


def flat(value: Any, prefix: str = "") -> Row:
    """Flatten nested objects as `a.b`, arrays as multivalues, everything as text."""
    out: Row = {}
    for name, inner in value.items():
        if isinstance(inner, dict):
            out |= flat(inner, f"{prefix}{name}.")
        elif isinstance(inner, list):
            texts = [_text(one) for one in inner if not isinstance(one, dict | list)]
            out |= {prefix + name: texts} if texts else {}
        elif inner is not None:
            out[prefix + name] = _text(inner)
    return out


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


def documents(path: Path) -> list[Row]:
    """Return the documents of a bulk file, the first one newest so that both orders agree."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    found = [flat(line) for line in lines if set(line) != {"index"}]
    kept = [{name: value for name, value in row.items() if name not in {"_time", "index"}} for row in found]
    raws = [" ".join(value for value in row.values() if isinstance(value, str)) for row in kept]
    return [
        row | {"_time": 1_000_000 - place, "_raw": raw, "index": path.stem.removeprefix("test_data__")}
        for place, (row, raw) in enumerate(zip(kept, raws, strict=True))
    ]


def shown(value: Any) -> Any:
    """Return a cell so that both engines' spelling of it is the same."""
    if isinstance(value, list):
        return [shown(one) for one in value]
    text = str(value).strip("\"'")
    if text.startswith("[") and text.endswith("]"):
        return [shown(one) for one in text[1:-1].split(",")]
    try:
        return round(float(text), 6)
    except ValueError:
        return text


def cells(rows: Sequence[Row]) -> list[list[str]]:
    """Return the cells of each row, whatever the columns are called and in which order they stand."""
    return [sorted(repr(shown(value)) for value in row.values() if value != "") for row in rows]


def in_reach(case: Row) -> bool:
    """Tell whether the oracle's own reading is that SPL has all that the query uses."""
    return bool(case["convertible"])


def skip_reason(case: Row) -> str | None:
    """Return why a query cannot be compared."""
    if case["flags"]:
        return "only printed, not run, by its own project"
    if not case["expected"].lstrip().startswith(("+", "fetched")):
        return "no result table"
    return next(
        (why for pattern, why in OTHER_LANGUAGE.items() if re.search(pattern, case["query"], re.IGNORECASE)),
        None,
    )


def ppl_outcome(case: Row, bench: Any) -> tuple[str, str]:
    """Return what became of a query, and the details."""
    search = to_spl(case["query"])
    try:
        rows = bench.rows(search)
    except UnsupportedError:
        return "refused: unsupported", ""
    except SplSyntaxError:
        return "refused: no SPL syntax", ""
    wanted, got = cells(table_rows(case["expected"])), cells(rows)
    if wanted == got or ("| sort" not in search and sorted(wanted) == sorted(got)):
        return "agree", ""
    why = next((why for pattern, why in DISAGREEMENTS.items() if re.search(pattern, search)), "UNEXPLAINED")
    return f"disagree: {why}", f"{search}\n  expected {wanted[:4]}\n  got      {got[:4]}"


def test_documented_ppl_queries_agree(shared_dir: Path, over: Callable[..., Any]) -> None:
    folder = shared_dir / "oracle"
    cases = json.loads((folder / "ppl_doctests.json").read_text(encoding="utf-8"))
    bench = over(
        [
            row
            for path in sorted((folder / "ppl_test_data").glob("test_data__*.json"))
            for row in documents(path)
        ]
    )
    counts: Counter[str] = Counter()
    unexplained: list[str] = []
    for case in filter(in_reach, cases):
        reason = skip_reason(case)
        name, detail = (f"skipped: {reason}", "") if reason else ppl_outcome(case, bench)
        counts[name] += 1
        unexplained += [detail] if name.endswith("UNEXPLAINED") else []
    print(*(f"{count:4} {name}" for name, count in counts.most_common()), sep="\n")
    assert not unexplained, "\n".join(unexplained)
    assert counts["agree"] >= PPL_AGREE


DIALECT = {
    "arithmetic before concatenation prefix": "there . binds looser than +; here both associate from the left",
    "String whitespace": "blanks around a number are allowed here",
    "overflow": "what is not finite is missing here",
}
"""Case of the stricter dialect -> why this engine gives another value."""


def dialect_cases(shared_dir: Path) -> list[Row]:
    """Return the dialect's cases that are an expression, a plain row and a value."""
    oracle = json.loads((shared_dir / "oracle" / "opensplunk_compat.json").read_text(encoding="utf-8"))
    cases = [case for rule in oracle["rules"] for case in rule["cases"]]
    return [
        case
        for case in cases
        if "expression" in case
        and isinstance(case.get("expect", {}).get("value"), dict)
        and "row_fixture" not in case
        and not any(isinstance(value, dict) for value in case.get("row", {}).values())
    ]


def dialect_value(value: Row) -> Any:
    """Return the value that a case expects; None when it is missing."""
    if not value.keys().isdisjoint({"nan", "positive_infinity"}):
        return "not finite"
    return next(
        (inner for name, inner in value.items() if name in {"double", "double_text", "string", "bool"}), None
    )


def test_expressions_of_a_stricter_dialect_agree_in_both_backends(
    shared_dir: Path, over: Callable[..., Any]
) -> None:
    agreed, total, unexplained = 0, 0, []
    for case in dialect_cases(shared_dir):
        row = {name: str(value) for name, value in case.get("row", {}).items() if value is not None}
        wanted = dialect_value(case["expect"]["value"])
        by_python = evaluate(parse_expression(case["expression"]), row, now=0.0, zone=ZoneInfo("UTC"))
        by_sql = over([row | {"_raw": "x"}]).rows(
            f"index=main | eval result={case['expression']} | table result"
        )
        total += 1
        if shown(wanted) == shown(by_python) == shown(by_sql[0].get("result")):
            agreed += 1
        elif case["name"] not in DIALECT:
            unexplained.append(
                f"{case['name']}: {case['expression']} over {row}: {wanted!r}, {by_python!r}, {by_sql!r}"
            )
    print(f"agree {agreed} of {total}; {len(DIALECT)} differ on purpose")
    assert not unexplained, "\n".join(unexplained)
    assert agreed + len(DIALECT) == total


OWN_FIELDS = {"index", "sourcetype", "host", "source", "_raw", "_time"}


def raw_filter(sample: Row) -> str | None:
    """Return the part of a search before the first pipe if it only needs raw text and metadata."""
    head = pieces(sample["spl"])[0]
    try:
        search = parse_search(head)
    except SplError:
        return None
    fields = {term.field for term in walk_terms(search.base) if isinstance(term, FieldTerm | FieldIn)}
    return head if fields <= OWN_FIELDS and search.earliest is None else None


def sample_events(sample: Row) -> list[Row]:
    """Return the raw lines of a sample, with its metadata."""
    manifest = sample["manifest"]
    names = ("index", "sourcetype", "host", "source")
    common = {name: manifest[name] for name in names if isinstance(manifest.get(name), str)}
    return [common | {"_raw": line} for line in sample["positive"].splitlines() if line.strip()]


def test_raw_filters_find_at_least_the_counted_logs(shared_dir: Path, over: Callable[..., Any]) -> None:
    samples = json.loads((shared_dir / "oracle" / "fenre_samples.json").read_text(encoding="utf-8"))
    found, missed = 0, []
    for sample in samples:
        head = raw_filter(sample)
        if head is None:
            continue
        total = over(sample_events(sample)).search(head).total
        found += total >= sample["manifest"]["expected"].get("min_count", 1)
        if total < sample["manifest"]["expected"].get("min_count", 1) and sample["uc"] not in RAW_MISSES:
            missed.append(f"{sample['uc']} {total} {head}\n{sample['positive'][:300]}")
    print(f"found {found}; {len(samples) - found - len(RAW_MISSES)} need extracted fields or relative times")
    assert not missed, "\n".join(missed)
    assert found >= RAW_FOUND
