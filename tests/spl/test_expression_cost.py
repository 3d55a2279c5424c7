"""What an expression costs to plan grows with its length, for every operator and every function."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

import duckdb
import pytest

from spl.functions import FUNCTIONS
from spl.parse_expr import parse_expression
from spl.python_calls import Kind, PythonCalls
from spl.sql_expr import compile_expression
from spl.sql_text import install_macros, written_size
from spl.sql_values import Sql, SqlContext

COLUMNS = {
    "n": Sql('"n"', Kind.NUMBER),
    "t": Sql('"t"', Kind.TEXT),
    "m": Sql('"m"', Kind.MULTI),
}
OWN_ARGUMENTS = {
    "mvfilter": ("{}>1",),
    "searchmatch": ('"t=a"',),
    "strftime": ("{}", '"%s"'),
    "strptime": ("{}", '"%s"'),
    "relative_time": ("{}", '"-1d"'),
    "match": ("{}", '"a+"'),
    "replace": ("{}", '"a"', '"b"'),
    "cidrmatch": ('"10.0.0.0/8"', "{}"),
    "mvindex": ("{}", "0"),
    "spath": ("{}", '"a"'),
}
NESTABLE = [
    name for name, function in FUNCTIONS.items() if function.least and name not in {"mvfilter", "searchmatch"}
]


def _call(name: str, inner: str, least: int) -> str:
    given = OWN_ARGUMENTS.get(name) or ("{}", *(["n>1", "1"] * least)[: least - 1])
    if name in {"if", "case", "validate"}:
        given = ("n>1", "{}", "1")[: 2 if name != "if" else 3]
    return f"{name}({', '.join(given).replace('{}', inner)})"


def _nested(name: str, depth: int) -> str:
    text = "n"
    for _ in range(depth):
        text = _call(name, text, FUNCTIONS[name].least)
    return text


def _summed(name: str, terms: int) -> str:
    one = (
        _call(name, "m" if name == "mvfilter" else "t", FUNCTIONS[name].least)
        if FUNCTIONS[name].least
        else f"{name}()"
    )
    return " + ".join([one] * terms)


@pytest.fixture(scope="module")
def context() -> SqlContext:
    connection = duckdb.connect()
    install_macros(connection)
    return SqlContext(COLUMNS, now=0, zone=ZoneInfo("UTC"), python=PythonCalls(connection))


def _sizes(make: Callable[[int], str], context: SqlContext, length: int) -> tuple[int, int]:
    one, two = (
        written_size(compile_expression(parse_expression(make(n)), context).text)
        for n in (length, 2 * length)
    )
    return one, two


@pytest.mark.parametrize("name", NESTABLE)
def test_nesting_a_function_twice_as_deep_costs_twice_as_much(name: str, context: SqlContext) -> None:
    one, two = _sizes(lambda depth: _nested(name, depth), context, 12)
    assert two <= 3 * one + 20_000, (one, two)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_sum_of_twice_as_many_calls_costs_twice_as_much(name: str, context: SqlContext) -> None:
    one, two = _sizes(lambda terms: _summed(name, terms), context, 16)
    assert two <= 3 * one + 20_000, (one, two)


@pytest.mark.parametrize("operand", ["n", "t", "m", "if(n>1, 1, 0)", "round(t, 2)"])
@pytest.mark.parametrize("operator", ["+", "-", "*", "/", "%", ".", "=", "!=", "<", "AND", "OR", "XOR"])
def test_twice_as_many_operators_cost_twice_as_much(operator: str, operand: str, context: SqlContext) -> None:
    def chain(terms: int) -> str:
        part = f"({operand} > 0)" if operator.isalpha() else operand
        text = part
        for _ in range(terms):
            text = (
                f"({text} {operator} {part})" if operator in {"=", "!=", "<"} else f"{text} {operator} {part}"
            )
        return text

    one, two = _sizes(chain, context, 16)
    assert two <= 3 * one + 20_000, (one, two)


def test_the_size_counts_macros_as_often_as_they_name_their_argument() -> None:
    plain, nested = '"t"', 'spl_round(spl_text(spl_finite("t")), 2)'
    assert written_size(plain) == 3
    assert written_size(nested) > 6 * 2 * written_size(plain)
    assert written_size(f"'{nested}'") == len(nested) + 2


@pytest.mark.parametrize("terms", [24, 60])
def test_a_long_risk_score_has_its_value(terms: int, context: SqlContext) -> None:
    connection = duckdb.connect()
    install_macros(connection)
    score = " + ".join(f'if(match(t, "a{n}"), {n}, 0)' for n in range(terms))
    sql = compile_expression(parse_expression(score), context).text
    found = connection.execute(f"SELECT {sql} FROM (SELECT 'a1 a2 a23' AS t)").fetchall()
    assert found == [(1 + 2 + 23 + 0,)]
