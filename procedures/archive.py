"""What runs of a procedure draw on, from its archived text alone."""

from __future__ import annotations

import csv
import io
from functools import lru_cache

from procedures.model import Fault, Procedure
from procedures.parse import parse_procedure
from procedures.source import MACROS, ProcedureSource
from spl.macros import MacroTable, parse_macros_conf


class ProcedureError(Exception):
    """A procedure has faults and cannot run."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


def load_procedure(source: ProcedureSource) -> Procedure:
    """Return the parsed procedure.

    Raises:
        ProcedureError: Its form has faults; all of them are named.
    """
    return _load(source.digest, source.model_dump_json())


@lru_cache(maxsize=32)
def _load(digest: str, text: str) -> Procedure:
    parsed = parse_procedure(ProcedureSource.model_validate_json(text))
    errors = tuple(fault for fault in parsed.faults if fault.severity == "error")
    if errors or parsed.procedure is None:
        raise ProcedureError(errors)
    return parsed.procedure


def macros_of(source: ProcedureSource) -> MacroTable:
    """Return the macros beside the procedure.

    Raises:
        MacroError: macros.conf cannot be read.
    """
    return parse_macros_conf(source.files.get(MACROS, ""), MACROS)


def lookups_of(source: ProcedureSource) -> dict[str, list[dict[str, str]]]:
    """Return the rows of every lookup beside the procedure, by name."""
    return {
        name.removeprefix("lookups/").removesuffix(".csv"): list(csv.DictReader(io.StringIO(text)))
        for name, text in source.files.items()
        if name.startswith("lookups/")
    }


def parameters_of(procedure: Procedure, environment: str) -> dict[str, str]:
    """Return every parameter's value in `environment`, or its default."""
    return {
        parameter.name: parameter.values.get(environment, parameter.values.get("default", ""))
        for parameter in procedure.parameters
    }
