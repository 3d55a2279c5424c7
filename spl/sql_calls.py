"""Eval functions as SQL over compiled arguments; a function without a SQL form is called in Python."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable, Sequence

from spl.calls import PLAIN
from spl.calls.times import strftime, strptime
from spl.errors import UnsupportedError
from spl.expr import Call, Literal
from spl.functions import FUNCTIONS, TIME_DIRECTIVES
from spl.meets import cidr_contains
from spl.python_calls import Kind
from spl.regexes import compile_pcre, for_database
from spl.sql_text import number_literal, text_literal
from spl.sql_time import relative_sql, strftime_sql, strptime_sql
from spl.sql_values import (
    NULL,
    Sql,
    SqlContext,
    as_bool,
    as_number,
    as_text,
    cast,
    compare_sql,
    literal_sql,
    unify,
)
from spl.terms import is_network
from spl.timerange import move
from spl.values import Value, to_number, to_text

Compile = Callable[[list[Sql], Call, SqlContext], Sql | None]
"""Returns the SQL of a call, or None when these arguments need Python."""

_KINDS = {"text": Kind.TEXT, "number": Kind.NUMBER, "bool": Kind.BOOL, "multi": Kind.MULTI, "same": Kind.TEXT}


def compile_call(args: list[Sql], call: Call, context: SqlContext) -> Sql:
    """Return a call over compiled arguments."""
    compile_it = _SQL.get(call.name)
    found = compile_it(args, call, context) if compile_it else None
    return found if found is not None else in_python(_python(call, context), args, call, context)


def _python(call: Call, context: SqlContext) -> Callable[..., Value]:
    zoned = {"strftime": strftime, "strptime": strptime, "relative_time": _moved}.get(call.name)
    if zoned is not None:
        return lambda value, form: zoned(value, to_text(form) or "", context.zone)
    return {**PLAIN, "cidrmatch": _in_network}[call.name]


def _moved(value: Value, modifier: str, zone: object) -> Value:
    number = to_number(value)
    try:
        return None if number is None else move(modifier, start=number, zone=zone)  # type: ignore[arg-type]
    except (ValueError, OverflowError, OSError):
        return None


def _in_network(network: Value, address: Value) -> Value:
    block = to_text(network)
    return None if block is None else cidr_contains(block, to_text(address))


def in_python(
    function: Callable[..., Value],
    args: Sequence[Sql],
    call: Call,
    context: SqlContext,
    *,
    key: object = None,
) -> Sql:
    """Return a call of a Python function; one without arguments gets an empty text, for the database wants a column.

    Raises:
        UnsupportedError: This place has no way to call Python.
    """
    if context.python is None:
        raise UnsupportedError(f"function {call.name!r} here.", text=context.source, span=call.span)
    result = _KINDS[FUNCTIONS[call.name].result]
    if not args:
        return in_python(lambda _: function(), [Sql("''", Kind.TEXT)], call, context, key=key)
    name = context.python.install(
        key or (call.name, context.zone.key), function, [arg.kind for arg in args], result
    )
    values = ["NULL::VARCHAR" if arg.kind is Kind.NULL else arg.text for arg in args]
    return Sql(f"{name}({', '.join(values)})", result)


def _constant_text(call: Call, index: int) -> str | None:
    argument = call.args[index] if index < len(call.args) else None
    return argument.value if isinstance(argument, Literal) and isinstance(argument.value, str) else None


def _constant_whole(call: Call, args: list[Sql], index: int) -> int | None:
    constant = args[index].constant if index < len(args) else None
    if constant is None and index < len(args) and args[index].text.startswith("(-"):
        constant = to_number(args[index].text.strip("()").removesuffix("::DOUBLE"))
    return int(constant) if isinstance(constant, int | float) and constant == int(constant) else None


def _if(args: list[Sql], call: Call, context: SqlContext) -> Sql:
    condition, yes, no = args
    kind = unify([yes, no])
    return Sql(f"(CASE WHEN {as_bool(condition)} THEN {cast(yes, kind)} ELSE {cast(no, kind)} END)", kind)


def _case(args: list[Sql], call: Call, context: SqlContext) -> Sql:
    kind = unify(args[1::2])
    arms = " ".join(
        f"WHEN {as_bool(condition)} THEN {cast(value, kind)}"
        for condition, value in zip(args[::2], args[1::2], strict=True)
    )
    return Sql(f"(CASE {arms} END)", kind)


def _coalesce(args: list[Sql], call: Call, context: SqlContext) -> Sql:
    kind = unify(args)
    return Sql(f"coalesce({', '.join(cast(arg, kind) for arg in args)})", kind)


def _nullif(args: list[Sql], call: Call, context: SqlContext) -> Sql:
    value, other = args
    if value.kind is Kind.NULL:
        return NULL
    return Sql(
        f"(CASE WHEN {compare_sql('=', value, other).text} THEN NULL ELSE {value.text} END)", value.kind
    )


def _match(args: list[Sql], call: Call, context: SqlContext) -> Sql | None:
    pattern = _constant_text(call, 1)
    translated = None if pattern is None else for_database(pattern)
    if translated is None:
        return None
    subject, regex = args[0], text_literal(translated)
    if subject.kind is Kind.MULTI:
        found = f"list_transform({subject.text}, lambda spl_e: regexp_matches(spl_e, {regex}))"
        return Sql(f"list_bool_or({found})", Kind.BOOL)
    return Sql(f"regexp_matches({as_text(subject)}, {regex})", Kind.BOOL)


def _replace(args: list[Sql], call: Call, context: SqlContext) -> Sql | None:
    pattern, new = _constant_text(call, 1), _constant_text(call, 2)
    translated = None if pattern is None else for_database(pattern)
    if translated is None or new is None or compile_pcre(pattern or "").search("") is not None:
        return None
    rewritten = database_replacement(new, compile_pcre(pattern or "").groups)
    if rewritten is None:
        return None
    return Sql(
        f"regexp_replace({as_text(args[0])}, {text_literal(translated)}, {text_literal(rewritten)}, 'g')",
        Kind.TEXT,
    )


def database_replacement(replacement: str, groups: int) -> str | None:
    r"""Return a replacement as the database reads it; None when it refers to a group that may be absent.

    >>> database_replacement(r"\1-$2", 2)
    '\\1-\\2'
    """
    out, position = "", 0
    while position < len(replacement):
        char, following = replacement[position], replacement[position + 1 : position + 2]
        if char in "\\$" and following.isdigit() and following.isascii():
            if int(following) > groups:
                return None
            out += f"\\{following}"
            position += 2
        else:
            out += "\\\\" if char == "\\" else char
            position += 1
    return out


def cidr_sql(network: str, address: str) -> str:
    """Return SQL that tells whether the text `address` lies in an IPv4 `network`; null when it is missing.

    What does not begin like the network costs no more than a comparison of its first letters.
    """
    block = ipaddress.ip_network(network, strict=False)
    low, high = str(block.network_address).split("."), str(block.broadcast_address).split(".")
    whole, bits = divmod(block.prefixlen, 8)
    octet = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
    pattern = r"\.".join([*low[:whole], *[octet] * (4 - whole)])
    inside = f"regexp_full_match({address}, '{pattern}')"
    if bits:
        part = f"TRY_CAST(split_part({address}, '.', {whole + 1}) AS INTEGER)"
        inside += f" AND {part} BETWEEN {low[whole]} AND {high[whole]}"
    if not whole:
        return f"({inside})"
    prefix = ".".join(low[:whole]) + ("." if whole < len(low) else "")
    return f"(CASE WHEN starts_with({address}, '{prefix}') THEN {inside} WHEN {address} IS NOT NULL THEN FALSE END)"


def _cidrmatch(args: list[Sql], call: Call, context: SqlContext) -> Sql | None:
    network = _constant_text(call, 0)
    if network is None or not is_network(network) or ":" in network:
        return None
    return Sql(cidr_sql(network, as_text(args[1])), Kind.BOOL)


def _strftime(args: list[Sql], call: Call, context: SqlContext) -> Sql | None:
    pattern = _plain_time(call)
    return (
        None if pattern is None else Sql(strftime_sql(as_number(args[0]), pattern, context.zone), Kind.TEXT)
    )


def _strptime(args: list[Sql], call: Call, context: SqlContext) -> Sql | None:
    pattern = _plain_time(call)
    return (
        None if pattern is None else Sql(strptime_sql(as_text(args[0]), pattern, context.zone), Kind.NUMBER)
    )


def _plain_time(call: Call) -> str | None:
    """Return a constant time format that the database renders as Python does."""
    pattern = _constant_text(call, 1)
    if not pattern:
        return None
    letters = [pattern[place + 1 : place + 2] for place, char in enumerate(pattern) if char == "%"]
    plain = all(letter and letter in TIME_DIRECTIVES for letter in letters) and "%%" not in pattern
    return pattern if plain else None


def _relative_time(args: list[Sql], call: Call, context: SqlContext) -> Sql | None:
    modifier = _constant_text(call, 1)
    return (
        None
        if modifier is None
        else Sql(relative_sql(as_number(args[0]), modifier, context.zone), Kind.NUMBER)
    )


def _number(template: str) -> Compile:
    """A function of numbers; `{}` stands for the first, `{1}` and so on for others."""
    return lambda args, call, context: Sql(template.format(*map(as_number, args)), Kind.NUMBER)


def _text(template: str, kind: Kind = Kind.TEXT) -> Compile:
    return lambda args, call, context: Sql(template.format(*map(as_text, args)), kind)


def _single(compile_it: Compile) -> Compile:
    """Use a SQL form for a call with one argument only."""
    return lambda args, call, context: compile_it(args, call, context) if len(args) == 1 else None


def _round(args: list[Sql], call: Call, context: SqlContext) -> Sql:
    digits = f"trunc({as_number(args[1])})" if len(args) > 1 else "0"
    return Sql(f"spl_round({as_number(args[0])}, {digits})", Kind.NUMBER)


def _log(args: list[Sql], call: Call, context: SqlContext) -> Sql | None:
    value = as_number(args[0])
    if len(args) == 1:
        return Sql(f"(CASE WHEN {value} > 0 THEN log10({value}) END)", Kind.NUMBER)
    return None


def _presence(test: str) -> Compile:
    return lambda args, call, context: Sql(f"({args[0].text} {test})", Kind.BOOL)


def _is_number(args: list[Sql], call: Call, context: SqlContext) -> Sql:
    return Sql(f"({as_number(args[0])} IS NOT NULL)", Kind.BOOL)


def _is_text(args: list[Sql], call: Call, context: SqlContext) -> Sql:
    value = args[0]
    if value.kind in {Kind.NUMBER, Kind.BOOL, Kind.NULL}:
        return Sql("FALSE", Kind.BOOL)
    return Sql(f"({value.text} IS NOT NULL AND {as_number(value)} IS NULL)", Kind.BOOL)


def _typeof(args: list[Sql], call: Call, context: SqlContext) -> Sql:
    value = args[0]
    if value.kind is Kind.NULL:
        return Sql("'Invalid'", Kind.TEXT)
    known = (
        "'Boolean'"
        if value.kind is Kind.BOOL
        else f"CASE WHEN {as_number(value)} IS NULL THEN 'String' ELSE 'Number' END"
    )
    return Sql(f"(CASE WHEN {value.text} IS NULL THEN 'Invalid' ELSE {known} END)", Kind.TEXT)


def _extreme(name: str) -> Compile:
    def apply(args: list[Sql], call: Call, context: SqlContext) -> Sql | None:
        if any(arg.kind is not Kind.NUMBER for arg in args):
            return None
        return Sql(f"{name}({', '.join(arg.text for arg in args)})", Kind.NUMBER)

    return apply


def _substr(args: list[Sql], call: Call, context: SqlContext) -> Sql | None:
    start, length = _constant_whole(call, args, 1), _constant_whole(call, args, 2)
    if start is None or start < 1 or (len(args) > 2 and (length is None or length < 0)):
        return None
    rest = f", {length}" if length is not None else ""
    return Sql(f"substring({as_text(args[0])}, {start}{rest})", Kind.TEXT)


def _trim(name: str) -> Compile:
    def apply(args: list[Sql], call: Call, context: SqlContext) -> Sql:
        chars = as_text(args[1]) if len(args) > 1 else text_literal(" \t")
        return Sql(f"{name}({as_text(args[0])}, {chars})", Kind.TEXT)

    return apply


def _split(args: list[Sql], call: Call, context: SqlContext) -> Sql | None:
    separator = _constant_text(call, 1)
    return (
        Sql(f"string_split({as_text(args[0])}, {text_literal(separator)})", Kind.MULTI) if separator else None
    )


def as_multi(value: Sql) -> str:
    """Return `value` as a list of texts, null when it is missing."""
    match value.kind:
        case Kind.MULTI:
            return value.text
        case Kind.NULL:
            return "NULL::VARCHAR[]"
        case _:
            text = as_text(value)
            return f"(CASE WHEN {text} IS NOT NULL THEN [{text}] END)"


def _mvcount(args: list[Sql], call: Call, context: SqlContext) -> Sql:
    return Sql(f"CAST(nullif(len({as_multi(args[0])}), 0) AS DOUBLE)", Kind.NUMBER)


def _mvindex(args: list[Sql], call: Call, context: SqlContext) -> Sql | None:
    place = _constant_whole(call, args, 1)
    if len(args) > 2:
        return None
    if place is None:
        return Sql(in_python(PLAIN["mvindex"], args, call, context).text + "[1]", Kind.TEXT)
    return Sql(f"({as_multi(args[0])})[{place + 1 if place >= 0 else place}]", Kind.TEXT)


def _mvjoin(args: list[Sql], call: Call, context: SqlContext) -> Sql:
    return Sql(f"array_to_string({as_multi(args[0])}, {as_text(args[1])})", Kind.TEXT)


def _mvappend(args: list[Sql], call: Call, context: SqlContext) -> Sql:
    lists = ", ".join(f"coalesce({as_multi(arg)}, [])" for arg in args)
    return Sql(f"spl_multi(flatten([{lists}]))", Kind.MULTI)


def _mvsort(args: list[Sql], call: Call, context: SqlContext) -> Sql:
    return Sql(f"list_sort({as_multi(args[0])})", Kind.MULTI)


_SQL: dict[str, Compile] = {
    "abs": _number("abs({})"),
    "acos": _number("(CASE WHEN abs({0}) <= 1 THEN acos({0}) END)"),
    "asin": _number("(CASE WHEN abs({0}) <= 1 THEN asin({0}) END)"),
    "atan": _number("atan({})"),
    "atan2": _number("atan2({}, {})"),
    "case": _case,
    "ceiling": _number("ceil({})"),
    "cidrmatch": _cidrmatch,
    "coalesce": _coalesce,
    "cos": _number("cos({})"),
    "exact": _number("({})"),
    "exp": _number("spl_finite(exp({}))"),
    "false": lambda args, call, context: literal_sql(value=False),
    "floor": _number("floor({})"),
    "if": _if,
    "isint": lambda args, call, context: Sql(
        f"coalesce({as_number(args[0])} = trunc({as_number(args[0])}), FALSE)", Kind.BOOL
    ),
    "isbool": lambda args, call, context: Sql(
        f"({args[0].text} IS NOT NULL)" if args[0].kind is Kind.BOOL else "FALSE", Kind.BOOL
    ),
    "isnotnull": _presence("IS NOT NULL"),
    "isnull": _presence("IS NULL"),
    "isnum": _is_number,
    "isstr": _is_text,
    "len": _text("CAST(length({}) AS DOUBLE)", Kind.NUMBER),
    "like": lambda args, call, context: compare_sql("LIKE", *args),
    "ln": _number("(CASE WHEN {0} > 0 THEN ln({0}) END)"),
    "log": _log,
    "lower": _text("lower({})"),
    "ltrim": _trim("ltrim"),
    "match": _match,
    "max": _extreme("greatest"),
    "md5": _text("md5({})"),
    "min": _extreme("least"),
    "mvappend": _mvappend,
    "mvcount": _mvcount,
    "mvindex": _mvindex,
    "mvjoin": _mvjoin,
    "mvsort": _mvsort,
    "now": lambda args, call, context: Sql(number_literal(context.now), Kind.NUMBER),
    "null": lambda args, call, context: NULL,
    "nullif": _nullif,
    "pi": lambda args, call, context: Sql(number_literal(math.pi), Kind.NUMBER),
    "pow": _number("spl_finite(pow({}, {}))"),
    "random": lambda args, call, context: Sql("floor(random() * 2147483648)", Kind.NUMBER),
    "relative_time": _relative_time,
    "replace": _replace,
    "round": _round,
    "rtrim": _trim("rtrim"),
    "sha1": _text("sha1({})"),
    "sha256": _text("sha256({})"),
    "sin": _number("sin({})"),
    "split": _split,
    "sqrt": _number("(CASE WHEN {0} >= 0 THEN sqrt({0}) END)"),
    "strftime": _strftime,
    "strptime": _strptime,
    "substr": _substr,
    "tan": _number("tan({})"),
    "time": lambda args, call, context: Sql(number_literal(context.now), Kind.NUMBER),
    "tonumber": _single(lambda args, call, context: Sql(as_number(args[0]), Kind.NUMBER)),
    "tostring": _single(_text("{}")),
    "trim": _trim("trim"),
    "true": lambda args, call, context: literal_sql(value=True),
    "typeof": _typeof,
    "upper": _text("upper({})"),
}

IMPLEMENTED = frozenset(_SQL) | frozenset(PLAIN)
"""Names that can be compiled; a test compares them with the registry."""
