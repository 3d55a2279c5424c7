"""Two runs beside each other, case by case: what got better, what got worse, and whether it is more than noise."""

from __future__ import annotations

from collections.abc import Iterator

from evals.intervals import fewest, holm, sign_test
from evals.made import differences
from evals.planting import Model
from evals.result import CaseResult, RunResult
from evals.scorers import SCORERS
from evals.scoring import Scorer

CALLS = "calls"
"""The scorer that tells whether a model took part."""
NOISE = 0.05
"""Of comparisons of equal runs in which scores vary, this share may show a regression."""
AMOUNT = 0.1
"""An amount that grew by less than this share of itself is the same."""


class Change(Model):
    """One case that one scorer sees differently."""

    scorer: str
    case: str
    before: float
    after: float
    worse: bool
    faults: tuple[str, ...] = ()
    """The faults that were not there before."""


class Comparison(Model):
    """What changed from one run to another."""

    before: str
    after: str
    changes: tuple[Change, ...]
    regressions: tuple[str, ...]
    """Scorers that got worse beyond noise, with how."""
    notes: tuple[str, ...] = ()
    """What limits the comparison."""
    made: tuple[str, ...] = ()
    """What the runs were made with and differ in."""
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]


def compare(before: RunResult, after: RunResult) -> Comparison:
    """Compare the cases that both runs have.

    Without a model a score comes from code over fixed logs and does not vary, so one case that is worse is a
    regression. Where a model took part, and for amounts, more cases must be worse than chance explains: a sign test
    for each scorer that changed, held together by Holm's procedure.
    """
    old, new = _by_id(before), _by_id(after)
    both = [(old[name], new[name]) for name in old if name in new]
    changes = [change for pair in both for scorer in SCORERS.values() if (change := _change(scorer, *pair))]
    failed = tuple(f"{now.id} failed: {now.error}" for then, now in both if now.error and not then.error)
    modelled = any(
        case.scores[CALLS].value for run in (before, after) for case in run.cases if CALLS in case.scores
    )
    tallies = _tallies(changes)
    varying = {name: one for name, one in tallies.items() if modelled or SCORERS[name].metric == "amount"}
    beyond = holm({name: sign_test(*one) for name, one in varying.items()}, NOISE)
    worse = tuple(
        f"{name}: {worse} cases worse, {better} better"
        for name, (better, worse) in tallies.items()
        if (name in beyond if name in varying else worse)
    )
    return Comparison(
        before=before.variant,
        after=after.variant,
        changes=tuple(changes),
        regressions=(*failed, *worse, *_rules_worse(before, after)),
        notes=tuple(_limits(len(both), len(varying))) if modelled else (),
        made=tuple(differences(before.made, after.made)) if before.made and after.made else (),
        only_before=tuple(name for name in old if name not in new),
        only_after=tuple(name for name in new if name not in old),
    )


def _by_id(run: RunResult) -> dict[str, CaseResult]:
    apart = run.apart.cases if run.apart else ()
    return {case.id: case for case in (*run.cases, *apart)}


def _change(scorer: Scorer, before: CaseResult, after: CaseResult) -> Change | None:
    if scorer.id not in before.scores or scorer.id not in after.scores or scorer.better == "same":
        return None
    then, now = before.scores[scorer.id], after.scores[scorer.id]
    tolerance = AMOUNT * abs(then.value) if scorer.metric == "amount" else 1e-9
    if abs(now.value - then.value) <= tolerance:
        return None
    return Change(
        scorer=scorer.id,
        case=before.id,
        before=then.value,
        after=now.value,
        worse=scorer.worse(then.value, now.value) > 0,
        faults=tuple(fault for fault in now.faults if fault not in then.faults),
    )


def _rules_worse(before: RunResult, after: RunResult) -> Iterator[str]:
    """Yield the rules that are wrong about a labelled event which they were right about."""
    then = {(rule.set, rule.rule): rule for run in (before, before.apart) if run for rule in run.labelled}
    for rule in (rule for run in (after, after.apart) if run for rule in run.labelled):
        known = then.get((rule.set, rule.rule), rule).wrong
        if new := [text for text in rule.wrong if text not in known]:
            yield f"{rule.rule}: {'; '.join(new)}"


def _tallies(changes: list[Change]) -> dict[str, tuple[int, int]]:
    """Return how many cases each changed scorer sees better, and worse, in the order of the scorers."""
    found = {}
    for name in SCORERS:
        mine = [change.worse for change in changes if change.scorer == name]
        if mine:
            found[name] = (len(mine) - sum(mine), sum(mine))
    return found


def _limits(cases: int, scorers: int) -> Iterator[str]:
    if cases < (needed := fewest(scorers, NOISE)):
        yield (
            f"a model took part, and {cases} cases cannot tell a regression from noise: {needed} must be worse. "
            "Compare more cases."
        )
