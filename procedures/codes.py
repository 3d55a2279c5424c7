"""The faults that lint knows: code, severity, and one sentence of what it means."""

from __future__ import annotations

CODES: dict[str, tuple[str, str]] = {
    "P001": ("error", "The front matter is missing or cannot be read."),
    "P002": ("error", "A required key of the front matter is missing."),
    "P003": ("error", "A value cannot be read."),
    "P004": ("error", "A key or an option is unknown."),
    "P005": ("error", "A required section is missing."),
    "P006": ("error", "A heading is unknown."),
    "P007": ("error", "A table misses a column, or a row has too few cells."),
    "P008": ("error", "A verdict, scope or format word is unknown."),
    "P009": ("error", "An id is used twice."),
    "P010": ("error", "A fenced block is missing or stands twice."),
    "P020": ("error", "A search cannot be understood or uses what the engine lacks."),
    "P021": ("error", "A search uses a command that is refused always."),
    "P022": ("error", "A search has earliest= or latest= of its own."),
    "P023": ("error", "A search names no index, or one that is no data source."),
    "P024": ("error", "A full-width operator or digit stands in a part for the machine."),
    "P025": ("error", "A macro is unknown or cannot be read."),
    "P026": ("error", "A lookup beside the procedure cannot be read."),
    "P030": ("error", "A field does not exist in the result of the search."),
    "P031": ("error", "A $token$ is neither a column of the item's search nor a parameter."),
    "P032": ("error", "An expression cannot be read."),
    "P033": ("error", "A reference names something that does not exist."),
    "P034": ("error", "A batched drill-down returns no key field, so its rows belong to nobody."),
    "P035": ("error", "A known-benign entry covers everything, or looks at more than key fields."),
    "P036": ("error", "A time is used that is not declared in `times`."),
    "P050": ("warning", "A known-benign entry has expired."),
    "P051": ("warning", "The review of the procedure is overdue."),
    "P052": ("warning", "A macro holds a list of exceptions, which nobody sees in the report."),
    "P053": ("warning", "A threshold stands in the search instead of in a criterion."),
    "P054": ("warning", "The text is another than earlier rounds ran under the same version."),
    "P055": ("warning", "An independent total counts events of which the item makes no finding."),
    "P056": ("warning", "A data model or dataset is named almost like a known one."),
}
"""Every code with its severity and meaning; the documentation prints this table."""
