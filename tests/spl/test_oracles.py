"""Expectations that others wrote: documented PPL queries, an SPL dialect's expressions, raw logs with counts.

PPL is a cousin of SPL. A query is translated mechanically; one that this engine refuses before running is
counted as refused, one that runs must agree or stand in a list below with the reason.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from spl.errors import SplError
from spl.evaluate import evaluate
from spl.expr import is_condition
from spl.lex import blank_comments, split_pipeline
from spl.lookups import Lookup, Lookups
from spl.parse import parse_search
from spl.parse_expr import parse_expression
from spl.terms import FieldIn, FieldTerm, walk_terms
from spl.timerange import resolve

pytestmark = pytest.mark.shared
Row = dict[str, Any]

PPL_AGREE, RAW_FOUND = 315, 20
DAY_S = 86_400
"""Fewest cases that must agree, so that a broken translation cannot pass for a skip."""

_NO_WORD = "no line of the sample holds a word that the search asks for"
RAW_MISSES = {f"UC-5.3.{number}": _NO_WORD for number in (25, 27, 30, 31, 32, 34, 35, 36, 37)} | {
    "UC-5.3.26": "a line must hold a word of two groups; the sample has words of one of them only"
}
"""Sample -> why its raw filter finds fewer logs here."""

OTHER_LANGUAGE = {
    r"my_prometheus|my_remote_cluster|big5|information_schema|=example\b|system_metrics": "a data source that the oracle does not bring",
    r"xyseries": "the page's tables come from other documents than the oracle brings",
    r"\bNOW\(": "the result is the moment at which the page was written",
}
"""Pattern in a PPL query -> why it has no SPL translation."""

DISAGREEMENTS = {
    r"addtotals": "PPL puts the label into a new column where the named one holds texts",
    r"append \[search index=otellogs \| stats count": "PPL's append loses the order that sort made",
    r"bin balance span=\w*log|bin age \|": "PPL prints whole numbers with a point, or bins only whole numbers",
    r"start=0 end=": "start and end choose PPL's width otherwise than Splunk's bins",
    r"mvexpand projects": "arrays of objects are flattened here",
    r"perc90": "Splunk's percentiles of few values are interpolated here",
    r"lookup work_information uid AS id, name": "a row without a match keeps its fields here",
    r"p50|perc99": "Splunk's percentiles of few values are interpolated here",
    r"json_valid|json\(": "PPL takes a JSON text or number for a document too",
    r"join type=left overwrite=true": "a row without a match keeps its fields here",
    r"otellogs \| head 3": "nested objects are printed whole; here they are flattened",
    r'e = tostring\("1000"': "PPL's comparison of a text with a number is missing; SPL's is false",
    r"cidrmatch\(": "PPL reads an IPv4 address in an IPv6 one (::FFFF:1.2.3.4)",
    r"json_append\(": "a text that is a JSON array is appended as an array here",
    r"otel_timestamp|_index": "metadata, or a clock time that PPL prints in its own format",
    r"otellogs  \| head 3|- \*Id|city, city\.name|accounts, accounts\.id": "nested objects are printed whole; here they are flattened",
    r'body=connection\*|"cart-service"|NOT instrumentationScope': "PPL compares analysed words; SPL compares the whole value",
    r'"ERR\?R"': "? is no wildcard in SPL",
    r'"5" \+ "5"': "everything is text until used: two numeric texts are added",
}
"""Pattern in a translated query -> why this engine rightly gives another answer."""


_QUOTED = re.compile(r"""`([^`]*)`|'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)\"|//[^\n]*|/\*.*?\*/""", re.DOTALL)
_MARK = "\ue000"
"""Stands around the place of a quoted thing while a query is being translated."""
_CLOCK = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d+)?)(?:Z|\+00:00)?")


def epoch(text: str) -> str | None:
    """Return the epoch of a clock time in UTC, as text."""
    match = _CLOCK.fullmatch(text)
    if match is None:
        return None
    moment = dt.datetime.fromisoformat(f"{match[1]}T{match[2]}+00:00")
    return f"{moment.timestamp():.15g}"


def last_query(text: str) -> str:
    """Return the last query of a text in which prose may stand between two: the result table is its own."""
    parts = re.split(r"```(?:ppl)?(?: ignore)?|\n(?=source *=)", text)
    return [part for part in parts if "source" in part][-1]


class Translation:
    """Translates one PPL query whose commands SPL has too; the spelling changes, never the meaning."""

    def __init__(self, query: str) -> None:
        self._quoted: list[tuple[str, str]] = []
        self._clocks = "mktime(" not in query
        """Whether a clock time in quotes means a moment; for mktime it is text."""
        self._text = _QUOTED.sub(self._hide, last_query(query)).replace(";", "")

    def _hide(self, match: re.Match[str]) -> str:
        """Put a mark in the place of a quoted thing, nothing in that of a comment."""
        if match[0].startswith("/"):
            return ""
        kind = "name" if match[1] is not None else "text"
        text = next(group for group in match.groups() if group is not None)
        if match[2] is not None:
            text = text.replace('"', '\\"')
        self._quoted.append((kind, text))
        return f"{_MARK}{len(self._quoted) - 1}{_MARK}"

    def _show(self, text: str, *, expression: bool) -> str:
        def one(match: re.Match[str]) -> str:
            kind, value = self._quoted[int(match[1])]
            if kind == "clock":
                return f'"{value}"'
            if kind == "text":
                return f'"{(self._clocks and epoch(value)) or value}"'
            quote = "'" if expression else '"'
            return quote + value.replace(quote, "\\" + quote) + quote

        return re.sub(f"{_MARK}(\\d+){_MARK}", one, text)

    def spl(self) -> str:
        """Return the SPL search."""
        return self._pipeline(self._text)

    def _pipeline(self, text: str) -> str:
        first, *rest = _pieces(text)
        name = re.search(f"source\\s*=\\s*(?:{_MARK}(\\d+){_MARK}|([\\w*]+(?:, *[\\w*]+)*))", first)
        assert name
        source = self._index(self._quoted[int(name[1])][1] if name[1] else name[2])
        terms = (first[: name.start()] + first[name.end() :]).strip().removeprefix("search").strip()
        terms = re.sub(rf"\b(earliest|latest)=({_MARK}\d+{_MARK}|\S+)", self._moment, terms)
        commands = [f"search {source} {self._show(terms, expression=False)}".rstrip()]
        for part in rest:
            commands += self._command(part, source)
        if any(part.startswith("transpose") for part in commands):
            commands = list(chain.from_iterable(map(statistics_first, commands)))
        return " | ".join(commands)

    def _index(self, sources: str) -> str:
        """Return the term for the sources, divided by commas."""
        names = [INDEX_OF.get(name, name) for name in re.split(", *", sources)]
        return f"index={names[0]}" if len(names) == 1 else f"index IN ({', '.join(names)})"

    def _moment(self, match: re.Match[str]) -> str:
        """PPL's window is over @timestamp, both ends included."""
        mark = re.fullmatch(f"{_MARK}(\\d+){_MARK}", match[2])
        text = self._quoted[int(mark[1])][1] if mark else match[2]
        moment = epoch(text) or resolve(text, now=time.time(), zone=ZoneInfo("UTC"))
        return f'"@timestamp"{">=" if match[1] == "earliest" else "<="}{moment}'

    def _command(self, text: str, source: str) -> list[str]:
        name, _, arguments = text.partition(" ")
        name, arguments = name.lower(), arguments.strip()
        brackets = re.search(r"\[(.*)\]", arguments, re.DOTALL)
        if brackets and name in {"append", "appendcol", "join", "union", "appendpipe", "foreach"}:
            inner = self._inner(name, brackets[1], source)
            before = self._show(arguments[: brackets.start()].strip(), expression=False)
            spelled = "appendcols" if name == "appendcol" else name
            return [" ".join(filter(None, [spelled, before, f"[{inner}]"]))]
        translate = getattr(self, f"_{name}", None)
        if translate is not None:
            return list(translate(arguments))
        if name == "fields" and not arguments.startswith("-"):
            return [f"table {self._show(arguments.removeprefix('+'), expression=False)}"]
        shown = self._show(arguments, expression=False)
        return [f"{name} {shown}" if shown else name]

    def _inner(self, name: str, inner: str, source: str) -> str:
        if name == "foreach" or name == "appendpipe":
            return " | ".join(part for piece in _pieces(inner) for part in self._command(piece, source))
        if re.search(r"source\s*=", inner):
            return self._pipeline(inner)
        commands = [part for piece in _pieces(inner) for part in self._command(piece, source)]
        return " | ".join([f"search {source}", *commands])

    def _expression(self, text: str) -> str:
        text = re.sub(r"(\S+)\s+IS\s+NOT\s+NULL", r"isnotnull(\1)", text, flags=re.IGNORECASE)
        text = re.sub(r"(\S+)\s+IS\s+NULL", r"isnull(\1)", text, flags=re.IGNORECASE)
        text = re.sub(r"\b(true|false)\b(?!\()", r"\1()", text, flags=re.IGNORECASE)
        text = re.sub(r"cidrmatch\(([^,]+),\s*([^)]+)\)", r"cidrmatch(\2, \1)", text, flags=re.IGNORECASE)
        text = re.sub(rf"(\w+)\s+contains\s+{_MARK}(\d+){_MARK}", self._contains, text, flags=re.IGNORECASE)
        text = re.sub(rf"\b(earliest|latest)\(({_MARK}\d+{_MARK}), (\w+)\)", _compared, text)
        text = re.sub(r"\bATAN\((\S+), (\S+)\)", r"atan2(\1, \2)", text)
        text = re.sub(r"\bLOG\(([^,()]+)\)", r"ln(\1)", text)
        text = re.sub(r"\bLOG\(([^,()]+), ([^,()]+)\)", r"log(\2, \1)", text)
        text = re.sub(rf"\bLIKE\(({_MARK}\d+{_MARK}), ({_MARK}\d+{_MARK}), (true|false)\(\)\)", _like, text)
        text = re.sub(rf"\bTIME\({_MARK}(\d+){_MARK}\)", self._time_of_day, text)
        text = re.sub(rf"\btostring\(([\w.]+), ({_MARK}\d+{_MARK})\)", self._hex, text, flags=re.IGNORECASE)
        text = re.sub(r"\s+else\s+", ", true(), ", text, flags=re.IGNORECASE)
        text = re.sub(r"(?<![\w@'.])(@\w+|\w+(?:\.\w+)+)(?![\w(])", self._dotted, text)
        return self._show(text, expression=True)

    def _time_of_day(self, match: re.Match[str]) -> str:
        """PPL's cast to a time of day, with or without a date and seconds."""
        text = self._quoted[int(match[1])][1]
        self._quoted[int(match[1])] = ("clock", text)
        shape = ("%Y-%m-%d " if " " in text else "") + ("%H:%M:%S" if text.count(":") == 2 else "%H:%M")
        return f'strftime(strptime({_MARK}{match[1]}{_MARK}, "{shape}"), "%H:%M:%S")'

    def _hex(self, match: re.Match[str]) -> str:
        """PPL writes a hexadecimal number without 0x."""
        _, shape = self._quoted[int(match[2].strip(_MARK))]
        return f"substr({match[0]}, 3)" if shape == "hex" else match[0]

    def _contains(self, match: re.Match[str]) -> str:
        self._quoted[int(match[2])] = ("text", f"%{self._quoted[int(match[2])][1].lower()}%")
        return f"like(lower({match[1]}), {_MARK}{match[2]}{_MARK})"

    def _dotted(self, match: re.Match[str]) -> str:
        return match[0] if re.fullmatch(r"[\d.]+", match[0]) else f"'{match[0]}'"

    def _where(self, arguments: str) -> list[str]:
        return [f"where {self._expression(arguments)}"]

    def _eval(self, arguments: str) -> list[str]:
        made = []
        for part in _top_level(arguments):
            name, _, value = part.partition("=")
            shown = self._expression(value.strip())
            if is_truth(shown):
                shown = f"tostring({shown})"
            made.append(f"{self._show(name.strip(), expression=True)} = {shown}")
        return [f"eval {', '.join(made)}"]

    def _head(self, arguments: str) -> list[str]:
        """PPL skips rows with `from`."""
        count, _, skipped = arguments.partition(" from ")
        if not skipped:
            return [f"head {arguments}".rstrip()]
        return [
            f"head {int(count) + int(skipped)}",
            "streamstats count AS place",
            f"where place>{skipped}",
            "fields - place",
        ]

    def _replace(self, arguments: str) -> list[str]:
        """PPL replaces a part of a value, SPL the whole unless wildcards say otherwise."""
        texts = [int(place) for place in re.findall(f"{_MARK}(\\d+){_MARK}", arguments)]
        texts = [place for place in texts if self._quoted[place][0] == "text"]
        if not any("*" in self._quoted[place][1] for place in texts):
            for place in texts:
                self._quoted[place] = ("text", f"*{self._quoted[place][1]}*")
        return [f"replace {self._show(arguments, expression=False)}"]

    def _lookup(self, arguments: str) -> list[str]:
        shown = self._show(arguments, expression=False)
        return [f"lookup {shown.replace(' REPLACE ', ' OUTPUT ').replace(' APPEND ', ' OUTPUTNEW ')}"]

    def _join(self, arguments: str) -> list[str]:
        """PPL may name a source where SPL has a subsearch."""
        words, _, source = arguments.rpartition(" ")
        return [f"join {self._show(words, expression=False)} [search {self._index(source)}]"]

    def _top(self, arguments: str) -> list[str]:
        return self._frequent("top", arguments)

    def _rare(self, arguments: str) -> list[str]:
        return self._frequent("rare", arguments)

    def _frequent(self, command: str, arguments: str) -> list[str]:
        """PPL shows no shares, and counts missing values unless told; SPL counts a value in their place."""
        shown = self._show(re.sub(r"usenull=\w+", "", arguments), expression=False).strip()
        before = [f'fillnull value="" {shown}'] if "usenull=true" in arguments else []
        return [*before, f"{command} showperc=f {shown}"]

    def _xyseries(self, arguments: str) -> list[str]:
        """PPL names the columns that it keeps; every row stays."""
        named = re.search(r"(\S+)\s+(\S+)\s+in\s+\(([^)]*)\)", arguments, re.IGNORECASE)
        if not named:
            return [f"xyseries {self._show(arguments, expression=False)}"]
        series = (
            f"xyseries {self._show(arguments.replace(named[0], f'{named[1]} {named[2]}'), expression=False)}"
        )
        return [
            series,
            f"table {named[1]} {' '.join(f'*{value.strip()}*' for value in self._values(named[3]))}",
        ]

    def _values(self, listed: str) -> list[str]:
        return [self._quoted[int(place)][1] for place in re.findall(f"{_MARK}(\\d+){_MARK}", listed)]

    def _fieldformat(self, arguments: str) -> list[str]:
        """PPL's fieldformat gives the field its value, as eval does."""
        return self._eval(arguments)

    def _sort(self, arguments: str) -> list[str]:
        """PPL puts rows without the field first, SPL last."""
        keys = []
        for part in _top_level(arguments):
            words = part.split()
            descending = words[-1].lower() in {"desc", "d"}
            if words[-1].lower() in {"asc", "a", "desc", "d"}:
                words.pop()
            keys.append(("-" if descending else "") + " ".join(words))
        shown = f"sort {self._show(', '.join(keys), expression=False)}"
        if len(keys) > 1 or not re.fullmatch(r"[A-Za-z][\w.]*", keys[0]):
            return [shown]
        first = f"eval present=if(isnull('{keys[0]}'), 0, 1)"
        return [first, shown.replace("sort ", "sort present, "), "fields - present"]

    def _stats(self, arguments: str) -> list[str]:
        """PPL keeps a group for rows without the BY field unless told; SPL counts a value in their place."""
        *before, stats = self._grouped("stats", arguments)
        keys = re.search(r"\bby (.*)", stats, re.IGNORECASE)
        if keys and "bucket_nullable=false" not in arguments:
            before.append(f'fillnull value="" {keys[1]}')
        return [*before, stats]

    def _eventstats(self, arguments: str) -> list[str]:
        return self._grouped("eventstats", arguments)

    def _grouped(self, command: str, arguments: str) -> list[str]:
        """Bin what is grouped by `span(field, width)` first; PPL shows the start of a bin alone."""
        before: list[str] = []
        arguments = re.sub(r"bucket_nullable=\w+\s*", "", arguments)
        spans = r"span\(\s*([^,()]+?)\s*,\s*(\w+)\s*\)(?:\s+as\s+(\w+))?"
        for match in re.finditer(spans, arguments, re.IGNORECASE):
            field, width, alias = match[1], match[2], match[3] or match[1]
            if width.isdigit():
                shown, made = (self._show(name, expression=True) for name in (field, alias))
                shown, made = (f"'{name}'" if "@" in name else name for name in (shown, made))
                before.append(f"eval {made} = floor({shown} / {width}) * {width}")
            else:
                before.append(f"bin {self._show(field, expression=False)} span={width} AS {alias}")
            arguments = arguments.replace(match[0], alias)
        timed = re.search(r"\b(?:earliest|latest)\((\w+),\s*(\w+)\)", arguments)
        if timed:
            before.append(f'eval _time=coalesce(strptime({timed[2]}, "%Y-%m-%d %H:%M:%S"), {timed[2]})')
            arguments = arguments.replace(f", {timed[2]})", ")")
        arguments = re.sub(r"percentile\(\s*(\w+)\s*,\s*(\d+)\s*\)", r"perc\2(\1)", arguments)
        if re.search(r"\b(earliest|latest)\(", arguments) and not timed:
            before.append("eval _time='@timestamp'")
        return [*before, f"{command} {self._show(arguments, expression=False)}"]

    def _timechart(self, arguments: str) -> list[str]:
        arguments = re.sub(r"timefield\s*=\s*\S+", "", arguments)
        chart = f"timechart {self._show(arguments, expression=False)}"
        long = (
            ["untable _time series value", "where value!=0"]
            if re.search(r"\bby\b", arguments, re.IGNORECASE)
            else []
        )
        return ["eval _time='@timestamp'", chart, *long]

    def _chart(self, arguments: str) -> list[str]:
        """PPL shows the start of a bin alone, and one row for each pair of values."""
        binned = re.search(r"\bby (\w+) span=(\d+), ", arguments)
        if binned:
            start = f"eval start=floor({binned[1]} / {binned[2]}) * {binned[2]}"
            return [start, *self._chart(arguments.replace(binned[0], "by start, "))]
        grouped = re.search(r"\bover\b.*\bby\b|\bby\b[^,]*,", arguments, re.IGNORECASE)
        row = re.search(r"\b(?:over|by)\s+(\S+)", arguments, re.IGNORECASE)
        shown = f"chart {self._show(arguments, expression=False)}"
        if not grouped or not row:
            return [shown]
        key = self._show(row[1].rstrip(","), expression=False)
        return [shown, f"untable {key} series value", "where value!=0"]

    def _fillnull(self, arguments: str) -> list[str]:
        using = re.fullmatch(r"using\s+(.*)", arguments, re.DOTALL)
        if using:
            pairs = [part.partition("=") for part in _top_level(using[1])]
            return [
                f"fillnull value={self._show(value.strip(), expression=False)} {self._show(name.strip(), expression=False)}"
                for name, _, value in pairs
            ]
        given = re.fullmatch(r"with\s+(\S+)\s+in\s+(.*)", arguments, re.DOTALL)
        if given:
            arguments = f"value={given[1]} {given[2]}"
        return [f"fillnull {self._show(arguments, expression=False)}"]


def statistics_first(command: str) -> list[str]:
    """Put the columns of `stats` in PPL's order."""
    parts = re.fullmatch(r"stats (.*) by (.*)", command, re.IGNORECASE)
    if not parts:
        return [command]
    names = re.findall(r"\bas (\w+)", parts[1], re.IGNORECASE)
    return [command, f"table {' '.join(names)} {parts[2]}"]


def _compared(match: re.Match[str]) -> str:
    """`earliest(time, field)` tells whether the field is not before the time."""
    sign = ">=" if match[1] == "earliest" else "<="
    return f'strptime({match[3]}, "%Y-%m-%d %H:%M:%S") {sign} strptime({match[2]}, "%m/%d/%Y:%H:%M:%S")'


def _like(match: re.Match[str]) -> str:
    """The third argument tells whether letter case matters."""
    if match[3] == "true":
        return f"like({match[1]}, {match[2]})"
    return f"like(lower({match[1]}), lower({match[2]}))"


def _pieces(text: str) -> list[str]:
    """Split at pipes outside brackets."""
    parts, depth, start = [], 0, 0
    for place, char in enumerate(text):
        depth += (char == "[") - (char == "]")
        if char == "|" and depth == 0:
            parts.append(text[start:place].strip())
            start = place + 1
    return [part for part in [*parts, text[start:].strip()] if part]


def _top_level(text: str) -> list[str]:
    """Split at commas outside parentheses."""
    parts, depth, start = [], 0, 0
    for place, char in enumerate(text):
        depth += (char in "([") - (char in ")]")
        if char == "," and depth == 0:
            parts.append(text[start:place].strip())
            start = place + 1
    return [*parts, text[start:].strip()]


def is_truth(text: str) -> bool:
    """Tell whether an expression is true or false, which no field of SPL can hold."""
    try:
        return is_condition(parse_expression(text))
    except SplError:
        return False


INDEX_OF = {"mvcombine_data": "mvcombine"}
"""Source -> the index under which the oracle's documents are kept."""


def to_spl(query: str) -> str:
    """Translate a PPL query whose commands SPL has too."""
    return Translation(query).spl()


def joined_lines(body: list[list[str]]) -> list[list[str]]:
    """Join the lines of cells that are printed over several: the first column of a further line is empty."""
    rows: list[list[str]] = []
    for line in body:
        if line[0] or not rows:
            rows.append(line)
        else:
            rows[-1] = [
                f"{cell}\n{more}" if more else cell for cell, more in zip(rows[-1], line, strict=True)
            ]
    return rows


def table_rows(text: str) -> list[dict[str, str]]:
    """Read a printed result table; `null` is a missing cell."""
    lines = [line for line in text.splitlines() if line.startswith("|") and not line.startswith("|-")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    cells = [[cell.strip().strip("|").strip() for cell in row] for row in cells]
    header, *body = cells
    told = re.search(r"total rows = (\d+)", text)
    if told and len(body) > int(told[1]):
        body = joined_lines(body)
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
    for row in kept:
        if stamp := epoch(str(row.get("@timestamp", ""))):
            row["@timestamp"] = stamp
    return [
        row | {"_time": 1_000_000 - place, "_raw": raw, "index": path.stem.removeprefix("test_data__")}
        for place, (row, raw) in enumerate(zip(kept, raws, strict=True))
    ]


def shown(value: Any) -> Any:
    """Return a cell so that both engines' spelling of it is the same.

    A printed table pads its cells with blanks, and a multivalue without values is no value.
    """
    if isinstance(value, list):
        return [shown(one) for one in value] if len(value) != 1 else shown(value[0])
    text = str(value).strip("\"'").strip()
    text = {"True": "true", "TRUE": "true", "False": "false"}.get(text, epoch(text) or text)
    if text.startswith("[") and text.endswith("]"):
        parts = [shown(one) for one in text[1:-1].split(",")]
        return parts if len(parts) != 1 else parts[0]
    try:
        return round(float(text), 6)
    except ValueError:
        return text


def cells(rows: Sequence[Row]) -> list[list[str]]:
    """Return the cells of each row, whatever the columns are called and in which order they stand."""
    found = [[shown(value) for value in row.values()] for row in rows]
    return [sorted(repr(value) for value in row if value != "") for row in found]


def same_rows(search: str, wanted: Sequence[Row], got: Sequence[Row]) -> bool:
    """Tell whether rows agree: in any order without a sort, else in that of its keys; equal ones may change places."""
    if cells(wanted) == cells(got):
        return True
    sorts = re.findall(r"\| sort (?:\d+ )?([^|]*)", search)
    keys = [key.strip(' -+"') for key in sorts[-1].split(",")] if sorts else []
    if not all(key in row for key in keys for row in (*wanted, *got)):
        return False
    order = [[[shown(row[key]) for key in keys] for row in rows] for rows in (wanted, got)]
    return sorted(cells(wanted)) == sorted(cells(got)) and order[0] == order[1]


def in_reach(case: Row) -> bool:
    """Tell whether the oracle's own reading is that SPL has all that the query uses."""
    return bool(case["convertible"])


def skip_reason(case: Row) -> str | None:
    """Return why a query cannot be compared."""
    if not case["expected"].lstrip().startswith(("+", "fetched")):
        return "no result table"
    return next(
        (why for pattern, why in OTHER_LANGUAGE.items() if re.search(pattern, case["query"], re.IGNORECASE)),
        None,
    )


REFUSALS = {
    r"spath input=\w+ output=\w+ \|": "SPL's spath wants a path with output",
    r"operator=": "PPL's relevance search",
}
"""Pattern in a translated query -> why this engine rightly refuses it."""


def ppl_outcome(case: Row, bench: Any, lookups: Lookups) -> tuple[str, str]:
    """Return what became of a query, and the details."""
    search = to_spl(case["query"])
    options = {"lookups": lookups} | ({"now": last_day_end(search)} if "timewrap" in search else {})
    try:
        rows = bench.rows(search, **options)
    except SplError as error:
        why = next((why for pattern, why in REFUSALS.items() if re.search(pattern, search)), "UNEXPLAINED")
        return f"refused: {why}", f"{search}\n  {error.code} {error.message[:200]}"
    table = table_rows(case["expected"])
    if same_rows(search, table, rows):
        return "agree", ""
    wanted, got = cells(table), cells(rows)
    why = next((why for pattern, why in DISAGREEMENTS.items() if re.search(pattern, search)), "UNEXPLAINED")
    return f"disagree: {why}", f"{search}\n  expected {wanted[:4]}\n  got      {got[:4]}"


def last_day_end(search: str) -> float:
    """Return the end of the day of the latest moment in a search: PPL wraps by days of the data."""
    latest = max(map(float, re.findall(r'"(\d{10})"', search)))
    return latest - latest % DAY_S + DAY_S


def as_lookup(name: str, rows: Sequence[Row]) -> Lookup:
    """Return documents as a lookup table."""
    fields = tuple(dict.fromkeys(field for row in rows for field in row if field[0] != "_"))
    return Lookup(name, fields, tuple(tuple(row.get(field, "") for field in fields) for row in rows))


def test_documented_ppl_queries_agree(shared_dir: Path, over: Callable[..., Any]) -> None:
    folder = shared_dir / "oracle"
    cases = json.loads((folder / "ppl_doctests.json").read_text(encoding="utf-8"))
    files = [documents(path) for path in sorted((folder / "ppl_test_data").glob("test_data__*.json"))]
    every = {rows[0]["index"]: rows for rows in files}
    lookups = Lookups({"work_information": as_lookup("work_information", every["work_information"])})

    @cache
    def bench(indexes: frozenset[str]) -> Any:
        return over([row for name, rows in every.items() if name in indexes for row in rows])

    counts: Counter[str] = Counter()
    unexplained: list[str] = []
    for case in filter(in_reach, cases):
        reason = skip_reason(case)
        searched = frozenset(name for name in every if re.search(rf"\b{name}\b", to_spl(case["query"])))
        name, detail = (
            (f"skipped: {reason}", "")
            if reason
            else ppl_outcome(case, bench(searched or frozenset(every)), lookups)
        )
        counts[name] += 1
        unexplained += [detail] if name.endswith("UNEXPLAINED") else []
    print(*(f"{count:4} {name}" for name, count in counts.most_common()), sep="\n")
    skipped = sum(count for name, count in counts.items() if name.startswith("skipped"))
    print(f"agree {counts['agree']} of {counts.total()}, of {counts.total() - skipped} that can be compared")
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


OTHER_RUNNER = "tells what the project's own server or executor does, with neither rows nor a search"
FIXTURES_DIFFER = {
    "reference.accum-default": "Splunk adds up where the field is a number; a row without one has no sum",
    "reference.mvexpand-empty": "there is no empty multivalue; a row without values stays one row",
    "reference.mvexpand-null-forms": "a multivalue holds no missing member",
}
"""Row fixture -> why this engine rightly gives other rows."""


def quoted(text: str) -> str:
    """Return a text as SPL writes it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def step(op: Row) -> str:
    """Return one step of a row fixture as a command."""
    match op["op"]:
        case "regex":
            return f"regex {op['field']}{'!=' if op['negated'] else '='}{quoted(op['pattern'])}"
        case "accum":
            return f"accum {op['input']} AS {op['output']}"
        case "delta":
            return f"delta {op['input']} AS {quoted(op['output'])} p={op['period']}"
        case "strcat":
            parts = [part.get("field") or quoted(part["literal"]) for part in op["parts"]]
            return f"strcat allrequired={op['all_required']} {' '.join(parts)} {op['output']}"
        case "fillnull":
            return f"fillnull value={quoted(op['value'])} {' '.join(op['fields'])}"
        case "addtotals":
            return f"addtotals fieldname={op['output']} {' '.join(op['fields'])}"
        case "makemv":
            return f"makemv delim={quoted(op['delimiter'])} allowempty={op['allow_empty']} {op['field']}"
        case "mvexpand":
            return f"mvexpand {op['field']} limit={op['limit']}"
    return str(op["op"])


def fixture_rows(table: Row) -> list[Row]:
    """Return the rows of a fixture's table; null and missing are absent, a null in a list is an empty text."""
    names = [column["name"] for column in table["schema"]]
    rows = [dict(zip(names, map(fixture_cell, row), strict=True)) for row in table["rows"]]
    return [{name: cell for name, cell in row.items() if cell is not None} for row in rows]


def fixture_cell(cell: Row) -> Any:
    """Return the value of a cell as a search sees it."""
    ((kind, value),) = cell.items()
    if kind in {"null", "missing"}:
        return None
    if kind == "list":
        return [fixture_cell(one) or "" for one in value]
    return str(value) if kind != "bool" else str(value).lower()


def fixture_outcome(fixture: Row, over: Callable[..., Any]) -> tuple[str, list[Row], list[Row]]:
    """Return the search of a fixture, the rows that it expects and those of this engine; no search has an id here."""
    rows = [{"_raw": " ".join(map(str, row.values()))} | row for row in fixture_rows(fixture["input"])]
    given = next((op for op in fixture["program"] if op["op"] == "addinfo"), {})
    newest = given.get("maximum", DAY_S)
    bench = over([row | {"_time": newest - (place + 1) / 100} for place, row in enumerate(rows)])
    names = [column["name"] for column in fixture["expected"]["schema"] if column["name"] != "info_sid"]
    search = " | ".join(
        ["index=main", *map(step, fixture["program"]), f"table {' '.join(map(quoted, names))}"]
    )
    got = bench.rows(
        search, earliest=given.get("minimum", 0), latest=newest, now=given.get("started", newest)
    )
    wanted = [
        {name: shown(row[name]) for name in names if name in row} for row in fixture_rows(fixture["expected"])
    ]
    return search, wanted, [{name: shown(value) for name, value in row.items()} for row in got]


def test_row_fixtures_of_a_stricter_dialect_agree(shared_dir: Path, over: Callable[..., Any]) -> None:
    oracle = json.loads((shared_dir / "oracle" / "opensplunk_compat.json").read_text(encoding="utf-8"))
    runnable = {name: one for name, one in oracle["fixtures"].items() if "program" in one}
    agreed, unexplained = 0, []
    for name, fixture in runnable.items():
        search, wanted, got = fixture_outcome(fixture, over)
        agreed += wanted == got
        if wanted != got and name not in FIXTURES_DIFFER:
            unexplained.append(f"{name}: {search}\n  expected {wanted}\n  got      {got}")
    others = len(oracle["fixtures"]) - len(runnable)
    print(
        f"agree {agreed} of {len(runnable)}, {len(FIXTURES_DIFFER)} differ on purpose; {others}: {OTHER_RUNNER}"
    )
    assert not unexplained, "\n".join(unexplained)
    assert agreed + len(FIXTURES_DIFFER) == len(runnable)


OWN_FIELDS = {"index", "sourcetype", "host", "source", "_raw", "_time"}


def raw_filter(sample: Row) -> str | None:
    """Return the part of a search before the first pipe if it only needs raw text and metadata."""
    head = sample["spl"][: split_pipeline(blank_comments(sample["spl"]))[0].end]
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
