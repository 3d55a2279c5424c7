"""The same cases and scorers through LangSmith's `evaluate`; nothing leaves the machine unless it is asked to."""

from __future__ import annotations

import tempfile
import uuid
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langsmith import Client, evaluate, tracing_context
from langsmith.schemas import Example, Run

from evals.case import Case
from evals.result import CaseResult
from evals.run import Plan, run_case
from evals.scorers import SCORERS

if TYPE_CHECKING:
    from langsmith.evaluation._runner import ExperimentResults

NAMESPACE = uuid.UUID("6f0e7d7e-6f55-4f6e-9a34-6b6f7c1a52d4")
DATASET = "tejun-cases"
Evaluator = Callable[[Run, Example], dict[str, Any]]


def evaluate_cases(
    cases: Sequence[Case], plan: Plan, *, upload: bool = False, client: Client | None = None
) -> ExperimentResults:
    """Run cases as a LangSmith experiment.

    Args:
        cases: Generated cases.
        plan: How.
        upload: Send scores, and case ids and titles, to LangSmith; reports and logs stay here either way.
        client: The LangSmith client; one from LangSmith's own settings when absent and needed.
    """
    by_id = {case.id: case for case in cases}
    with tempfile.TemporaryDirectory(prefix="tejun-eval-") as folder:

        def target(inputs: dict[str, Any]) -> dict[str, Any]:
            with tracing_context(enabled=False):  # the graph's traces hold log text
                result = run_case(by_id[inputs["case"]], plan, Path(folder))
            return result.model_dump(mode="json")

        client = client or Client(auto_batch_tracing=upload)
        data = _dataset(cases, client) if upload else _examples(cases)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "'upload_results' parameter is in beta")
            return evaluate(
                target,
                data=data,
                evaluators=[_evaluator(name) for name in SCORERS],
                experiment_prefix=f"tejun-{plan.variant.id}",
                client=client,
                upload_results=upload,
                disable_evaluator_tracing=not upload,
            )


def _examples(cases: Sequence[Case]) -> list[Example]:
    return [
        Example(
            id=uuid.uuid5(NAMESPACE, case.id),
            dataset_id=NAMESPACE,
            inputs={"case": case.id, "title": case.title},
            outputs=dict(case.truth.items),
        )
        for case in cases
    ]


def _dataset(cases: Sequence[Case], client: Client) -> list[Example]:
    """Return the examples of the data set in LangSmith, made when they are not there."""
    if not client.has_dataset(dataset_name=DATASET):
        client.create_dataset(DATASET, description="Cases of tejun eval, by id")
    wanted = {case.id for case in cases}
    known = {str((one.inputs or {}).get("case")) for one in client.list_examples(dataset_name=DATASET)}
    for example in _examples([case for case in cases if case.id not in known]):
        client.create_example(inputs=example.inputs or {}, outputs=example.outputs, dataset_name=DATASET)
    stored = client.list_examples(dataset_name=DATASET)
    return [one for one in stored if str((one.inputs or {}).get("case")) in wanted]


def _evaluator(name: str) -> Evaluator:
    """Return one scorer as LangSmith calls it; a case that has nothing to measure has no score."""

    def score(run: Run, example: Example) -> dict[str, Any]:
        result = CaseResult.model_validate(run.outputs)
        found = result.scores.get(name)
        comment = "; ".join(found.faults) if found else result.error or "nothing to measure"
        return {"key": name, "score": found.value if found else None, "comment": comment}

    score.__name__ = name
    return score
