"""What models took in a round, from its stored reports."""

from __future__ import annotations

from collections.abc import Sequence

from tejun.shapes import ModelShape
from tools.records.evidence import EvidenceStore
from tools.records.model_use import ModelCall, sum_calls
from tools.records.report import ItemReport
from tools.records.rows import RoundItemRow


def model_calls(rows: list[RoundItemRow], evidence: EvidenceStore) -> dict[str, tuple[ModelCall, ...]]:
    """Return the calls of models by item id, from the stored reports; nothing without a model."""
    reports = {row.item_id: evidence.get(row.report, ItemReport) for row in rows if row.report}
    return {item: report.model_use.calls for item, report in reports.items() if report.model_use}


def model_shape(calls: Sequence[ModelCall]) -> ModelShape | None:
    """Return what calls took; None without any."""
    names = list(dict.fromkeys(call.model for call in calls))
    return ModelShape(models=names, **sum_calls(calls).model_dump()) if calls else None
