"""The result of a run as data: scores per case, totals per scorer; what is written and compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean, median

from pydantic import Field, ValidationError

from evals.intervals import FEW, bootstrap, wilson
from evals.made import Made
from evals.opinion import QUESTIONS, Opinion
from evals.planting import Model
from evals.rule_score import RuleScore
from evals.scorers import SCORERS
from evals.scoring import Score, Scorer

SCHEMA = "tejun.eval/1"


class ResultError(Exception):
    """A result file cannot be read; the text says which and why."""


class CaseResult(Model):
    """One case: its scores by scorer, or why there are none."""

    id: str
    title: str
    tags: tuple[str, ...] = ()
    scores: dict[str, Score] = Field(default_factory=dict)
    error: str | None = None
    opinions: dict[str, Opinion] = Field(default_factory=dict)
    """What a judge model thinks of the prose, by question; no part of any score."""

    @property
    def faulty(self) -> bool:
        """Whether it failed or a score has a fault."""
        return self.error is not None or any(score.faults for score in self.scores.values())


class Total(Model):
    """One scorer over all cases."""

    scorer: str
    value: float
    low: float
    high: float
    cases: int
    """Cases that had something to measure."""
    few: bool
    """Whether they are too few to say much."""
    perfect: int
    """Cases at the end of the scale."""
    reached: bool | None
    """Whether the mark is reached; None without a mark."""


class RunResult(Model):
    """One run of the suite."""

    schema_: str = Field(SCHEMA, alias="schema")
    variant: str
    started_at: float
    seconds: float
    workers: int
    cases: tuple[CaseResult, ...]
    totals: tuple[Total, ...]
    skipped: dict[str, str] = Field(default_factory=dict)
    """What did not run, with the reason."""
    made: Made | None = None
    """What the run was made with; None where nobody said."""
    judge: str | None = None
    """Name of the model whose opinions there are."""
    labelled: tuple[RuleScore, ...] = ()
    """Rules over labelled events, apart as well."""
    apart: RunResult | None = None
    """The real sets, which are measured with fewer scores and never added to the rest."""

    @property
    def good(self) -> bool:
        """Whether every case ran and every mark is reached."""
        return not any(case.error for case in self.cases) and all(
            one.reached is not False for one in self.totals
        )


def total(scorer: Scorer, cases: Iterable[CaseResult]) -> Total | None:
    """Return one scorer over cases; None when no case had anything to measure."""
    scores = [case.scores[scorer.id] for case in cases if scorer.id in case.scores]
    if not scores:
        return None
    values = [score.value for score in scores]
    end = {"share": 1.0, "count": 0.0}.get(scorer.metric)
    value = _value(scorer, values)
    low, high = _interval(scorer, value, values)
    return Total(
        scorer=scorer.id,
        value=value,
        low=low,
        high=high,
        cases=len(values),
        few=len(values) < FEW,
        perfect=sum(one == end for one in values),
        reached=None if scorer.mark is None else value == scorer.mark,
    )


def _value(scorer: Scorer, values: Sequence[float]) -> float:
    match scorer.aggregation:
        case "macro mean":
            return fmean(values)
        case "median":
            return median(values)
        case "sum":
            return sum(values)


def _interval(scorer: Scorer, value: float, values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval: of a mean of shares, of a median, or of the cases that a count is above 0 in."""
    match scorer.metric:
        case "share":
            return wilson(value, len(values))
        case "amount":
            return bootstrap(values)
        case "count":
            low, high = wilson(sum(one > 0 for one in values) / len(values), len(values))
            return low * len(values), high * len(values)


def totals(cases: Sequence[CaseResult]) -> tuple[Total, ...]:
    """Return every scorer over cases."""
    return tuple(one for scorer in SCORERS.values() if (one := total(scorer, cases)))


class OpinionTotal(Model):
    """A judge model's answers to one question, over cases."""

    question: str
    value: float | None
    """Mean of 0 to 1; None when there is no answer."""
    low: float
    high: float
    cases: int
    unanswered: int


def opinion_totals(result: RunResult) -> tuple[OpinionTotal, ...]:
    """Return what a judge model thinks over all cases; nothing when none was asked."""
    return tuple(_opinion_total(name, result.cases) for name in QUESTIONS) if result.judge else ()


def _opinion_total(name: str, cases: Sequence[CaseResult]) -> OpinionTotal:
    given = [case.opinions[name].score for case in cases if name in case.opinions]
    scores = [score for score in given if score is not None]
    value = fmean(scores) if scores else None
    low, high = wilson(value or 0.0, len(scores))
    unanswered = len(given) - len(scores)
    return OpinionTotal(
        question=name, value=value, low=low, high=high, cases=len(scores), unanswered=unanswered
    )


def read_result(path: Path) -> RunResult:
    """Read a result that `tejun eval run --output` wrote.

    Raises:
        ResultError: The file does not exist or is no such result.
    """
    try:
        return RunResult.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ResultError(
            f"cannot read {str(path)!r}: {error.strerror}. Expected a file of `tejun eval run --output`."
        ) from None
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"])) or "file"
        raise ResultError(f"{path}: {place}: {fault['msg']}. Expected a result of schema {SCHEMA}.") from None


def write_result(result: RunResult, path: Path) -> None:
    """Write a result as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(result.model_dump_json(by_alias=True, indent=1), "utf-8")
