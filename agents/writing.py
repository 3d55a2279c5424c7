"""The reporter agent's model: words around facts, checked, mended once, or replaced by the fixed wording."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field, JsonValue, create_model

from agents.asking import Asker
from agents.context import ItemContext
from agents.narrative import Language, fact_label, sentence
from agents.outline import Outline
from agents.prompting import compile_prompt
from agents.prose import REFERENCE, Vocabulary, faults_of, is_numeric, references_of
from agents.proving import prove
from agents.sheet import Sheet, harmless
from procedures.verdict import Verdict
from tools.records.fact import Fact
from tools.records.finding import Note
from tools.records.report import ItemReport, Section

WRITTEN = ("assessment", "recommendation")
TOLD_FAULTS = 12
DRAFT_CHARS = 400
FIXED = 3
"""Paragraphs of the fixed wording whose facts a model may refer to as well."""
_TASK: dict[Language, str] = {
    "ja": "データ:\n{data}\n\nこのデータの答えを JSON で書く。",
    "en": "Data:\n{data}\n\nWrite the answer for this data as JSON.",
}
_MEND: dict[Language, str] = {
    "ja": "前の下書き:\n{draft}\n次のものは事実への参照でない。参照に置き換えるか取り除き、言い換えてぼかさず、全体を書き直す。\n{faults}",
    "en": "Your draft:\n{draft}\nThese are no references to facts. Put a reference in the place of each or remove it, do not "
    "blur it, and write the whole again.\n{faults}",
}


class NarrativeGiven(BaseModel):
    """What the reporter's model returns."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    assessment: list[str] = Field(min_length=1, max_length=3)
    recommendation: list[str] = Field(max_length=3)

    def section(self, name: str) -> list[str]:
        """Return the paragraphs of one section."""
        return self.assessment if name == "assessment" else self.recommendation


@dataclass(frozen=True, slots=True)
class Written:
    """A report with its narrative, and what came of it."""

    report: ItemReport
    by_model: bool = False
    repairs: int = 0
    notes: tuple[Note, ...] = field(default=())


async def write_narrative(
    context: ItemContext, report: ItemReport, vocabulary: Vocabulary, asker: Asker
) -> Written:
    """Return the report with a model's assessment and recommendation where they hold nothing but words and facts.

    Args:
        context: The item.
        report: The finished draft in fixed wording.
        vocabulary: What prose is compared with.
        asker: The item's way to the models.
    """
    sheet = Sheet(report)
    if not asker.has("reporter") or not sheet.findings:
        return Written(report)
    writer = _Writer(context, Outline(sheet), asker)
    given = await writer.write()
    if given is None:
        return Written(report)
    given = proven(given, sheet)
    checker = _Checker(sheet, report, vocabulary)
    repairs = 0
    if faults := list(checker.faults(given)):
        repairs = 1
        mended = await writer.write(given, faults)
        given = proven(mended, sheet) if mended else given
    return _taken(report, sheet, checker, given, asker.name("reporter"), repairs)


@dataclass(frozen=True, slots=True)
class _Writer:
    """Asks the model for a narrative, and once more for a better one."""

    context: ItemContext
    outline: Outline
    asker: Asker

    async def write(
        self, draft: NarrativeGiven | None = None, faults: Sequence[str] = ()
    ) -> NarrativeGiven | None:
        """Return what the model writes; a server that cannot hold the sentences' form is asked for plain text."""
        language = self.outline.language
        user = _TASK[language].format(data=self.outline.text)
        if draft is not None:
            told = "\n".join(f"- {harmless(fault, 160)}" for fault in faults[:TOLD_FAULTS])
            user += "\n\n" + _MEND[language].format(draft=harmless_draft(draft), faults=told)
        prompt = compile_prompt("reporter", self.context)
        given = await self.asker.ask("reporter", prompt, user, self._form())
        if given is None and self.asker.log[-1].outcome == "bad_request":
            return await self.asker.ask("reporter", prompt, user, NarrativeGiven)
        return given

    def _form(self) -> type[NarrativeGiven]:
        """Return the form that keeps digits out and references in where a server enforces it; the checks find the rest."""
        item = self.context.item
        words = " ".join((item.title, item.purpose, self.outline.text))
        refers, free = self.outline.patterns(words)
        return create_model(
            NarrativeGiven.__name__,
            __base__=NarrativeGiven,
            assessment=(list[str], Field(min_length=1, max_length=3, json_schema_extra=_sentences(refers))),
            recommendation=(list[str], Field(max_length=3, json_schema_extra=_sentences(free))),
        )


def _sentences(pattern: str) -> dict[str, JsonValue]:
    """Return what the schema of a list says about its sentences."""
    return {"items": {"type": "string", "pattern": pattern}}


def _fixed(report: ItemReport) -> tuple[str, ...]:
    """Return the first paragraphs of the fixed wording."""
    return next(part.paragraphs for part in report.sections if part.id == "assessment")[:FIXED]


def proven(given: NarrativeGiven, sheet: Sheet) -> NarrativeGiven:
    """Return a draft with references in the place of values that belong to exactly one listed fact, without repeats."""
    return NarrativeGiven(
        assessment=list(dict.fromkeys(prove(text, sheet) for text in given.assessment)),
        recommendation=list(dict.fromkeys(prove(text, sheet) for text in given.recommendation)),
    )


def harmless_draft(given: NarrativeGiven) -> str:
    """Return a model's own draft for its second look; its references stay readable."""
    parts = [part for text in (*given.assessment, *given.recommendation) for part in _split(text)]
    return "".join(parts)


def _split(text: str) -> Iterator[str]:
    """Yield a paragraph with everything but its references made harmless."""
    at = 0
    for match in REFERENCE.finditer(text):
        yield _plain(text[at : match.start()])
        yield match.group()
        at = match.end()
    yield _plain(text[at:]) + "\n"


def _plain(text: str) -> str:
    return harmless(text, DRAFT_CHARS).replace("␠", " ")


@dataclass(frozen=True, slots=True)
class _Checker:
    """Finds what a narrative must not hold."""

    sheet: Sheet
    report: ItemReport
    vocabulary: Vocabulary

    @property
    def facts(self) -> dict[str, Fact]:
        """What may be referred to: the facts that are listed, and those of the fixed wording."""
        worded = set(references_of(_fixed(self.report)))
        return {**self.sheet.facts, **{fact.id: fact for fact in self.report.facts if fact.id in worded}}

    def faults(self, given: NarrativeGiven) -> Iterator[str]:
        """Yield the faults of both sections."""
        for name in WRITTEN:
            yield from self.section_faults(name, given.section(name))

    def section_faults(self, name: str, texts: Sequence[str]) -> Iterator[str]:
        """Yield the faults of one section."""
        if name == "assessment" and not set(references_of(texts)) & set(self.sheet.owners):
            yield "the assessment refers to no fact of a finding"
        for text in texts:
            yield from self.text_faults(text)

    def text_faults(self, text: str) -> tuple[str, ...]:
        """Return the faults of one paragraph."""
        return faults_of(
            text,
            facts=self.facts,
            language=self.report.language,
            vocabulary=self.vocabulary,
            reassuring=self.report.verdict is Verdict.NONE,
        )


def _taken(
    report: ItemReport, sheet: Sheet, checker: _Checker, given: NarrativeGiven, model: str, repairs: int
) -> Written:
    """Take over the paragraphs without a fault; a section without any keeps its fixed wording, and notes say so."""
    labels = _Labels(report, sheet)
    sections, notes, by_model = [], [], False
    for section in report.sections:
        texts = given.section(section.id) if section.id in WRITTEN else []
        faults = list(checker.section_faults(section.id, texts)) if texts else []
        kept = [text for text in texts if not checker.text_faults(text)]
        usable = bool(kept) and not any(checker.section_faults(section.id, kept))
        if faults:
            notes.append(_note(section, len(texts) - len(kept) if usable else len(faults), shortened=usable))
        if usable:
            by_model = by_model or section.id == "assessment"
            sections.append(_written(section, [labels.told(text) for text in kept], model))
        else:
            sections.append(section)
    new = report.model_copy(update={"sections": tuple(sections), "facts": (*report.facts, *labels.added)})
    return Written(new, by_model, repairs, tuple(notes))


def _note(section: Section, count: int, *, shortened: bool) -> Note:
    """Tell that paragraphs were left out, or that a section's faults left nothing of it."""
    code = "narrative_shortened" if shortened else "narrative_rejected"
    return Note(code=code, values={"section": section.title, "count": count})


def _written(section: Section, texts: list[str], model: str) -> Section:
    """Return a section with a model's words; what to do by verdict, and the hand-over, stay the code's."""
    kept = section.paragraphs if section.id == "recommendation" else ()
    return section.model_copy(update={"paragraphs": (*kept, *texts), "author": model})


class _Labels:
    """Says behind each figure in a model's words what it is, and of whom: a right figure in a wrong sentence is seen."""

    def __init__(self, report: ItemReport, sheet: Sheet) -> None:
        self._report, self._sheet = report, sheet
        self._several = len(sheet.findings) > 1
        self._facts = {fact.id: fact for fact in report.facts}
        self.added: list[Fact] = []

    def told(self, text: str) -> str:
        """Return `text` with a label behind every figure."""
        return REFERENCE.sub(self._labelled, text)

    def _labelled(self, match: re.Match[str]) -> str:
        fact = self._facts[match[1]]
        if not is_numeric(fact):
            return match.group()
        label = fact_label(fact.label, self._report.language)
        named = match.string[: match.start()].rstrip().lower().endswith(label.lower())
        parts = [] if named else [self._reference(label, f"procedure.label.{fact.id}")]
        owner = self._sheet.owners.get(fact.id)
        unclear = self._several or not self._is_named(owner or "", match.string)
        if owner and unclear and (entity := self._entity(owner)):
            parts.append(f"{{{{{entity}}}}}")
        if not parts:
            return match.group()
        return sentence("labelled", self._report.language, figure=match.group(), label=" / ".join(parts))

    def _entity(self, finding: str) -> str | None:
        place = f"finding.{finding}.key"
        mine = [fact for fact in self._report.facts if self._sheet.owners.get(fact.id) == finding]
        named = [fact.id for fact in mine if fact.derivation == place]
        return next(iter([*named, *(fact.id for fact in mine if fact.kind == "entity")]), None)

    def _is_named(self, finding: str, text: str) -> bool:
        named = (name for name in REFERENCE.findall(text) if self._sheet.owners.get(name) == finding)
        return any(not is_numeric(self._facts[name]) for name in named)

    def _reference(self, text: str, derivation: str) -> str:
        known = next((fact for fact in self.added if fact.derivation == derivation), None)
        if known is None:
            known = Fact(
                id=f"f{len(self._report.facts) + len(self.added) + 1}",
                label="label",
                value=text,
                kind="text",
                evidence="",
                derivation=derivation,
            )
            self.added.append(known)
        return f"{{{{{known.id}}}}}"
