"""Sourcetypes are data: `props.conf` beside this file says how each finds its time and its fields."""

from __future__ import annotations

import configparser
import difflib
import re
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from zoneinfo import ZoneInfo

from spl.evaluate import evaluate
from spl.expr import Expr
from spl.parse_expr import parse_expression
from spl.values import to_text
from tools.logstore.errors import UnknownSourcetypeError
from tools.logstore.events import FieldValue

_KEY_VALUE = re.compile(r'(?<![^\s,;])([\w.@-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,;]*))')


@dataclass(frozen=True)
class Sourcetype:
    """One stanza of props.conf."""

    name: str
    settings: dict[str, str]

    @property
    def kv_mode(self) -> str:
        """How fields are found: `none`, `auto` (key=value), `json`, `csv` or `xml`."""
        return self.settings.get("KV_MODE", "auto")

    @cached_property
    def zone(self) -> ZoneInfo:
        """Zone of times that carry none."""
        return ZoneInfo(self.settings.get("TZ", "UTC"))

    @cached_property
    def time_fields(self) -> tuple[str, ...]:
        """Fields that hold the time, in order of preference."""
        return tuple(
            part.strip() for part in self.settings.get("TIMESTAMP_FIELDS", "").split(",") if part.strip()
        )

    @cached_property
    def time_prefix(self) -> re.Pattern[str]:
        """What stands before the time in the raw text."""
        return re.compile(self.settings.get("TIME_PREFIX", ""))

    @property
    def time_format(self) -> str | None:
        """Strptime format of the time in the raw text."""
        return self.settings.get("TIME_FORMAT")

    @cached_property
    def extractions(self) -> tuple[re.Pattern[str], ...]:
        """The EXTRACT-* patterns, in order."""
        return tuple(
            re.compile(pattern.replace("(?<", "(?P<").replace("(?P<=", "(?<=").replace("(?P<!", "(?<!"))
            for name, pattern in self.settings.items()
            if name.startswith("EXTRACT-")
        )

    @cached_property
    def evaluations(self) -> tuple[tuple[str, Expr], ...]:
        """The EVAL-* expressions by field."""
        return tuple(
            (name.removeprefix("EVAL-"), parse_expression(text))
            for name, text in self.settings.items()
            if name.startswith("EVAL-")
        )

    @property
    def names_source(self) -> bool:
        """Whether events say which source they come from, as Windows events do by their channel."""
        return "EVAL-source" in self.settings

    def extract(self, raw: str) -> dict[str, FieldValue]:
        """Return the fields of one raw line."""
        fields: dict[str, FieldValue] = {}
        if self.kv_mode == "auto":
            for match in _KEY_VALUE.finditer(raw):
                name, quoted, plain = match.groups()
                fields.setdefault(name, plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
        for pattern in self.extractions:
            if found := pattern.search(raw):
                for name, value in found.groupdict().items():
                    if value:
                        fields.setdefault(name, value)
        return self.compute(fields)

    def compute(self, fields: dict[str, FieldValue]) -> dict[str, FieldValue]:
        """Add the EVAL-* fields, all of them over the fields as extracted."""
        if not self.evaluations:
            return fields
        computed = {name: evaluate(expr, fields, now=0.0, zone=self.zone) for name, expr in self.evaluations}
        result = dict(fields)
        for name, value in computed.items():
            text = value if isinstance(value, list) else to_text(value)
            if text is None:
                result.pop(name, None)
            else:
                result[name] = text
        return result


@cache
def all_sourcetypes() -> dict[str, Sourcetype]:
    """Return every described sourcetype by name."""
    parser = configparser.ConfigParser(
        interpolation=None, delimiters=("=",), comment_prefixes=("#",), strict=True
    )
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(resources.files(__package__).joinpath("props.conf").read_text("utf-8"))
    return {name: Sourcetype(name, dict(parser[name])) for name in parser.sections()}


def find_sourcetype(name: str) -> Sourcetype:
    """Return the sourcetype `name`.

    Raises:
        UnknownSourcetypeError: It is not described.
    """
    known = all_sourcetypes()
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise UnknownSourcetypeError(
            f"sourcetype {name!r} is unknown.{hint} Known: {', '.join(sorted(known))}."
        )
    return known[name]
