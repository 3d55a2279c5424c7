"""What a model's prose may hold: words, and references to facts. Everything else is found here."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from agents.narrative import Language
from agents.prose_patterns import (
    ABBREVIATIONS,
    CALENDAR,
    CAPITALISED,
    COUNTLESS,
    EN_HARMLESS,
    EN_NUMBERS,
    FOLLOWS,
    HEDGE,
    JA_HARMLESS,
    JA_NUMBERS,
    JOINED,
    LATIN,
    MARKUP,
    NAMED,
    QUOTED,
    REASSURANCE,
    SCALED,
    TECHNICAL,
)
from tools.injection import reads_like_instruction
from tools.records.fact import Fact

REFERENCE = re.compile(r"\{\{(f\d+)\}\}")
LONGEST = 700
"""Most characters of one paragraph."""

NAME_CHARS, NAME_WORDS, FOREIGN_CHARS = 80, 2, 16
"""Most characters, words and characters beyond ASCII of log text that is a name, such as a path or an ARN."""
FEWEST_LETTERS = 6
"""Letters beside references that a paragraph has at least."""
_NUMERIC = {"integer", "decimal", "time", "duration", "percent"}
_KANA = re.compile(r"[\u3040-\u30ff]")
_STUCK = re.compile(r"([^.。]{6,40}?)\1|(\w[^.。]{1,4}?)\2{2}")
"""The same phrase again and again: a model that found no end."""
_SENTENCE = re.compile(r"[^.!?。！？]+")


@dataclass(frozen=True)
class Vocabulary:
    """The words around a model's prose.

    `trusted` are those of the procedure; `names` are values of the item's keys, which must be references; `values` are the
    other texts of its rows, which must be references unless they are words of the procedure.
    """

    trusted: frozenset[str]
    names: frozenset[str]
    values: frozenset[str]


def words_of(texts: Collection[str]) -> frozenset[str]:
    """Return the Latin words of `texts` in lower case."""
    return frozenset(word.lower() for text in texts for word in LATIN.findall(text))


def faults_of(
    text: str,
    *,
    facts: Mapping[str, Fact],
    language: Language,
    vocabulary: Vocabulary,
    reassuring: bool = False,
) -> tuple[str, ...]:
    """Return what in `text` is neither plain words nor a reference to a fact; empty when all is well.

    Args:
        text: One paragraph of a model.
        facts: What it may refer to.
        language: Of the report.
        vocabulary: Words of the procedure, names and values of the log.
        reassuring: Whether words that play a finding down are allowed.
    """
    return tuple(dict.fromkeys(_faults(text, facts, language, vocabulary, reassuring)))


def _faults(
    text: str, facts: Mapping[str, Fact], language: Language, vocabulary: Vocabulary, reassuring: bool
) -> Iterator[str]:
    bare = REFERENCE.sub("□", text)
    for name in REFERENCE.findall(text):
        if name not in facts:
            yield f"{{{{{name}}}}} is no fact"
        elif not referable(facts[name]):
            yield f"{{{{{name}}}}} is free text of the log, which prose may not quote"
    if len(text) > LONGEST:
        yield "too long"
    if not bare.isprintable():
        yield "unprintable characters"
    yield from _figures(bare, language)
    marked = REFERENCE.sub(lambda match: _mark(facts.get(match[1])), text)
    for pattern in (HEDGE, SCALED, JOINED):
        yield from (f"{match.group()!r} changes a figure" for match in pattern.finditer(marked))
    yield from (f"{match.group()!r} is a figure in words" for match in COUNTLESS.finditer(bare))
    yield from _entities(bare, language, vocabulary)
    if not reassuring:
        yield from (f"{match.group()!r} plays the finding down" for match in REASSURANCE.finditer(bare))
    yield from _form(bare, language)


def _mark(fact: Fact | None) -> str:
    """Return what stands for a reference: braces for a figure, a box for a name."""
    return "{{#}}" if fact is None or is_numeric(fact) else "□"


def _figures(bare: str, language: Language) -> Iterator[str]:
    yield from (
        f"{match!r} is a figure" for match in re.findall(r"[^\W\d_]*[\d\u2150-\u218b\u2460-\u24ff]+\w*", bare)
    )
    yield from (f"{match.group()!r} is a time" for match in CALENDAR.finditer(bare))
    plain = EN_HARMLESS.sub(" ", bare)
    yield from (f"{match.group()!r} is a figure in words" for match in EN_NUMBERS.finditer(plain))
    if language == "ja":
        plain = JA_HARMLESS.sub(" ", bare)
        yield from (f"{match.group()!r} is a figure in words" for match in JA_NUMBERS.finditer(plain))


def _entities(bare: str, language: Language, vocabulary: Vocabulary) -> Iterator[str]:
    yield from (f"{match.group()!r} is a quotation or code" for match in QUOTED.finditer(bare))
    yield from (
        f"{match.group()!r} looks like an address, path or name"
        for match in TECHNICAL.finditer(bare)
        if not words_of([match.group()]) <= vocabulary.trusted
    )
    lowered = bare.lower()
    squeezed = {_squeezed(word): word for word in LATIN.findall(bare) if not word.isalpha()}
    yield from (
        f"{squeezed[plain]!r} is a value of the log"
        for plain in sorted(squeezed.keys() & {_squeezed(name) for name in vocabulary.names})
    )
    for name in sorted(vocabulary.names | vocabulary.values):
        known = name in vocabulary.values and words_of([name]) <= vocabulary.trusted
        if not (known and name not in vocabulary.names) and _stands_in(name, lowered):
            yield f"{name!r} is a value of the log"
    if language == "ja":
        yield from (
            f"{word!r} is a name"
            for word in LATIN.findall(bare)
            if word.lower() not in vocabulary.trusted and word.upper() not in ABBREVIATIONS
        )
        return
    for match in CAPITALISED.finditer(bare):
        word = next(group for group in match.groups() if group)
        if word.lower() not in vocabulary.trusted and word not in ABBREVIATIONS and word != "I":
            yield f"{word!r} is a name"
    for match in NAMED.finditer(bare):
        if match[1] not in FOLLOWS and match[1] not in vocabulary.trusted and not match[1].endswith("ing"):
            yield f"{match[1]!r} is a name"


def _squeezed(name: str) -> str:
    """Return a name without the signs between its parts, which a writer may have changed."""
    return "".join(sign for sign in name.lower() if sign.isalnum())


def _stands_in(name: str, lowered: str) -> bool:
    """Tell whether a value of the log stands in the text as a whole; a single sign proves nothing."""
    if len(name) < 2:
        return False
    return re.search(rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])", lowered) is not None


def _form(bare: str, language: Language) -> Iterator[str]:
    if sum(sign.isalpha() for sign in bare) < FEWEST_LETTERS:
        yield "says nothing of its own"
    yield from (f"{match.group()!r} is markup" for match in MARKUP.finditer(bare))
    japanese = bool(_KANA.search(bare))
    if japanese is not (language == "ja"):
        yield f"not written in {'Japanese' if language == 'ja' else 'English'}"
    if _STUCK.search(bare):
        yield "repeats itself"
    sentences = [part.strip().lower() for part in _SENTENCE.findall(bare) if len(part.strip()) > 8]
    if len(sentences) != len(set(sentences)):
        yield "repeats itself"


def references_of(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the ids of the facts that `texts` refer to, without repeats."""
    return tuple(dict.fromkeys(name for text in texts for name in REFERENCE.findall(text)))


def referable(fact: Fact) -> bool:
    """Tell whether prose may refer to a fact: figures, words of the procedure, and log text that is a name.

    Free text of a log in the midst of a sentence would let whoever wrote the log write the report.
    """
    if is_numeric(fact) or fact.kind == "verdict" or not fact.evidence:
        return True
    values = fact.value if isinstance(fact.value, list) else [fact.value]
    return all(_is_name(str(value)) for value in values)


def _is_name(text: str) -> bool:
    foreign = sum(not sign.isascii() for sign in text)
    short = len(text) <= NAME_CHARS and foreign <= FOREIGN_CHARS and len(text.split()) <= NAME_WORDS
    return short and not reads_like_instruction(text)


def is_numeric(fact: Fact) -> bool:
    """Tell whether a fact is a figure, whose meaning prose alone could get wrong."""
    return fact.kind in _NUMERIC
