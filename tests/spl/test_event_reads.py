"""Which fields of stored events a search reads, and over which of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procedures.archive import load_procedure, macros_of, parameters_of
from procedures.bundled import bundled, find_procedure
from procedures.expand import parameter_values, substitute, tokens
from procedures.source import read_source
from spl.datamodels import AnyDatasets
from spl.errors import Span
from spl.event_reads import METADATA, scans
from spl.parse import parse_search
from spl.parse_terms import parse_condition
from spl.plan import source_fields, walk_searches
from spl.terms import Combined, FieldIn, FieldTerm, Keyword, NotTerm, Pattern, Term
from spl.write_terms import write_condition

NEEDED = {
    "index=i a=1 | stats count BY b": ["a", "b @ index=i a=1"],
    "index=i a=1 b=2 c=3 | table d": ["a @ index=i", "b @ index=i a=1", "c @ index=i a=1 b=2", "d"],
    "index=i | eval x=lower(a) | stats count BY x": ["a"],
    "index=i | rename a AS b | stats count BY b": ["a"],
    'index=i | rex field=a "(?<x>.)" | stats count BY x': ["a"],
    "index=i | eval x=coalesce(a, b) | stats count BY x": ["a|b"],
    'index=i | eval x=coalesce(a, "none") | stats count BY x': [],
    "index=i | eval x=coalesce(a, host) | stats count BY x": [],
    'index=i | eval x=if(match(a, "p"), 1, 0) | stats max(x)': ["a"],
    "index=i NOT a=* | stats count": [],
    "index=i | where isnull(a) | stats count": [],
    "index=i | stats count(eval(isnull(a))) count(eval(b>3)) dc(c)": ["b", "c"],
    "index=i (a=1 OR (a=2 b=3)) | stats count": ["a", "b @ index=i a=2"],
    "index=i (a=1 OR b=2) | stats count": ["a|b"],
    "index=i | where 'a.b{}.c'=1 AND match(d, \"x\") | stats count": ["a.b{}.c", "d"],
    "index=i | stats count AS a | where a>3 | eval z=y": [],
    "index=i | fillnull value=0 a | stats count BY b": ["b"],
    "index=i [search index=j c=1 | table d] | stats count BY e": ["c", "d", "e"],
    "(index=i a=1) OR (index=j b=2) | stats count BY c": ["a", "b", "c @ index=i a=1", "c @ index=j b=2"],
}


@pytest.mark.parametrize("spl", NEEDED)
def test_needed_fields_stand_with_the_events_that_need_them(spl: str) -> None:
    found = set()
    for scan in scans(parse_search(spl)):
        for read in (read for read in scan.reads if read.needed):
            found.add(("|".join(read.fields), " ".join(_plain(term) for term in read.scope)))
    for wanted in NEEDED[spl]:
        name, _, scope = wanted.partition(" @ ")
        assert [one for one in found if one[0] == name and scope in one[1]], (wanted, found)
    assert {name for name, _ in found} == {wanted.partition(" @ ")[0] for wanted in NEEDED[spl]}


def _plain(term: Term) -> str:
    try:
        return write_condition(term)
    except ValueError:
        return "[]"


@pytest.mark.parametrize("name", bundled())
def test_no_field_of_a_library_search_is_overlooked(name: str) -> None:
    """Every field that the engine itself would fetch is a read, but for what a search makes of its own."""
    source = read_source(find_procedure(name))
    procedure = load_procedure(source)
    values = parameter_values(parameters_of(procedure, source.environment))
    for item in procedure.items:
        for spl in (item.spl, item.total_spl, *(part.spl for part in item.drill_downs)):
            text = substitute(spl or "", {**dict.fromkeys(tokens(spl or ""), "x"), **values})
            if not text:
                continue
            search = parse_search(text, macros=macros_of(source), datasets=AnyDatasets())
            found = {field for scan in scans(search) for read in scan.reads for field in read.fields}
            parts = list(walk_searches(search))
            made = {field for part in parts for command in part.commands for field in command.makes()}
            fetched = {field for part in parts for field in source_fields(part) or ()} - METADATA - made
            assert {field for field in fetched if not field.startswith("_")} <= found


TEXT = st.text(st.characters(codec="ascii", exclude_categories=("Cc",)), min_size=0, max_size=8)
NAME = st.text(st.sampled_from("ab.{}:'_ -\"\\"), min_size=1, max_size=6).filter(
    lambda name: name.strip() == name and name.lower() not in {"earliest", "latest"}
)
PATTERN = st.lists(TEXT, min_size=1, max_size=3).map(
    lambda parts: Pattern((*parts[:1], *filter(None, parts[1:-1]), *parts[1:][-1:]))
)
NO_SPAN = Span(0, 0)
LEAF = st.one_of(
    st.builds(FieldTerm, NAME, st.sampled_from(["=", "!=", "<", ">="]), PATTERN, st.just(NO_SPAN)),
    st.builds(FieldIn, NAME, st.lists(PATTERN, min_size=1, max_size=3).map(tuple), st.just(NO_SPAN)),
    st.builds(Keyword, PATTERN.filter(lambda p: any(p.parts)), st.booleans(), st.just(NO_SPAN)),
)
TERM = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        st.builds(NotTerm, inner, st.just(NO_SPAN)),
        st.builds(
            Combined,
            st.sampled_from(["AND", "OR"]),
            st.lists(inner, min_size=2, max_size=3).map(tuple),
            st.just(NO_SPAN),
        ),
    ),
    max_leaves=5,
)


def shape(term: Term | None) -> object:
    """Return a condition without places; nested AND and OR are flat, a list is an OR."""
    match term:
        case FieldTerm(field, op, value):
            return (field, op, value.parts)
        case FieldIn(field, values):
            sides = [(field, "=", value.parts) for value in values]
            return sides[0] if len(sides) == 1 else ("OR", *sides)
        case Keyword(value, sensitive):
            return (value.parts, sensitive)
        case NotTerm(operand):
            return ("NOT", shape(operand))
        case Combined(op, operands):
            flat: list[object] = []
            for operand in map(shape, operands):
                nested = isinstance(operand, tuple) and operand[0] == op
                flat.extend(operand[1:] if nested else [operand])  # type: ignore[index]
            return (op, *flat)
    return None


@given(TERM)
def test_a_written_condition_reads_as_itself(term: Term) -> None:
    assert shape(parse_condition(write_condition(term))) == shape(term)
