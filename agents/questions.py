"""The judge agent's model: prose questions answered, concerns raised. It can make a verdict worse, never better."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from agents.asking import Asker
from agents.context import ItemContext
from agents.narrative import Language
from agents.ordering import ordered
from agents.prompting import compile_prompt, has_questions
from agents.prose import Vocabulary, faults_of, references_of
from agents.sheet import Sheet
from procedures.verdict import Verdict, worst
from tools.records.fact import Fact
from tools.records.finding import (
    Concern,
    CriterionResult,
    Finding,
    FindingJudgement,
    Judgement,
    ModelAnswer,
    Note,
)
from tools.records.report import ItemReport

OPEN_NOTES = {"question_without_model", "model_says_no", "model_cannot_tell"}
_UNANSWERED = {"no": "model_says_no", "cannot_tell": "model_cannot_tell"}


class Model(BaseModel):
    """Strict about unknown names, as structured output asks."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class AnswerGiven(Model):
    """A model's answer to one question."""

    question: str
    answer: Literal["yes", "no", "cannot_tell"]
    reason: str
    facts: list[str]


class ConcernGiven(Model):
    """A model's objection to the verdict of one finding."""

    finding: str
    verdict: Literal["investigate", "undetermined"]
    reason: str
    facts: list[str]


class ConcernsGiven(Model):
    """What the judge's model returns where no question is open."""

    concerns: list[ConcernGiven] = Field(max_length=5)


class JudgeGiven(ConcernsGiven):
    """What the judge's model returns."""

    answers: list[AnswerGiven] = Field(max_length=12)


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A question in prose that code could not answer; `finding` is empty for the item as a whole."""

    name: str
    finding: str
    criterion: str
    text: str


async def ask_questions(
    context: ItemContext,
    judgement: Judgement,
    draft: ItemReport,
    vocabulary: Vocabulary,
    asker: Asker,
    findings: Sequence[Finding],
) -> Judgement:
    """Return the judgement with a model's answers and concerns; unchanged when it gives none.

    Args:
        context: The item.
        judgement: What code decided; final but for its open questions.
        draft: A report over it, whose facts can be cited.
        vocabulary: What prose is compared with.
        asker: The item's way to the models.
        findings: The findings with their times, for their order.
    """
    sheet = Sheet(draft, only=_discussed(judgement, draft))
    asked = list(_open_questions(judgement, sheet))
    if not asker.has("judge") or not (asked or any(_can_rise(row.verdict) for row in draft.rows)):
        return judgement
    listed = "\n".join(f"{one.name} ({_about(one, sheet)}): {one.text}" for one in asked)
    if not listed and has_questions(context.item):
        listed = _NOTHING_ASKED[context.procedure.language]
    user = f"{sheet.text}\n\n{listed}".strip()
    schema = JudgeGiven if asked else ConcernsGiven
    given = await asker.ask("judge", compile_prompt("judge", context), user, schema)
    if given is None:
        return judgement
    answered = given.answers if isinstance(given, JudgeGiven) else []
    reader = _Reader(sheet, vocabulary, context.procedure.language, asker.name("judge"))
    answers = {(one.finding, one.criterion): reader.answer(answered, one) for one in asked}
    return _raised(judgement, answers, reader.concerns(given.concerns), findings)


_NOTHING_ASKED: dict[Language, str] = {
    "ja": '問いはない。懸念だけを {"concerns": […]} で答える。',
    "en": 'There is no question. Answer with concerns alone: {"concerns": […]}.',
}


def _can_rise(verdict: Verdict) -> bool:
    return verdict is not Verdict.INVESTIGATE


def _discussed(judgement: Judgement, draft: ItemReport) -> frozenset[str] | None:
    """Return the findings with an open question or a verdict that can rise; None when the item as a whole has a question."""
    if any(_is_open(result) for result in judgement.item_results):
        return None
    asked = {
        entry.finding for entry in judgement.findings if any(_is_open(result) for result in entry.results)
    }
    rows = (*draft.rows, *draft.attached)
    return frozenset(asked | {row.finding for row in rows if _can_rise(row.verdict)})


def _is_open(result: CriterionResult) -> bool:
    return result.note is not None and result.note.code in OPEN_NOTES


def _about(question: OpenQuestion, sheet: Sheet) -> str:
    return next((name for name, ident in sheet.findings.items() if ident == question.finding), "item")


def _open_questions(judgement: Judgement, sheet: Sheet) -> Iterator[OpenQuestion]:
    shown = set(sheet.findings.values())
    places = [("", result) for result in judgement.item_results]
    places += [
        (entry.finding, result)
        for entry in judgement.findings
        if entry.finding in shown
        for result in entry.results
    ]
    asked = [place for place in places if _is_open(place[1])]
    for number, (finding, result) in enumerate(asked[:12], 1):
        yield OpenQuestion(f"Q{number}", finding, result.id, result.expression)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads what a model gave: only what it was shown can be cited, only clean prose is kept."""

    sheet: Sheet
    vocabulary: Vocabulary
    language: Language
    model: str

    def answer(self, given: Sequence[AnswerGiven], asked: OpenQuestion) -> ModelAnswer:
        """Return the answer to a question; without a valid citation it is "cannot tell"."""
        mine = [answer for answer in given if answer.question == asked.name]
        facts = self._cited(mine[0].facts, asked.finding) if len(mine) == 1 else ()
        answer = mine[0].answer if facts else "cannot_tell"
        return ModelAnswer(
            model=self.model,
            answer=answer,
            reason=self._reason(mine[0].reason, facts) if facts else "",
            facts=facts,
        )

    def concerns(self, given: Sequence[ConcernGiven]) -> dict[str, list[Concern]]:
        """Return the concerns that name a finding which was shown and rest on facts, by finding."""
        kept: dict[str, list[Concern]] = {}
        for concern in given:
            finding = self.sheet.findings.get(concern.finding)
            verdict = Verdict(concern.verdict)
            facts = self._cited(concern.facts, finding) if finding else ()
            if finding is None or not facts or self._reaches(finding, verdict):
                continue
            assert verdict in {Verdict.INVESTIGATE, Verdict.UNDETERMINED}  # noqa: S101 - the schema
            kept.setdefault(finding, []).append(
                Concern(
                    model=self.model,
                    verdict=verdict,
                    reason=self._reason(concern.reason, facts),
                    facts=facts,
                )
            )
        return kept

    def _reaches(self, finding: str, verdict: Verdict) -> bool:
        """Tell whether a finding's verdict is as bad as that already."""
        rows = (row for row in self.sheet.report.rows if row.finding == finding)
        return next(rows).verdict.severity >= verdict.severity

    def _cited(self, names: Sequence[str], finding: str) -> tuple[Fact, ...]:
        """Return the facts; none when one of them was not shown, or when none is about the finding."""
        plain = list(dict.fromkeys(name.strip().strip("{}") for name in names))
        about = [name for name in plain if self.sheet.owners.get(name) == finding or not finding]
        if not about or not all(name in self.sheet.facts for name in plain):
            return ()
        return tuple(self.sheet.facts[name] for name in plain)

    def _reason(self, text: str, facts: tuple[Fact, ...]) -> str:
        """Return the reason; empty when it holds something that is no fact of the answer."""
        cited = {fact.id: fact for fact in facts}
        faults = faults_of(text, facts=cited, language=self.language, vocabulary=self.vocabulary)
        return "" if faults or not set(references_of([text])) <= set(cited) else text


def carry_over(judgement: Judgement, earlier: Judgement, findings: Sequence[Finding]) -> Judgement:
    """Return a new judgement with what a model answered and objected to over the evidence before."""
    answers = {("", result.id): result.answer for result in earlier.item_results if result.answer}
    answers |= {
        (entry.finding, result.id): result.answer
        for entry in earlier.findings
        for result in entry.results
        if result.answer
    }
    concerns = {entry.finding: list(entry.concerns) for entry in earlier.findings if entry.concerns}
    return _raised(judgement, answers, concerns, findings) if answers or concerns else judgement


def _raised(
    judgement: Judgement,
    answers: dict[tuple[str, str], ModelAnswer],
    concerns: dict[str, list[Concern]],
    times: Sequence[Finding],
) -> Judgement:
    """Return the judgement with every verdict at least as bad as before."""
    findings = [
        _raised_finding(entry, answers, tuple(concerns.get(entry.finding, ())))
        for entry in judgement.findings
    ]
    item_results = tuple(_answered(result, answers.get(("", result.id))) for result in judgement.item_results)
    fired = [result.verdict for result in item_results if result.fired]
    return judgement.model_copy(
        update={
            "findings": ordered(findings, times),
            "item_results": item_results,
            "verdict": worst([judgement.verdict, *fired, *(entry.verdict for entry in findings)]),
        }
    )


def _raised_finding(
    entry: FindingJudgement, answers: dict[tuple[str, str], ModelAnswer], concerns: tuple[Concern, ...]
) -> FindingJudgement:
    results = tuple(_answered(result, answers.get((entry.finding, result.id))) for result in entry.results)
    objected = [Verdict(concern.verdict) for concern in concerns]
    fired = [result for result in results if result.fired]
    return entry.model_copy(
        update={
            "results": results,
            "concerns": (
                *entry.concerns,
                *(concern for concern in concerns if concern not in entry.concerns),
            ),
            "verdict": worst(
                [entry.verdict, *objected, *(result.verdict for result in fired if not result.suppressed_by)]
            ),
            "unsuppressed": worst([entry.unsuppressed, *objected, *(result.verdict for result in fired)]),
        }
    )


def _answered(result: CriterionResult, answer: ModelAnswer | None) -> CriterionResult:
    """Return the result with its answer: a yes fires; anything else stays undecided, for a person to settle."""
    if answer is None:
        return result
    if answer.answer == "yes":
        return result.model_copy(update={"answer": answer, "fired": True, "note": None})
    note = Note(code=_UNANSWERED[answer.answer], values={"criterion": result.id})
    return result.model_copy(update={"answer": answer, "note": note})
