"""The parser of eval expressions: precedence NOT, AND, OR over comparisons over arithmetic."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from spl.calls.times import DIRECTIVES, unknown_directive
from spl.errors import Span, SplError, SplSyntaxError, TimeError, UnsupportedError
from spl.expr import (
    Arithmetic,
    Call,
    Compare,
    CompareOp,
    Expr,
    Field,
    In,
    Literal,
    Logic,
    Negate,
    Not,
    Subquery,
    field_names,
)
from spl.functions import ALIASES, FUNCTIONS
from spl.lex import EVAL, Kind, Token, tokenize
from spl.parse_terms import parse_condition
from spl.plan import term_fields
from spl.regexes import check_regex
from spl.timerange import step_list

if TYPE_CHECKING:
    from spl.plan import Search

_COMPARISONS = {"=": "=", "==": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_STOPWORDS = {"AS", "BY"}
_REGEX_AT = {"match": 1, "mvfind": 1, "replace": 1}
_DEEPEST = 60
_LONGEST = 200


def parse_expression(text: str, *, extra_functions: frozenset[str] = frozenset()) -> Expr:
    """Parse the whole of `text` as one eval expression.

    Args:
        text: The expression.
        extra_functions: Names that the caller gives a meaning to, beside the engine's own functions.

    Raises:
        SplSyntaxError: It is no expression.
        UnsupportedError: It calls a function that this engine lacks.
    """
    parser = ExpressionParser(tokenize(text, EVAL), text, extra_functions)
    expr = parser.parse_expression()
    parser.expect_end()
    return expr


class ExpressionParser:
    """Reads one expression from tokens and stops at the first token that cannot continue it."""

    def __init__(
        self,
        tokens: tuple[Token, ...],
        text: str,
        extra_functions: frozenset[str] = frozenset(),
        parse_pipeline: Callable[[Span], Search] | None = None,
    ) -> None:
        self._tokens = tokens
        self._text = text
        self._extra = extra_functions
        self._parse_pipeline = parse_pipeline
        self._depth = 0
        self.position = 0

    @property
    def token(self) -> Token:
        """The next token."""
        return self._tokens[self.position]

    def advance(self) -> Token:
        """Return the next token and step over it."""
        token = self.token
        self.position += token.kind != "end"
        return token

    def fail(self, message: str, token: Token | None = None) -> SplSyntaxError:
        """Return a syntax error at `token`, by default the next one."""
        return SplSyntaxError(message, text=self._text, span=(token or self.token).span)

    def expect_end(self) -> None:
        """Raise unless everything has been read."""
        if self.token.kind != "end":
            raise self.fail(
                f"unexpected {self.token.text!r}. Expected an operator or the end of the expression."
            )

    def expect(self, kind: str, what: str) -> Token:
        """Step over a token of `kind`, or raise."""
        if self.token.kind != kind:
            found = self.token.text or "the end"
            raise self.fail(f"unexpected {found!r}. Expected {what}.")
        return self.advance()

    def _at(self, kind: Kind) -> bool:
        return self.token.kind == kind

    def _is_word(self, *words: str) -> bool:
        return self.token.kind == "word" and self.token.value.upper() in words

    def parse_expression(self) -> Expr:
        """Parse an expression with the loosest operator, OR."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self.fail(f"the expression is nested more than {_DEEPEST} deep.")
        expr = self._logic("OR", lambda: self._logic("XOR", lambda: self._logic("AND", self._not)))
        self._depth -= 1
        return expr

    def _logic(self, word: str, operand: Callable[[], Expr]) -> Expr:
        operands = [operand()]
        while self._is_word(word):
            self.advance()
            operands.append(operand())
        if len(operands) == 1:
            return operands[0]
        return Logic(word, tuple(operands), Span(operands[0].span.start, operands[-1].span.end))  # type: ignore[arg-type]

    def _not(self) -> Expr:
        if not self._is_word("NOT"):
            return self._comparison()
        token = self.advance()
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self.fail(f"the expression is nested more than {_DEEPEST} deep.")
        operand = self._not()
        self._depth -= 1
        return Not(operand, Span(token.span.start, operand.span.end))

    def _comparison(self) -> Expr:
        left = self._sum()
        links = 0
        while True:
            links = self._link(links)
            if self.token.kind == "op" and self.token.value in _COMPARISONS:
                op = _COMPARISONS[self.advance().value]
            elif self._is_word("LIKE"):
                self.advance()
                op = "LIKE"
            elif self._is_word("IN"):
                left = self._in(left)
                continue
            else:
                return left
            right = self._sum()
            left = Compare(cast("CompareOp", op), left, right, Span(left.span.start, right.span.end))

    def _in(self, value: Expr) -> Expr:
        self.advance()
        self.expect("lparen", "( after IN")
        options = self._arguments()
        end = self.expect("rparen", ") after the list").span.end
        return In(value, options, Span(value.span.start, end))

    def _link(self, links: int) -> int:
        """Count one more link of a chain; both backends descend into chains."""
        if links > _LONGEST:
            raise self.fail(f"the expression chains more than {_LONGEST} operators.")
        return links + 1

    def _sum(self) -> Expr:
        return self._arithmetic("+-.", lambda: self._arithmetic("*/%", self._unary))

    def _arithmetic(self, operators: str, operand: Callable[[], Expr]) -> Expr:
        left = operand()
        links = 0
        while self.token.kind == "op" and self.token.value in operators:
            links = self._link(links)
            op = self.advance().value
            right = operand()
            left = Arithmetic(op, left, right, Span(left.span.start, right.span.end))  # type: ignore[arg-type]
        return left

    def _unary(self) -> Expr:
        if self.token.kind == "op" and self.token.value in "+-":
            token = self.advance()
            self._depth += 1
            if self._depth > _DEEPEST:
                raise self.fail(f"the expression is nested more than {_DEEPEST} deep.")
            operand = self._unary()
            self._depth -= 1
            return (
                Negate(operand, Span(token.span.start, operand.span.end)) if token.value == "-" else operand
            )
        return self._primary()

    def _primary(self) -> Expr:
        token = self.token
        match token.kind:
            case "number":
                self.advance()
                value = float(token.value)
                if not math.isfinite(value):
                    raise self.fail(f"number {token.text[:20]!r} is too large.", token)
                return Literal(
                    int(value) if value.is_integer() and "e" not in token.value.lower() else value, token.span
                )
            case "string":
                self.advance()
                return Literal(token.value, token.span)
            case "quoted_field":
                self.advance()
                return Field(token.value, token.span)
            case "lparen":
                self.advance()
                inner = self.parse_expression()
                self.expect("rparen", ")")
                return inner
            case "subsearch":
                self.advance()
                return self._subquery(token)
            case "word" if token.value.upper() not in _STOPWORDS | {"AND", "OR", "NOT"}:
                return self._word()
        raise self.fail(f"unexpected {token.text or 'end'!r}. Expected a value, a field or a function.")

    def _subquery(self, token: Token) -> Expr:
        if self._parse_pipeline is None:
            raise UnsupportedError("subsearch in this expression.", text=self._text, span=token.span)
        search = self._parse_pipeline(Span(token.span.start + 1, token.span.end - 1))
        return Subquery(search, token.span)

    def _word(self) -> Expr:
        token = self.advance()
        if self.token.kind != "lparen":
            return Field(token.value, token.span)
        self.advance()
        args = () if self._at("rparen") else self._arguments()
        end = self.expect("rparen", ", or )").span.end
        return self._call(token, args, Span(token.span.start, end))

    def _arguments(self) -> tuple[Expr, ...]:
        args = [self.parse_expression()]
        while self.token.kind == "comma":
            self.advance()
            args.append(self.parse_expression())
        return tuple(args)

    def _call(self, token: Token, args: tuple[Expr, ...], span: Span) -> Expr:
        name = token.value.lower()
        name = ALIASES.get(name, name)
        if name in self._extra:
            return Call(name, args, span)
        function = FUNCTIONS.get(name)
        if function is None:
            near = difflib.get_close_matches(name, FUNCTIONS, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise UnsupportedError(
                f"function {name!r}.{hint}",
                text=self._text,
                span=token.span,
                supported=tuple(sorted(FUNCTIONS)),
            )
        if len(args) < function.least or (function.most is not None and len(args) > function.most):
            most = "or more" if function.most is None else f"to {function.most}"
            raise self.fail(f"{name}() got {len(args)} arguments. Expected {function.least} {most}.", token)
        if name == "in":
            return In(args[0], args[1:], span)
        self._check_arguments(name, args)
        if name == "searchmatch":
            args = (*args, *self._condition_fields(args[0]))
        if name == "validate":
            pairs = zip(args[::2], args[1::2], strict=True)
            return Call(
                "case", tuple(part for test, value in pairs for part in (Not(test, test.span), value)), span
            )
        return Call(name, args, span)

    def _check_arguments(self, name: str, args: tuple[Expr, ...]) -> None:
        """Refuse what can be seen to be beyond this engine before anything runs."""
        pattern = _REGEX_AT.get(name)
        if pattern is not None and isinstance(args[pattern], Literal):
            check_regex(str(cast("Literal", args[pattern]).value), text=self._text, span=args[pattern].span)
        if name in {"case", "validate"} and len(args) % 2:
            raise SplSyntaxError(
                f"{name}() needs pairs of condition and value.", text=self._text, span=args[-1].span
            )
        if name in {"mvmap", "mvfilter"} and len(field_names(args[0])) != 1:
            raise UnsupportedError(
                f"{name}() over anything but one field.", text=self._text, span=args[0].span
            )
        if name in {"strftime", "strptime", "relative_time"} and isinstance(args[1], Literal):
            self._check_time(name, str(args[1].value), args[1].span)

    def _condition_fields(self, argument: Expr) -> tuple[Field, ...]:
        """Return the fields that a condition in quotes reads; they become arguments, so that nobody overlooks them."""
        if not (isinstance(argument, Literal) and isinstance(argument.value, str)):
            raise UnsupportedError(
                "searchmatch() of anything but a quoted text.", text=self._text, span=argument.span
            )
        try:
            term = parse_condition(argument.value)
        except SplError as error:
            raise type(error)(error.message, text=self._text, span=argument.span) from None
        return tuple(Field(name, argument.span) for name in dict.fromkeys(term_fields(term)))

    def _check_time(self, name: str, pattern: str, span: Span) -> None:
        if name == "relative_time":
            try:
                step_list(pattern)
            except TimeError as error:
                raise TimeError(error.message, text=self._text, span=span) from None
            return
        if not pattern:
            raise UnsupportedError("an empty time format.", text=self._text, span=span)
        if directive := unknown_directive(pattern):
            supported = tuple(f"%{letter}" for letter in sorted(DIRECTIVES))
            raise UnsupportedError(
                f"time directive {directive!r}.", text=self._text, span=span, supported=supported
            )
