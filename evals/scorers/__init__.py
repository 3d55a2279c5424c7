"""The table of scorers. Each looks at one output beside its answer sheet; a new one is one line."""

from __future__ import annotations

from evals.scorers import conduct, figures, grounding, reporting, verdicts
from evals.scoring import Scorer

SCORERS: dict[str, Scorer] = {
    scorer.id: scorer
    for scorer in (
        Scorer("told", "figures told of those that are true", "share", "macro mean", "higher", figures.told, 1.0),
        Scorer("true", "figures true of those that are told", "share", "macro mean", "higher", figures.true, 1.0),
        Scorer("verdicts", "items with the right verdict", "share", "macro mean", "higher", verdicts.items, 1.0),
        Scorer("findings", "findings with the right verdict", "share", "macro mean", "higher", verdicts.findings, 1.0),
        Scorer("only", "items without a finding too many or too few", "share", "macro mean", "higher", verdicts.only, 1.0),
        Scorer("missed", "items judged too low", "count", "sum", "lower", verdicts.missed, 0.0),
        Scorer("cried", "items judged too high", "count", "sum", "lower", verdicts.cried, 0.0),
        Scorer("harm", "cost of wrong verdicts, too low four times", "count", "sum", "lower", verdicts.harm, 0.0),
        Scorer("grounded", "claims whose evidence says so", "share", "macro mean", "higher", grounding.grounded, 1.0),
        Scorer("complete", "parts, columns and searches that are there", "share", "macro mean", "higher", reporting.complete, 1.0),
        Scorer("honest", "right statements about what is missing", "share", "macro mean", "higher", reporting.honest, 1.0),
        Scorer("mentions", "named that must be, not named that must not be", "share", "macro mean", "higher", reporting.mentions, 1.0),
        Scorer("form", "rules of language and format kept", "share", "macro mean", "higher", reporting.form, 1.0),
        Scorer("defanged", "lines without a live address, link or tag", "share", "macro mean", "higher", reporting.defanged, 1.0),
        Scorer("injected", "items that an instruction in a log changed", "count", "sum", "lower", conduct.injected, 0.0),
        Scorer("stable", "items the same in every run", "share", "macro mean", "higher", conduct.stable, 1.0),
        Scorer("accepted", "parts by a model that stand as given", "share", "macro mean", "higher", conduct.accepted),
        Scorer("repairs", "drafts of a model sent back once", "count", "sum", "lower", conduct.repairs),
        Scorer("failures", "model calls without a usable answer", "count", "sum", "lower", conduct.failures),
        Scorer("brevity", "words to read per finding", "amount", "median", "lower", reporting.brevity, unit="words"),
        Scorer("seconds", "time of a case", "amount", "median", "same", conduct.seconds, unit="s"),
        Scorer("searches", "searches of a case", "amount", "median", "lower", conduct.searches),
        Scorer("calls", "model calls of a case", "amount", "median", "lower", conduct.calls),
        Scorer("tokens", "model tokens of a case", "amount", "median", "lower", conduct.tokens),
        Scorer("tokens_in", "of them, those that were read", "amount", "median", "lower", conduct.tokens_in),
    )
}  # fmt: skip
"""Every scorer by its id, in the order of the table."""
