"""What a model's prose may hold: words, and references to facts. Everything else is found here."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from agents.narrative import Language
from tools.records.fact import Fact

REFERENCE = re.compile(r"\{\{(f\d+)\}\}")
LONGEST = 700
"""Most characters of one paragraph."""

_NUMERIC = {"integer", "decimal", "time", "duration", "percent"}
_EN_NUMBERS = re.compile(
    r"\b(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty|forty|fifty|"
    r"sixty|seventy|eighty|ninety|hundreds?|thousands?|millions?|billions?|dozens?|half|twice|thrice|double|triple|"
    r"quarter|first|second|third|percent)\b",
    re.IGNORECASE,
)
_EN_HARMLESS = re.compile(r"\b(?:no one|one or more|at first|first judgement|second factor)\b", re.IGNORECASE)
_JA_NUMBERS = re.compile(
    r"[〇零一二三四五六七八九十百千万億半数]+\s*(?:件|回|人|名|台|個|種|分|秒|時|日|週|月|年|割|倍|度|通|本|つ|社|国|地点|行|%|パーセント)"
)
_JA_HARMLESS = re.compile(
    r"一次判断|一件ずつ|一度(?!に)|一つ(?:ずつ|ひとつ)|同一|統一|唯一|万一|一部|一般|一時|第三者|二次|二要素|多要素"
)
_CALENDAR = re.compile(
    r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|\b(?:January|February|March|April|June|July|August|September|"
    r"October|November|December)\b|\b(?:midnight|noon|yesterday|tomorrow|o'clock)\b|[月火水木金土日]曜|昨日|明日|正午|深夜零時",
    re.IGNORECASE,
)
_HEDGE = re.compile(
    r"\b(?:about|around|approximately|approx|roughly|nearly|almost|over|under|more than|less than|fewer than|at least|"
    r"at most|up to|exceed(?:s|ed|ing)?|below|above|some|several)\s*(?:\{\{|$)|[~≈><≥≤+\-−±]\s*\{\{|(?:約|およそ|ほぼ|最大|最低|少なくとも)\s*\{\{",
    re.IGNORECASE,
)
_SCALED = re.compile(
    r"\}\}\s*(?:%|％|percent|hundred|thousand|million|billion|dozen|times (?:more|higher|as|the)|fold|[kKMG]\b|以上|以下|未満|超|前後|程度|"
    r"ほど|余り|あまり|弱|強|[十百千万億割倍]|or (?:more|less)|plus\b|\+)",
    re.IGNORECASE,
)
_JOINED = re.compile(r"\}\}[.,:/xX×*^\-]?\{\{")
_COUNTLESS = re.compile(
    r"\b(?:several|numerous|countless|dozens|hundreds|thousands|a (?:few|couple|handful))\b|数(?:件|回|名|人|台|十|百|千|万|時間|分|日)|多数|無数|大量",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[\"“”`«»]|(?<!\w)'|'(?!\w)|[「」『』]")
_TECHNICAL = re.compile(
    r"\w+(?:[.@/\\:=_]+\w+)+|[A-Za-z]:\\|/\w+|\[[.:@]\]|\b(?=[a-f]*\d)[0-9a-f]{6,}\b|\b\w+\$|\bhxxps?\b",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"[<>|*#\[\]{}\\~^]|https?:")
_LATIN = re.compile(r"[A-Za-z][A-Za-z'&+-]*")
_CAPITALISED = re.compile(
    r"(?<![.!?。:\s])\s+([A-Z][A-Za-z]+)|\b([A-Za-z]*[a-z][A-Z][A-Za-z]*)\b|\b([A-Z]{2,})\b"
)
_NAMED = re.compile(
    r"\b(?:users?|accounts?|hosts?|machines?|servers?|roles?|buckets?|process(?:es)?|named|called|domains?)\s+([a-z][\w-]*)"
)
_FOLLOWS = frozenset(
    [
        "a",
        "an",
        "the",
        "and",
        "or",
        "of",
        "in",
        "on",
        "to",
        "for",
        "from",
        "with",
        "by",
        "was",
        "were",
        "is",
        "are",
        "be",
        "been",
        "has",
        "have",
        "had",
        "did",
        "does",
        "do",
        "not",
        "that",
        "this",
        "these",
        "those",
        "it",
        "its",
        "which",
        "who",
        "whom",
        "as",
        "at",
        "after",
        "before",
        "into",
        "if",
        "may",
        "must",
        "can",
        "could",
        "should",
        "shows",
        "show",
        "logged",
        "log",
        "attempted",
        "tried",
        "made",
        "used",
        "name",
        "names",
        "account",
        "accounts",
        "activity",
        "access",
        "login",
        "logins",
        "behavior",
        "behaviour",
        "management",
        "owner",
        "so",
        "also",
        "then",
        "but",
        "while",
        "whose",
        "there",
        "where",
        "when",
        "owned",
        "involved",
        "concerned",
        "under",
        "during",
        "without",
        "within",
        "across",
        "failed",
        "succeeded",
        "accepted",
        "seen",
        "found",
        "listed",
        "itself",
        "themselves",
        "needs",
        "requires",
        "because",
        "since",
        "all",
        "any",
        "more",
        "data",
        "calls",
        "call",
        "team",
        "side",
        "level",
        "logs",
    ]
)
_REASSURANCE = re.compile(
    r"\b(?:benign|harmless|safe(?:ly)?|legitimate|legitimately|authori[sz]ed|false[ -]positives?|no (?:further )?(?:action|threat|risk|problem|issue|concern|"
    r"danger|need|investigation|reason|evidence|sign|indication|malicious|incident)\w*|not (?:malicious|suspicious|an? (?:threat|risk|incident|problem|concern|attack|issue))|"
    r"nothing (?:to|wrong|suspicious|unusual|malicious)|(?:is|are|was|were|looks?|seems?|appears?|be) (?:normal|fine|ok|okay|expected|routine|planned|clean|trusted)|"
    r"ignore[ds]?|dismiss\w*|close (?:the|this)|can be (?:closed|ignored)|need(?:s)? not|do(?:es)? not (?:need|require|pose)|unnecessary|not (?:necessary|needed|required))\b|"
    r"(?:問題|異常|脅威|危険|リスク|懸念|疑い|心配|不審な点|被害|侵害|影響)(?:は|が|も)?(?:特に)?(?:な(?:い|し|く)|あり(?:ません|得ない)|見られ(?:ない|ません)|認められ(?:ない|ません)|確認され(?:ない|ません|ていない|ておらず))|"
    r"正常(?:な|で|と|の)|無害|安全(?:で|な|と|だ|です)|誤検知|正当|許可され|承認済|想定内|計画的|計画された|(?:対応|調査|確認|深掘り|措置)(?:は|の必要は|も)?(?:不要|必要(?:は)?(?:ない|ありません|なし))|必要(?:は)?(?:ない|ありません|なし)|"
    r"無視(?:して|で|する|しても)|静観|クローズ|見送",
    re.IGNORECASE,
)
_KANA = re.compile(r"[\u3040-\u30ff]")
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
    return frozenset(word.lower() for text in texts for word in _LATIN.findall(text))


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
    yield from (f"{{{{{name}}}}} is no fact" for name in REFERENCE.findall(text) if name not in facts)
    if len(text) > LONGEST:
        yield "too long"
    if not bare.isprintable():
        yield "unprintable characters"
    yield from _figures(bare, language)
    for pattern in (_HEDGE, _SCALED, _JOINED):
        yield from (f"{match.group()!r} changes a figure" for match in pattern.finditer(text))
    yield from (f"{match.group()!r} is a figure in words" for match in _COUNTLESS.finditer(bare))
    yield from _entities(bare, language, vocabulary)
    if not reassuring:
        yield from (f"{match.group()!r} plays the finding down" for match in _REASSURANCE.finditer(bare))
    yield from _form(bare, language)


def _figures(bare: str, language: Language) -> Iterator[str]:
    yield from (
        f"{match!r} is a figure" for match in re.findall(r"[^\W\d_]*[\d\u2150-\u218b\u2460-\u24ff]+\w*", bare)
    )
    yield from (f"{match.group()!r} is a time" for match in _CALENDAR.finditer(bare))
    plain = _EN_HARMLESS.sub(" ", bare)
    yield from (f"{match.group()!r} is a figure in words" for match in _EN_NUMBERS.finditer(plain))
    if language == "ja":
        plain = _JA_HARMLESS.sub(" ", bare)
        yield from (f"{match.group()!r} is a figure in words" for match in _JA_NUMBERS.finditer(plain))


def _entities(bare: str, language: Language, vocabulary: Vocabulary) -> Iterator[str]:
    yield from (f"{match.group()!r} is a quotation or code" for match in _QUOTED.finditer(bare))
    yield from (
        f"{match.group()!r} looks like an address, path or name"
        for match in _TECHNICAL.finditer(bare)
        if not words_of([match.group()]) <= vocabulary.trusted
    )
    lowered = bare.lower()
    for name in sorted(vocabulary.names | vocabulary.values):
        known = name in vocabulary.values and words_of([name]) <= vocabulary.trusted
        if not (known and name not in vocabulary.names) and _stands_in(name, lowered):
            yield f"{name!r} is a value of the log"
    if language == "ja":
        yield from (
            f"{word!r} is a name"
            for word in _LATIN.findall(bare)
            if word.lower() not in vocabulary.trusted and word.upper() not in _ABBREVIATIONS
        )
        return
    for match in _CAPITALISED.finditer(bare):
        word = next(group for group in match.groups() if group)
        if word.lower() not in vocabulary.trusted and word not in _ABBREVIATIONS and word != "I":
            yield f"{word!r} is a name"
    for match in _NAMED.finditer(bare):
        if match[1] not in _FOLLOWS and match[1] not in vocabulary.trusted and not match[1].endswith("ing"):
            yield f"{match[1]!r} is a name"


_ABBREVIATIONS = frozenset(
    [
        "SSH",
        "IP",
        "URL",
        "HTTP",
        "HTTPS",
        "MFA",
        "IAM",
        "AWS",
        "API",
        "SOC",
        "SIEM",
        "DNS",
        "VPN",
        "TLS",
        "EDR",
        "CVE",
        "ID",
        "OS",
        "MITRE",
        "ATT&CK",
    ]
)


def _stands_in(name: str, lowered: str) -> bool:
    """Tell whether a value of the log stands in the text as a whole; a single sign proves nothing."""
    if len(name) < 2:
        return False
    return re.search(rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])", lowered) is not None


def _form(bare: str, language: Language) -> Iterator[str]:
    if not bare.strip():
        yield "empty"
    yield from (f"{match.group()!r} is markup" for match in _MARKUP.finditer(bare))
    japanese = bool(_KANA.search(bare))
    if japanese is not (language == "ja"):
        yield f"not written in {'Japanese' if language == 'ja' else 'English'}"
    sentences = [part.strip().lower() for part in _SENTENCE.findall(bare) if len(part.strip()) > 8]
    if len(sentences) != len(set(sentences)):
        yield "repeats itself"


def references_of(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the ids of the facts that `texts` refer to, without repeats."""
    return tuple(dict.fromkeys(name for text in texts for name in REFERENCE.findall(text)))


def is_numeric(fact: Fact) -> bool:
    """Tell whether a fact is a figure, whose meaning prose alone could get wrong."""
    return fact.kind in _NUMERIC
