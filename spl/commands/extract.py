"""Commands that find fields in text while searching: spath, extract, xmlkv, fromjson, tojson, iplocation."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import orjson
import pyarrow as pa

from spl.calls.json_values import dump, load, spath
from spl.calls.multi import parts_of
from spl.clause import Clause
from spl.errors import Span
from spl.plan import Command, Names
from spl.python_calls import Kind
from spl.sql_calls import as_multi
from spl.sql_text import text_literal
from spl.sql_values import NULL, Sql, as_text
from spl.stage import Builder, Stage
from spl.values import Value
from spl.wildcards import chosen

MOST_FIELDS = 1_000
"""Fields that one command finds at most."""

Found = Mapping[str, list[str]]


def with_found(
    builder: Builder, stage: Stage, field: str, find: Callable[[str], Found], *, overwrite: bool = True
) -> Stage:
    """Add the fields that `find` finds in the text of `field`, whatever their names are.

    The text is read in batches; only the fields found are kept beside the rows.
    """
    value = stage.columns.get(field, NULL)
    if value.kind is Kind.NULL:
        return stage
    stage, _ = builder.keep(stage)
    run, text = builder.runtime, as_text(stage.columns[field])
    names: dict[str, bool] = {}

    def batches() -> Iterator[pa.RecordBatch]:
        for rows in run.batches(f"SELECT o_n, {text} AS t FROM {stage.cte} WHERE {text} IS NOT NULL"):
            found = [find(row["t"]) for row in rows]
            for one in found:
                for name, values in one.items():
                    names[name] = names.get(name, False) or len(values) > 1
            yield pa.record_batch(
                [
                    pa.array([row["o_n"] for row in rows], pa.int64()),
                    pa.array([list(one.items()) for one in found], _FOUND),
                ],
                schema=_SCHEMA,
            )

    table = run.arrow_table(_SCHEMA, batches())
    kept = sorted(names)
    if len(kept) > MOST_FIELDS:
        run.messages.append(f"limit: {len(kept):,} fields were found; the first {MOST_FIELDS:,} were kept.")
        kept = kept[:MOST_FIELDS]
    items, columns = [], dict(stage.columns)
    for name in kept:
        column, old = builder.column(), stage.columns.get(name)
        found_sql = f"f.spl_found[{text_literal(name)}]"
        multi = names[name] or (old is not None and old.kind is Kind.MULTI)
        new = found_sql if multi else f"{found_sql}[1]"
        if old is not None and old.kind is not Kind.NULL:
            own = Sql(f"e.{old.text}", old.kind)
            before = as_multi(own) if multi else as_text(own)
            new = f"coalesce({', '.join([new, before] if overwrite else [before, new])})"
        items.append(f"{new} AS {column}")
        columns[name] = Sql(column, Kind.MULTI if multi else Kind.TEXT)
    if not items:
        return stage
    select = f"SELECT e.*, {', '.join(items)} FROM {stage.cte} e LEFT JOIN {table} f ON e.o_n = f.spl_n"
    return Stage(builder.add(select), columns, stage.order)


_FOUND = pa.map_(pa.string(), pa.list_(pa.string()))
_SCHEMA = pa.schema([("spl_n", pa.int64()), ("spl_found", _FOUND)])


@dataclass(frozen=True, slots=True)
class Spath(Command):
    """takes what stands at a path out of JSON or XML, or all fields without a path."""

    name = "spath"
    row_by_row: ClassVar[bool] = True
    source: str
    path: str | None
    target: str
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Spath:
        """Read `spath [input=] [output=] [path=]path`."""
        options, rest = clause.options("input", "output", "path")
        clause.nothing_left(rest[1:])
        path = options["path"].value if "path" in options else rest[0].value if rest else None
        source = options["input"].value if "input" in options else "_raw"
        target = options["output"].value if "output" in options else path or ""
        if "output" in options and path is None:
            raise clause.fail("spath output= needs path=.", options["output"].span)
        return cls(source, path, target, clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the text, and the target that keeps its value."""
        return (self.source, *((self.target,) if self.path else ()))

    def makes(self) -> tuple[str, ...]:
        """Return the target."""
        return (self.target,) if self.path else ()

    def output(self, names: Names) -> Names:
        """Return the fields with the target; without a path the text decides."""
        return None if names is None or self.path is None else names | {self.target}

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Find the values."""
        if self.path is None:
            return with_found(builder, stage, self.source, find_structured)
        value = stage.columns.get(self.source, NULL)
        if value.kind is Kind.NULL:
            return stage
        path = self.path
        call = builder.runtime.python.install(
            ("spath", path), lambda text: _at_path(text, path), [Kind.TEXT], Kind.MULTI
        )
        return builder.extend(stage, [(self.target, Sql(f"{call}({as_text(value)})", Kind.MULTI))])


def _at_path(text: Value, path: str) -> Value:
    if isinstance(text, str) and text.lstrip().startswith("<"):
        return list(find_xml(text).get(path, ())) or None
    return spath(text, path)


def find_structured(text: str) -> Found:
    """Return every field of a JSON or XML text, by Splunk's paths."""
    if text.lstrip().startswith("<"):
        return find_xml(text)
    found: dict[str, list[str]] = {}
    document = load(text)
    if document is not None:
        _walk(document, "", found)
    return found


def _walk(node: Any, path: str, found: dict[str, list[str]]) -> None:
    if isinstance(node, dict):
        for key, value in node.items():
            _walk(value, f"{path}.{key}" if path else key, found)
    elif isinstance(node, list):
        for value in node:
            _walk(value, f"{path}{{}}", found)
    elif node is not None and path:
        found.setdefault(path, []).append(dump(node))


_XML_TOKEN = re.compile(r"<(?P<close>/)?(?P<name>[\w:.-]+)(?P<rest>[^<>]*?)(?P<empty>/)?>|(?P<text>[^<]+)")
_XML_ATTRIBUTE = re.compile(r"([\w:.-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'", "&amp;": "&"}


def _plain(text: str) -> str:
    return re.sub("|".join(_ENTITIES), lambda match: _ENTITIES[match.group()], text)


def find_xml(text: str) -> Found:
    """Return every field of an XML text: `a.b` for elements, `a.b{@c}` for attributes.

    A scanner and no parser: a torn text gives what stands before the tear, and there are no entities to expand.
    """
    found: dict[str, list[str]] = {}
    stack: list[str] = []
    for match in _XML_TOKEN.finditer(text):
        if match["text"] is not None:
            if match["text"].strip() and stack:
                found.setdefault(".".join(stack), []).append(_plain(match["text"].strip()))
        elif match["close"]:
            if stack and stack[-1] == match["name"]:
                stack.pop()
        else:
            stack.append(match["name"])
            for attribute in _XML_ATTRIBUTE.finditer(match["rest"]):
                value = attribute[2] if attribute[2] is not None else attribute[3]
                found.setdefault(f"{'.'.join(stack)}{{@{attribute[1]}}}", []).append(_plain(value))
            if match["empty"]:
                stack.pop()
    return found


_PAIR = re.compile(
    r"(?P<key>[A-Za-z_][\w.\-]*)\s*=\s*(?:\"(?P<quoted>(?:[^\"\\]|\\.)*)\"|(?P<bare>[^\s,;|&\"]+))"
)


def find_pairs(text: str) -> Found:
    """Return the `key=value` pairs of a text."""
    found: dict[str, list[str]] = {}
    for match in _PAIR.finditer(text):
        value = match["quoted"] if match["quoted"] is not None else match["bare"]
        found.setdefault(match["key"], [value])
    return found


@dataclass(frozen=True, slots=True)
class Extract(Command):
    """takes key=value pairs out of the raw text."""

    name = "extract"
    row_by_row: ClassVar[bool] = True
    pair_delimiters: str | None
    key_delimiters: str | None
    most: int
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Extract:
        """Read `extract [pairdelim=] [kvdelim=] [limit=]`."""
        options, rest = clause.options(
            "pairdelim", "kvdelim", "limit", "auto", "reload", "mv_add", "clean_keys", "maxchars"
        )
        if rest:
            raise clause.unsupported(
                "extract with a stanza of transforms.conf.", rest[0].span, ("pairdelim", "kvdelim")
            )
        pair, key = (options[name].value if name in options else None for name in ("pairdelim", "kvdelim"))
        return cls(pair, key, clause.number(options, "limit", 0), clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the raw text; what it holds can be any field."""
        return ("_raw",)

    def output(self, names: Names) -> Names:
        """Return nothing known: the text decides."""
        return None

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Find the pairs; a field that is there already keeps its value."""
        return with_found(builder, stage, "_raw", self._find, overwrite=False)

    def _find(self, text: str) -> Found:
        if self.pair_delimiters is None or self.key_delimiters is None:
            found = find_pairs(text)
        else:
            found = {}
            for part in re.split(f"[{re.escape(self.pair_delimiters)}]", text):
                pieces = re.split(f"[{re.escape(self.key_delimiters)}]", part, maxsplit=1)
                if len(pieces) == 2 and pieces[0].strip():
                    found.setdefault(pieces[0].strip(), [pieces[1].strip().strip('"')])
        return dict(list(found.items())[: self.most]) if self.most else found


_XML_KV = re.compile(r"<(?P<name>[\w:.-]+)(?:\s[^<>]*)?>(?P<value>[^<]+)</(?P=name)>")


@dataclass(frozen=True, slots=True)
class XmlKv(Command):
    """takes the elements of XML in the raw text as fields."""

    name = "xmlkv"
    row_by_row: ClassVar[bool] = True
    field: str
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> XmlKv:
        """Read `xmlkv [field]`."""
        _, rest = clause.options("maxinputs")
        clause.nothing_left(rest[1:])
        return cls(rest[0].value if rest else "_raw", clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the text."""
        return (self.field,)

    def output(self, names: Names) -> Names:
        """Return nothing known: the text decides."""
        return None

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Find the elements."""
        return with_found(builder, stage, self.field, _xml_pairs)


def _xml_pairs(text: str) -> Found:
    found: dict[str, list[str]] = {}
    for match in _XML_KV.finditer(text):
        found.setdefault(match["name"], [_plain(match["value"])])
    return found


@dataclass(frozen=True, slots=True)
class FromJson(Command):
    """takes the keys of a JSON object in a field as fields."""

    name = "fromjson"
    row_by_row: ClassVar[bool] = True
    field: str
    prefix: str
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> FromJson:
        """Read `fromjson field [prefix=]`."""
        options, rest = clause.options("prefix")
        names = clause.fields(rest)
        if len(names) != 1:
            raise clause.fail("fromjson takes one field.")
        return cls(names[0], options["prefix"].value if "prefix" in options else "", clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the text."""
        return (self.field,)

    def output(self, names: Names) -> Names:
        """Return nothing known: the text decides."""
        return None

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Find the keys of the outermost object."""
        return with_found(builder, stage, self.field, self._find)

    def _find(self, text: str) -> Found:
        document = load(text)
        if not isinstance(document, dict):
            return {}
        return {
            f"{self.prefix}{key}": [dump(part) for part in value if part is not None]
            if isinstance(value, list)
            else [dump(value)]
            for key, value in document.items()
            if value is not None and value != []
        }


@dataclass(frozen=True, slots=True)
class ToJson(Command):
    """writes fields as a JSON object into a field."""

    name = "tojson"
    row_by_row: ClassVar[bool] = True
    fields: tuple[str, ...]
    target: str
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> ToJson:
        """Read `tojson [fields] [output_field=]`."""
        options, rest = clause.options("output_field", "default_type", "fill_null", "include_internal")
        target = options["output_field"].value if "output_field" in options else "_raw"
        if any(token.kind == "lparen" for token in rest):
            raise clause.unsupported("tojson with types.", rest[0].span, ("tojson fields",))
        return cls(clause.fields(rest) if rest else ("*",), target, clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the written fields."""
        return self.fields

    def makes(self) -> tuple[str, ...]:
        """Return the target."""
        return (self.target,)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Write the object of each row; missing fields are left out."""
        names = chosen(stage.columns, self.fields)
        values = [stage.columns[name] for name in names]

        def write(*cells: Value) -> Value:
            known = {
                name: parts_of(cell) if isinstance(cell, list) and len(cell) > 1 else _json_of(cell)
                for name, cell in zip(names, cells, strict=True)
                if cell is not None
            }
            return orjson.dumps(known).decode()

        if not values:
            return builder.extend(stage, [(self.target, Sql("'{}'", Kind.TEXT))])
        call = builder.runtime.python.install(
            ("tojson", tuple(names)), write, [v.kind for v in values], Kind.TEXT
        )
        args = ", ".join("NULL::VARCHAR" if v.kind is Kind.NULL else v.text for v in values)
        return builder.extend(stage, [(self.target, Sql(f"{call}({args})", Kind.TEXT))])


def _json_of(cell: Value) -> Any:
    if isinstance(cell, list):
        return cell[0]
    return int(cell) if isinstance(cell, float) and cell == int(cell) else cell


_PLACE_FIELDS = ("City", "Country", "Region", "lat", "lon")


@dataclass(frozen=True, slots=True)
class IpLocation(Command):
    """adds where an address is, from a MaxMind database of yours."""

    name = "iplocation"
    row_by_row: ClassVar[bool] = True
    field: str
    prefix: str
    every: bool
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> IpLocation:
        """Read `iplocation [prefix=] [allfields=] field`."""
        options, rest = clause.options("prefix", "allfields", "lang")
        names = clause.fields(rest)
        if len(names) != 1:
            raise clause.fail("iplocation takes one field.")
        prefix = options["prefix"].value if "prefix" in options else ""
        return cls(names[0], prefix, clause.flag(options, "allfields"), clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the address."""
        return (self.field,)

    def makes(self) -> tuple[str, ...]:
        """Return the fields of a place."""
        more = ("Continent", "Timezone", "MetroCode") if self.every else ()
        return tuple(f"{self.prefix}{name}" for name in (*_PLACE_FIELDS, *more))

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Look every distinct address up once."""
        value = stage.columns.get(self.field, NULL)
        stage, _ = builder.keep(stage)
        text = as_text(stage.columns.get(self.field, NULL))
        asked = (
            []
            if value.kind is Kind.NULL
            else builder.runtime.rows(f"SELECT DISTINCT {text} FROM {stage.cte} WHERE {text} IS NOT NULL")
        )
        find = builder.runtime.locate
        if find is None:
            builder.runtime.messages.append(
                "iplocation: no database of places. Put a MaxMind database, places.mmdb, into the folder of lookups."
            )
            asked = []
        names = self.makes()
        rows = [[address, *_place(find(address) if find else {}, names, self.prefix)] for (address,) in asked]
        table = builder.runtime.values_table({"\0address": Kind.TEXT} | dict.fromkeys(names, Kind.TEXT), rows)
        items, columns = [], dict(stage.columns)
        for name in names:
            column = builder.column()
            items.append(f"t.{table.columns[name].text} AS {column}")
            columns[name] = Sql(column, Kind.TEXT)
        key = table.columns["\0address"].text
        select = (
            f"SELECT e.*, {', '.join(items)} FROM {stage.cte} e LEFT JOIN {table.cte} t ON {text} = t.{key}"
        )
        return Stage(builder.add(select), columns, stage.order)


def _place(found: Mapping[str, str], names: tuple[str, ...], prefix: str) -> list[str | None]:
    return [found.get(name.removeprefix(prefix)) for name in names]
