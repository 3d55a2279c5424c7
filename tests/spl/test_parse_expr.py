"""Eval expressions are read by precedence, and nothing but an SplError ever leaves the parser."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spl.errors import Span, SplError, SplSyntaxError, TimeError, UnsupportedError
from spl.expr import (
    Arithmetic,
    Call,
    Compare,
    Expr,
    Field,
    In,
    Literal,
    Logic,
    Negate,
    Not,
    children,
    field_names,
    walk,
)
from spl.functions import FUNCTIONS
from spl.lex import EVAL, tokenize
from spl.parse_expr import ExpressionParser, parse_expression

NOWHERE = Span(0, 0)


def show(expr: Expr) -> str:
    """Return `expr` as SPL with every pair of brackets written."""
    inner = [show(child) for child in children(expr)]
    match expr:
        case Literal(str() as value):
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case Literal(value):
            return repr(value)
        case Field(name):
            return "'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'"
        case Negate():
            return f"(-{inner[0]})"
        case Not():
            return f"(NOT {inner[0]})"
        case Arithmetic(op) | Compare(op):
            return f"({inner[0]} {op} {inner[1]})"
        case In():
            return f"({inner[0]} IN ({', '.join(inner[1:])}))"
        case Logic(op):
            return "(" + f" {op} ".join(inner) + ")"
        case Call(name):
            return f"{name}({', '.join(inner)})"


def placeless(expr: Expr) -> Expr:
    """Return `expr` with all places set to one."""
    updates: dict[str, object] = {"span": NOWHERE}
    for name in ("operand", "left", "right", "value"):
        child = getattr(expr, name, None)
        if isinstance(child, Expr):
            updates[name] = placeless(child)
    for name in ("operands", "options", "args"):
        if hasattr(expr, name):
            updates[name] = tuple(placeless(child) for child in getattr(expr, name))
    return replace(expr, **updates)  # type: ignore[arg-type]


def larger(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    """Return expressions made of `inner`."""
    some = st.lists(inner, min_size=1, max_size=3).map(tuple)
    at = st.just(NOWHERE)
    return st.one_of(
        st.builds(Negate, inner, at),
        st.builds(Not, inner, at),
        st.builds(Arithmetic, st.sampled_from("+-*/%."), inner, inner, at),
        st.builds(Compare, st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "LIKE"]), inner, inner, at),
        st.builds(In, inner, some, at),
        st.builds(
            Logic, st.sampled_from(["AND", "OR"]), st.lists(inner, min_size=2, max_size=3).map(tuple), at
        ),
        st.builds(Call, st.sampled_from(["lower", "len", "isnull"]), st.tuples(inner), at),
        st.builds(Call, st.just("coalesce"), some, at),
    )


EXPRESSIONS = st.recursive(
    st.one_of(
        st.builds(Literal, st.text(max_size=5), st.just(NOWHERE)),
        st.builds(Literal, st.integers(0, 10**9), st.just(NOWHERE)),
        st.builds(Field, st.text(min_size=1, max_size=5), st.just(NOWHERE)),
    ),
    larger,
    max_leaves=12,
)


@given(EXPRESSIONS)
def test_a_written_expression_is_read_back(expr: Expr) -> None:
    assert placeless(parse_expression(show(expr))) == expr


@given(st.text(max_size=30) | st.text(alphabet="ab1.\"'\\ ()=<>!,+-*/%", max_size=30))
def test_any_text_is_an_expression_or_an_error_with_a_place(text: str) -> None:
    try:
        spans = [node.span for node in walk(parse_expression(text))]
    except SplError as error:
        spans = [error.span or Span(-1, -1)]
    assert all(0 <= span.start <= span.end <= len(text) for span in spans)


WORDS = st.sampled_from(
    [
        *FUNCTIONS,
        "a",
        "'b c'",
        '"x"',
        "1",
        "(",
        ")",
        ",",
        "=",
        "!=",
        "<",
        "+",
        "-",
        ".",
        "%",
        "AND",
        "or",
        "NOT",
        "IN",
        "LIKE",
        "XOR",
        "AS",
        "BY",
        '"-1d@d"',
        '"%Y"',
        r'"\d+"',
    ]
)


@given(st.lists(WORDS, max_size=14).map(" ".join))
def test_any_row_of_words_is_an_expression_or_an_error(text: str) -> None:
    try:
        place = parse_expression(text).span
    except SplError as error:
        place = error.span  # type: ignore[assignment]
    assert place is not None


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a OR b AND NOT c", "('a' OR ('b' AND (NOT 'c')))"),
        ("a and b or c", "(('a' AND 'b') OR 'c')"),
        ("a AND b AND c", "('a' AND 'b' AND 'c')"),
        ("not a = b", "(NOT ('a' = 'b'))"),
        ("a + b * c = d", "(('a' + ('b' * 'c')) = 'd')"),
        ("a - b - c", "(('a' - 'b') - 'c')"),
        ("-a * b", "((-'a') * 'b')"),
        ('a . "x" . b', "(('a' . \"x\") . 'b')"),
        ("a == b", "('a' = 'b')"),
        ("a <> b", "('a' != 'b')"),
        ("x IN (1, 2)", "('x' IN (1, 2))"),
        ("in(x, 1, 2)", "('x' IN (1, 2))"),
        ('a LIKE "b%"', "('a' LIKE \"b%\")"),
        ("LOWER(a)", "lower('a')"),
    ],
)
def test_operators_bind_as_splunk_binds_them(text: str, wanted: str) -> None:
    assert show(parse_expression(text)) == wanted


@pytest.mark.parametrize(
    ("text", "error", "place"),
    [
        ("", SplSyntaxError, "1:1"),
        ("a +", SplSyntaxError, "1:4"),
        ("(a", SplSyntaxError, "1:3"),
        ("a b", SplSyntaxError, "1:3"),
        ("a = 1 = )", SplSyntaxError, "1:9"),
        ("1 + lowr(a)", UnsupportedError, "1:5"),
        ("len(a, b)", SplSyntaxError, "1:1"),
        ("case(a=1, 2, 3)", SplSyntaxError, "1:14"),
        ("mvmap(a.b, a)", UnsupportedError, "1:7"),
        ('match(a, "(?=x")', UnsupportedError, "1:10"),
        ('searchmatch("a=")', SplSyntaxError, "1:13"),
        ('strftime(a, "%E")', UnsupportedError, "1:13"),
        ('strftime(a, "%")', UnsupportedError, "1:13"),
        ('relative_time(a, "-1x")', TimeError, "1:18"),
        ("(" * 70 + "a" + ")" * 70, SplSyntaxError, "1:"),
        ("NOT " * 70 + "a", SplSyntaxError, "1:"),
        ("- " * 70 + "a", SplSyntaxError, "1:"),
    ],
)
def test_what_is_no_expression_is_told_with_its_place(text: str, error: type[SplError], place: str) -> None:
    with pytest.raises(error) as caught:
        parse_expression(text)
    assert str(caught.value).startswith(place)


def test_an_unknown_function_names_the_nearest_and_all_others() -> None:
    with pytest.raises(UnsupportedError, match="Did you mean 'lower'") as caught:
        parse_expression("lowr(a)")
    assert caught.value.supported == tuple(sorted(FUNCTIONS))


def test_a_caller_may_give_more_functions_a_meaning() -> None:
    assert show(parse_expression("total(a)", extra_functions=frozenset({"total"}))) == "total('a')"


@pytest.mark.parametrize("follows", ["AS n", "BY n", ", b=1", ") x"])
def test_the_parser_stops_at_what_cannot_continue(follows: str) -> None:
    text = f"a + 1 {follows}"
    parser = ExpressionParser(tokenize(text, EVAL), text)
    assert show(parser.parse_expression()) == "('a' + 1)"
    assert parser.token.span.start == len("a + 1 ")


def test_fields_are_listed_in_order_without_repeats() -> None:
    assert field_names(parse_expression("if(b=1, 'a x', b) . c")) == ("b", "a x", "c")
