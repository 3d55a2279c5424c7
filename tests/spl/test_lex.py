"""Tokens cover the text they came from, and nothing but an SplError ever leaves the lexer."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spl.errors import SplError, SplSyntaxError
from spl.lex import ARGUMENTS, EVAL, SEARCH, blank_comments, split_pipeline, tokenize, unescape

VOCABULARIES = {"eval": EVAL, "arguments": ARGUMENTS, "search": SEARCH}
SPL_LIKE = st.text(alphabet="ab1_. \n\"'\\`|[]()=!<>,*%+-:{}@é日", max_size=40)


def shown(text: str, vocabulary: str) -> str:
    """Return the tokens as `kind:value`, without the end."""
    return " ".join(f"{token.kind}:{token.value}" for token in tokenize(text, VOCABULARIES[vocabulary])[:-1])


@pytest.mark.parametrize(
    ("vocabulary", "text", "wanted"),
    [
        ("eval", "a>=1", "word:a op:>= number:1"),
        ("eval", "a == 'b c'", "word:a op:== quoted_field:b c"),
        ("eval", "len(x)*1.5e3", "word:len lparen:( word:x rparen:) op:* number:1.5e3"),
        ("eval", r'a="x\"y\\z\d"', r'word:a op:= string:x"y\z\d'),
        ("eval", "a{}.b", "word:a{} op:. word:b"),
        ("arguments", "-_time, src-ip AS x", "word:-_time comma:, word:src-ip word:AS word:x"),
        ("arguments", "span=1d", "word:span op:= word:1d"),
        ("search", "a!=b c", "word:a op:!= word:b word:c"),
        ("search", "url=/a?b=c d", "word:url op:= word:/a?b=c word:d"),
        ("search", 'x="a | b" host=*', "word:x op:= string:a | b word:host op:= word:*"),
    ],
)
def test_text_becomes_tokens(vocabulary: str, text: str, wanted: str) -> None:
    assert shown(text, vocabulary) == wanted


@pytest.mark.parametrize(
    ("text", "error", "place"),
    [
        ('a="x', SplSyntaxError, "1:3"),
        ("a='x", SplSyntaxError, "1:3"),
        ("a\n= ;", SplSyntaxError, "2:3"),
        ("a=[x", SplSyntaxError, "1:3"),
    ],
)
def test_what_is_no_token_is_told_with_its_place(text: str, error: type[SplError], place: str) -> None:
    with pytest.raises(error) as caught:
        tokenize(text, EVAL)
    assert str(caught.value).startswith(place)


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
@given(text=SPL_LIKE)
def test_tokens_are_the_text_without_its_blanks_or_an_error_is_told(vocabulary: str, text: str) -> None:
    try:
        tokens = tokenize(text, VOCABULARIES[vocabulary])
    except SplError:
        return
    position = 0
    for token in tokens:
        assert text[token.span.start : token.span.end] == token.text
        assert not text[position : token.span.start].strip()
        position = token.span.end
    assert position == len(text)


@given(st.text(max_size=30))
def test_quoting_and_unescaping_return_the_text(text: str) -> None:
    quoted = '"' + re.sub(r'([\\"])', r"\\\1", text) + '"'
    assert unescape(quoted) == text
    assert tokenize(quoted, EVAL)[0].value == text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a ```x | y``` b", "a             b"),
        ('a "```x```" b', 'a "```x```" b'),
        ("a ```x\ny``` b", "a     \n     b"),
        ("a ```open", "a        "),
    ],
)
def test_comments_become_blanks(text: str, wanted: str) -> None:
    assert blank_comments(text) == wanted


@given(SPL_LIKE)
def test_blanking_comments_moves_no_place(text: str) -> None:
    blanked = blank_comments(text)
    assert len(blanked) == len(text)
    assert [at for at, char in enumerate(blanked) if char == "\n"] == [
        at for at, char in enumerate(text) if char == "\n"
    ]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a | b|c", ["a ", " b", "c"]),
        ('a "x|y" | b', ['a "x|y" ', " b"]),
        ("a [b | c] | d", ["a [b | c] ", " d"]),
        ("", [""]),
        ("|", ["", ""]),
    ],
)
def test_only_top_level_pipes_split(text: str, wanted: list[str]) -> None:
    assert [text[span.start : span.end] for span in split_pipeline(text)] == wanted


@pytest.mark.parametrize(("text", "place"), [("a [b", "1:3"), ("a ] b", "1:3")])
def test_a_lone_bracket_is_told_with_its_place(text: str, place: str) -> None:
    with pytest.raises(SplSyntaxError) as caught:
        split_pipeline(text)
    assert str(caught.value).startswith(place)
