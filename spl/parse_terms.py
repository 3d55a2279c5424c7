"""The parser of the `search` command: parentheses, NOT, OR, then (implicit) AND."""

from __future__ import annotations

import re
from collections.abc import Callable

from spl.errors import Span, SplSyntaxError, UnsupportedError
from spl.lex import SEARCH, Kind, Token, tokenize
from spl.plan import Search
from spl.terms import Combined, FieldIn, FieldTerm, Keyword, NotTerm, Pattern, Subsearch, Term, parse_pattern

_DEEPEST = 60
TIME_FIELDS = ("earliest", "latest")
_AGO = re.compile("(start|end)(minutes|hours|days|months)ago")
_UNITS = {"minutes": "m", "hours": "h", "days": "d", "months": "mon"}


class TermParser:
    """Reads one search condition; inline times are collected in `times`, not kept as terms."""

    def __init__(
        self, text: str, start: int, end: int, subsearch: Callable[[Span], Search] | None = None
    ) -> None:
        self._subsearch = subsearch
        self._tokens = tokenize(text, SEARCH, start, end)
        self._text = text
        self._position = 0
        self._depth = 0
        self.times: dict[str, tuple[str, Span]] = {}

    @property
    def _token(self) -> Token:
        return self._tokens[self._position]

    def _advance(self) -> Token:
        token = self._token
        self._position += token.kind != "end"
        return token

    def _fail(self, message: str) -> SplSyntaxError:
        return SplSyntaxError(message, text=self._text, span=self._token.span)

    def parse(self) -> Term | None:
        """Return the whole condition; None when there is none."""
        term = self._and() if self._token.kind != "end" else None
        if self._token.kind != "end":
            raise self._fail(f"unexpected {self._token.text!r}. Expected a search term.")
        return term

    def _at(self, kind: Kind) -> bool:
        return self._token.kind == kind

    def _is_word(self, word: str) -> bool:
        """Operators of the search command must be upper case."""
        return self._token.kind == "word" and self._token.text == word

    def _and(self) -> Term | None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._fail(f"the search is nested more than {_DEEPEST} deep.")
        terms = [self._or()]
        while self._token.kind not in {"end", "rparen", "comma"}:
            if self._is_word("AND"):
                self._advance()
            terms.append(self._or())
        self._depth -= 1
        return _combine("AND", terms)

    def _or(self) -> Term | None:
        start = self._token.span
        terms = [self._not()]
        while self._is_word("OR"):
            self._advance()
            terms.append(self._not())
        if len(terms) > 1 and None in terms:
            raise UnsupportedError("earliest or latest as one side of OR.", text=self._text, span=start)
        return _combine("OR", terms)

    def _not(self) -> Term | None:
        if not self._is_word("NOT"):
            return self._primary()
        start = self._advance().span.start
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._fail(f"the search is nested more than {_DEEPEST} deep.")
        operand = self._not()
        self._depth -= 1
        if operand is None:
            raise self._fail("NOT has nothing to deny. Expected a search term.")
        return NotTerm(operand, Span(start, operand.span.end))

    def _primary(self) -> Term | None:
        token = self._token
        if token.kind == "lparen":
            self._advance()
            inner = self._and()
            if not self._at("rparen"):
                raise self._fail(f"unexpected {self._token.text or 'end'!r}. Expected ).")
            self._advance()
            return inner
        if token.kind == "subsearch" and self._subsearch:
            self._advance()
            return Subsearch(self._subsearch(Span(token.span.start + 1, token.span.end - 1)), token.span)
        if token.kind not in {"word", "string"} or token.text in {"AND", "OR"}:
            raise self._fail(f"unexpected {token.text or 'end'!r}. Expected a search term.")
        self._advance()
        if self._token.kind == "op":
            return self._comparison(token)
        if self._begins_list(token):
            return self._in(token)
        return self._keyword(token)

    def _begins_list(self, name: Token) -> bool:
        """Tell whether IN follows a name; behind a quoted one only with its list, since `"a" in` are two words."""
        if self._token.kind != "word" or self._token.text.upper() != "IN":
            return False
        return name.kind == "word" or self._tokens[self._position + 1].kind == "lparen"

    def _comparison(self, name: Token) -> Term | None:
        op = self._advance().text
        token = self._token
        if token.kind not in {"word", "string"}:
            raise self._fail(f"unexpected {token.text or 'end'!r}. Expected a value after {name.text}{op}.")
        self._advance()
        span = Span(name.span.start, token.span.end)
        if name.value in TIME_FIELDS and op == "=":
            self._skip_empty_call()
            self.times[name.value] = (token.value, span)
            return None
        if (ago := _AGO.fullmatch(name.value)) and op == "=" and token.value.isdecimal():
            which = "earliest" if ago[1] == "start" else "latest"
            self.times[which] = (f"-{token.value}{_UNITS[ago[2]]}", span)
            return None
        return FieldTerm(name.value, op, _pattern(token), span)  # type: ignore[arg-type]

    def _skip_empty_call(self) -> None:
        """Step over the parentheses of `latest=now()`."""
        if self._at("lparen") and self._tokens[self._position + 1].kind == "rparen":
            self._advance()
            self._advance()

    def _in(self, name: Token) -> Term:
        self._advance()
        if self._token.kind != "lparen":
            raise self._fail("IN has no list. Expected (.")
        self._advance()
        values: list[Pattern] = []
        while self._token.kind in {"word", "string", "comma"}:
            token = self._advance()
            if token.kind != "comma":
                values.append(_pattern(token))
        if not self._at("rparen") or not values:
            raise self._fail("the list of IN is empty or not closed. Expected values and ).")
        end = self._advance().span.end
        return FieldIn(name.value, tuple(values), Span(name.span.start, end))

    def _keyword(self, token: Token) -> Term:
        upper = token.text.upper()
        if self._token.kind != "lparen" or token.kind != "word" or upper not in {"TERM", "CASE"}:
            return Keyword(_pattern(token), sensitive=False, span=token.span)
        self._advance()
        inner = self._token
        if inner.kind not in {"word", "string"}:
            raise self._fail(f"{upper}() holds no term. Expected {upper}(term).")
        self._advance()
        if not self._at("rparen"):
            raise self._fail(f"unexpected {self._token.text or 'end'!r}. Expected ).")
        end = self._advance().span.end
        return Keyword(_pattern(inner), sensitive=upper == "CASE", span=Span(token.span.start, end))


def _pattern(token: Token) -> Pattern:
    r"""Read a value. In quotes the lexer already took `\"` and `\\`; a star is a wildcard either way."""
    if token.kind == "string":
        raw = token.text[1:-1]
        return parse_pattern(raw)
    return parse_pattern(token.text)


def _combine(op: str, terms: list[Term | None]) -> Term | None:
    known = [term for term in terms if term is not None]
    if len(known) < 2:
        return known[0] if known else None
    return Combined(op, tuple(known), Span(known[0].span.start, known[-1].span.end))  # type: ignore[arg-type]


def parse_condition(text: str) -> Term | None:
    """Return a search condition that stands alone, as in `searchmatch("…")`.

    Raises:
        SplError: It is none.
    """
    parser = TermParser(text, 0, len(text))
    term = parser.parse()
    if parser.times:
        _, place = next(iter(parser.times.values()))
        raise UnsupportedError("earliest or latest inside a condition.", text=text, span=place)
    return term
