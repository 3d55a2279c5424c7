"""The Python evaluator and the SQL compiler give the same value for every expression and row."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from spl import evaluate as python_backend
from spl import sql_expr, stat_functions
from spl.evaluate import evaluate
from spl.functions import FUNCTIONS
from spl.parse_expr import parse_expression
from spl.python_calls import Kind, PythonCalls
from spl.sql_expr import compile_expression
from spl.sql_text import install_macros
from spl.sql_values import Sql, SqlContext
from spl.values import Value, lower_text, to_number, to_text, upper_text

TOKYO, BERLIN, NEW_YORK = ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
NOW = 1_700_000_000.0
COLUMNS = {
    "a": Sql("a", Kind.TEXT),
    "b": Sql("b", Kind.TEXT),
    "n": Sql("n", Kind.NUMBER),
    "m": Sql("m", Kind.MULTI),
}
"""The field `z` is in no column: no event has it."""

NUMBERS = st.sampled_from([0.0, 1.0, -1.0, 2.5, -2.5, 10.0, 200.0, 0.25, 1e6, 1_490_620_016.0])
WORDS = st.sampled_from(
    [
        "",
        "a",
        "A",
        "ab",
        "10",
        "9",
        " 10 ",
        "1e2",
        "007",
        "-0",
        "2.50",
        "+3",
        ".5",
        "5.",
        "0x10",
        "1_0",
        "nan",
        "inf",
        "it's",
        'say "x"',
        "50%",
        "a_b",
        "\\",
        "ΑΣ",
        "ß",
        "日本",
        "10.1.2.3",
        "10.1.2.300",
        "192.168.0.1",
        "\x1f1",
    ]
)
TEXTS = WORDS | st.text(alphabet="aB1.'\\%_ -é", max_size=5)
ROWS = st.fixed_dictionaries(
    {},
    optional={"a": TEXTS, "b": TEXTS, "n": NUMBERS, "m": st.lists(TEXTS, min_size=1, max_size=3)},
)


def quoted(text: str) -> str:
    """Return `text` as an SPL string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


LEAVES = (
    st.sampled_from(["a", "b", "n", "z", "null()", "now()"])
    | TEXTS.map(quoted)
    | NUMBERS.map(lambda n: f"({n:g})")
)
NETWORKS = st.sampled_from(
    [
        '"10.0.0.0/8"',
        '"192.168.0.0/24"',
        '"0.0.0.0/0"',
        '"10.1.2.3/32"',
        '"10.0.0.0/12"',
        '"192.168.0.128/25"',
        '"8.0.0.0/5"',
    ]
)
PATTERNS = st.sampled_from(
    [
        r'"(?!a)b"',
        r'"(.)\1"',
        r'"^1"',
        r'"\d+"',
        r'"a|b"',
        r'"\\."',
        r'"^\s*$"',
        r'"(?i)AB"',
        r'"(?<x>a)b?"',
        r'"[^a-z]"',
    ]
)
LIKES = st.sampled_from(['"%"', '"a%"', '"_"', '"%\'%"', '"1__"', '"%\\\\%"', '"50%"'])
COMPARISONS = st.sampled_from(["=", "==", "!=", "<", "<=", ">", ">="])


def values_from(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return larger values built from `inner`."""
    return st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "."]), inner).map(
            lambda t: f"({t[0]} {t[1]} {t[2]})"
        ),
        st.tuples(inner, st.sampled_from(["/", "%"]), st.sampled_from(["2", "4", "0", "(-8)"])).map(
            lambda t: f"({t[0]} {t[1]} {t[2]})"
        ),
        st.tuples(conditions_from(inner), inner, inner).map(lambda t: f"if({t[0]}, {t[1]}, {t[2]})"),
        st.tuples(conditions_from(inner), inner).map(lambda t: f"case({t[0]}, {t[1]}, true(), a)"),
        st.tuples(inner, inner).map(lambda t: f"coalesce({t[0]}, {t[1]})"),
        st.tuples(
            st.sampled_from(
                ["lower", "upper", "len", "tonumber", "tostring", "abs", "floor", "ceiling", "round"]
            ),
            inner,
        ).map(lambda t: f"{t[0]}({t[1]})"),
        st.tuples(inner, st.integers(-2, 3)).map(lambda t: f"round({t[0]}, {t[1]})"),
        inner.map(lambda x: f"(-{x})"),
        st.tuples(
            st.sampled_from(
                [
                    "trim",
                    "ltrim",
                    "rtrim",
                    "sqrt",
                    "ln",
                    "log",
                    "exp",
                    "md5",
                    "sha1",
                    "sha256",
                    "mvcount",
                    "typeof",
                ]
            ),
            inner,
        ).map(lambda t: f"{t[0]}({t[1]})"),
        st.tuples(inner, st.integers(-3, 4), st.integers(0, 3)).map(
            lambda t: f"substr({t[0]}, {t[1]}, {t[2]})"
        ),
        st.tuples(inner, st.sampled_from(['"a"', '"[0-9]+"', '"(a)|b"', r'"(?<=a)b"', '"x*"', r'"\."'])).map(
            lambda t: f'replace({t[0]}, {t[1]}, "<\\1>")'
        ),
        st.tuples(inner, inner).map(lambda t: f"nullif({t[0]}, {t[1]})"),
        st.tuples(inner, inner).map(lambda t: f"max({t[0]}, {t[1]})"),
        st.tuples(inner, inner).map(lambda t: f"min({t[0]}, {t[1]})"),
        st.tuples(inner, st.sampled_from(['"."', '" "', '"a"'])).map(
            lambda t: f'mvjoin(split({t[0]}, {t[1]}), "|")'
        ),
        st.tuples(inner, st.integers(-2, 2)).map(lambda t: f'mvindex(split({t[0]}, "."), {t[1]})'),
        st.tuples(inner, inner).map(lambda t: f'mvjoin(mvsort(mvappend({t[0]}, m, {t[1]})), "|")'),
        st.tuples(inner, st.sampled_from(['"commas"', '"hex"', '"duration"'])).map(
            lambda t: f"tostring({t[0]}, {t[1]})"
        ),
        st.sampled_from(
            [
                'mvjoin(mvmap(m, m . "!"), "|")',
                'mvcount(mvfilter(m != "a"))',
                'mvjoin(mvmap(m, if(m > 1, m, null())), "|")',
                'mvjoin(mvmap(mvappend(m, "x"), m . "!"), "|")',
                'mvjoin(mvmap(mvsort(m), len(m)), "|")',
                'mvjoin(mvmap(upper(a), a . b), "|")',
                'validate(a > 1, "low", isnotnull(b), "none", a != b, m)',
                "validate(n < 10, n, a < b, 0)",
                'mvfind(m, "a")',
                "pow(n, 2)",
                "atan2(n, 2)",
                "sin(n)",
            ]
        ),
    )


def conditions_from(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return conditions over `inner` and the multivalue `m`."""
    side = inner | st.just("m")
    simple = st.one_of(
        st.tuples(side, COMPARISONS, side).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(side, st.lists(inner, min_size=1, max_size=3)).map(
            lambda t: f"({t[0]} IN ({', '.join(t[1])}))"
        ),
        side.map(lambda x: f"isnull({x})"),
        inner.map(lambda x: f"isnum({x})"),
        inner.map(lambda x: f"isstr({x})"),
        inner.map(lambda x: f"isint({x})"),
        st.sampled_from(['searchmatch("a=1* OR b!=x")', 'searchmatch("NOT n>5 a IN (ab, 10)")']),
        side.map(lambda x: f"isnotnull({x})"),
        st.tuples(side, PATTERNS).map(lambda t: f"match({t[0]}, {t[1]})"),
        st.tuples(side, LIKES).map(lambda t: f"like({t[0]}, {t[1]})"),
        st.tuples(NETWORKS, inner).map(lambda t: f"cidrmatch({t[0]}, {t[1]})"),
    )
    joined = st.tuples(simple, st.sampled_from(["AND", "OR", "XOR"]), simple).map(
        lambda t: f"({t[0]} {t[1]} {t[2]})"
    )
    return simple | joined | simple.map(lambda x: f"(NOT {x})")


VALUES = st.recursive(LEAVES, values_from, max_leaves=4)
CONDITIONS = conditions_from(VALUES)


@cache
def database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    install_macros(connection)
    connection.execute("CREATE TABLE empty_row (a VARCHAR, b VARCHAR, n DOUBLE, m VARCHAR[])")
    return connection


@cache
def python() -> PythonCalls:
    return PythonCalls(database())


@pytest.fixture(autouse=True, scope="module")
def closed_database() -> Iterator[None]:
    yield
    python().close()
    python.cache_clear()
    database().close()
    database.cache_clear()


def by_sql(text: str, row: dict[str, Any], zone: ZoneInfo) -> Value:
    expr = parse_expression(text)
    compiled = compile_expression(expr, SqlContext(COLUMNS, NOW, zone, text, python()))
    sql = f"SELECT {compiled.text} FROM (SELECT ?::VARCHAR AS a, ?::VARCHAR AS b, ?::DOUBLE AS n, ?::VARCHAR[] AS m)"
    found = database().execute(sql, [row.get(name) for name in COLUMNS]).fetchone()
    assert found is not None
    return found[0]


def same(left: Value, right: Value) -> bool:
    """Compare values as a user sees them: a number and its text are one value."""
    if left is None or right is None or isinstance(left, bool) or isinstance(right, bool):
        return left is right
    numbers = to_number(left), to_number(right)
    if numbers[0] is not None and numbers[1] is not None:
        return math.isclose(numbers[0], numbers[1], rel_tol=1e-12, abs_tol=1e-12)
    return to_text(left) == to_text(right)


def check(text: str, row: dict[str, Any], zone: ZoneInfo = TOKYO) -> None:
    expected = evaluate(parse_expression(text), row, now=NOW, zone=zone)
    got = by_sql(text, row, zone)
    assert same(expected, got), f"{text} over {row}: Python {expected!r}, SQL {got!r}"


QUICK = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@QUICK
@given(VALUES, ROWS)
@example("lower(a)", {"a": "ΑΣ"})
@example("upper(a)", {"a": "ßᾳ"})
@example("tonumber(a)", {"a": "\x1f1"})
@example("round(n, 400)", {"n": 5.0})
@example("round(n, 0-400)", {"n": 5.0})
@example("round(n, 5)", {"n": 1e308})
def test_values_agree(text: str, row: dict[str, Any]) -> None:
    check(text, row)


@QUICK
@given(CONDITIONS, ROWS)
def test_conditions_agree_in_three_values(text: str, row: dict[str, Any]) -> None:
    check(text, row)


EPOCHS = st.floats(0, 4e9).map(lambda x: round(x, 3)) | st.integers(0, 4_000_000_000).map(float)
MODIFIERS = st.sampled_from(
    [
        "@d",
        "-1d@d",
        "@h",
        "-90m@h",
        "@w0",
        "@w1",
        "@w5",
        "@mon",
        "-1mon@mon",
        "+1mon",
        "@q",
        "@y",
        "-7d",
        "+2w@d",
        "-1d@d+2h",
    ]
)
FORMATS = st.sampled_from(
    ["%Y-%m-%d %H:%M:%S", "%d/%b/%Y:%H:%M", "%A %j", "%I:%M %p", "%a %B %d", "%T", "%F", "100%%"]
)


@QUICK
@given(EPOCHS, MODIFIERS)
def test_relative_times_agree(epoch: float, modifier: str) -> None:
    check(f'relative_time(n, "{modifier}")', {"n": epoch})


@QUICK
@given(EPOCHS, FORMATS)
def test_formatted_times_agree(epoch: float, pattern: str) -> None:
    check(f'strftime(n, "{pattern}")', {"n": epoch})


@QUICK
@given(EPOCHS)
def test_parsed_times_agree_and_return_where_they_came_from(epoch: float) -> None:
    text = evaluate(parse_expression('strftime(n, "%Y-%m-%d %H:%M:%S")'), {"n": epoch}, now=NOW, zone=TOKYO)
    check('strptime(a, "%Y-%m-%d %H:%M:%S")', {"a": text})
    assert by_sql('strptime(a, "%Y-%m-%d %H:%M:%S")', {"a": text}, TOKYO) == math.floor(epoch)


@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK, ZoneInfo("Asia/Kolkata"), ZoneInfo("UTC")], ids=str)
@pytest.mark.parametrize("modifier", ["@d", "-1d@d", "@h", "@w0", "@mon", "+1d", "-1mon", "-2h@h"])
def test_relative_times_agree_around_clock_changes(zone: ZoneInfo, modifier: str) -> None:
    """Every half hour of the days on which clocks change in 2026."""
    for day in ("2026-03-08", "2026-03-29", "2026-10-25", "2026-11-01"):
        start = evaluate(parse_expression(f'strptime("{day}", "%Y-%m-%d")'), {}, now=NOW, zone=zone)
        assert isinstance(start, float)
        for half_hours in range(-2, 52):
            check(f'relative_time(n, "{modifier}")', {"n": start + half_hours * 1800}, zone)


@pytest.mark.parametrize(
    "text", ['strftime(n, "%Y")', 'relative_time(n, "-1d@d")', 'relative_time(n, "@w0")', "n * n * n"]
)
@pytest.mark.parametrize("number", [1e300, -1e300, 1e12, -1e12, 253_402_300_000.0])
def test_numbers_beyond_the_calendar_are_missing_in_both(text: str, number: float) -> None:
    check(text, {"n": number})


@pytest.mark.parametrize("text", ["", "2026-13-01", "2026-02-30", "yesterday", "2026-01-01x"])
def test_what_is_no_time_is_missing_in_both(text: str) -> None:
    check('strptime(a, "%Y-%m-%d")', {"a": text})
    assert by_sql('strptime(a, "%Y-%m-%d")', {"a": text}, TOKYO) is None


def test_letter_case_agrees_for_every_character() -> None:
    letters = [chr(code) for code in range(1, 0x110000) if not 0xD800 <= code < 0xE000]
    rows = (
        database().execute("SELECT x, lower(x), upper(x) FROM (SELECT unnest(?) AS x)", [letters]).fetchall()
    )
    assert [row for row in rows if row[1:] != (lower_text(row[0]), upper_text(row[0]))] == []


def test_both_backends_know_every_function_and_statistic() -> None:
    assert set(FUNCTIONS) == python_backend.IMPLEMENTED == sql_expr.IMPLEMENTED
    assert set(stat_functions.STATISTICS) == stat_functions.IMPLEMENTED


@pytest.mark.parametrize("row", [{}, {"a": "1"}, {"a": "x"}, {"a": "1", "b": "2"}, {"a": "x", "b": "2"}])
@pytest.mark.parametrize(
    "text",
    [
        '"" + coalesce(a, now())',
        '"t" + (a + b)',
        '"t" + if(n > 0, 1, a)',
        '"t" + min(1, a)',
        '"t" + nullif(a, 1)',
        "a + 1 + b",
    ],
)
def test_what_may_be_a_number_joins_alike(text: str, row: dict[str, Any]) -> None:
    check(text, row)
