"""What runs of a procedure draw on, from its archived text alone."""

from __future__ import annotations

import csv
import io
import re
from functools import lru_cache

from procedures.ids import CODE as ODD_ID
from procedures.model import Fault, Place, Procedure
from procedures.parse import parse_procedure
from procedures.source import LOOKUPS, MACROS, TRANSFORMS, ProcedureSource
from spl.errors import MacroError
from spl.lookups import Lookups, UnknownLookupError, parse_lookups
from spl.macros import MacroTable, parse_macros_conf


class ProcedureError(Exception):
    """A procedure has faults and cannot run."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


def load_procedure(source: ProcedureSource) -> Procedure:
    """Return the parsed procedure.

    An id with an odd sign, which earlier versions took, is no fault here: a stored round must open.

    Raises:
        ProcedureError: Its form has faults; all of them are named.
    """
    return _load(source.digest, source.model_dump_json())


def load_new(source: ProcedureSource) -> Procedure:
    """Return the parsed procedure of a round that is to begin.

    Raises:
        ProcedureError: Its form has faults, odd ids among them.
    """
    odd = tuple(fault for fault in parse_procedure(source).faults if fault.code == ODD_ID)
    if odd:
        raise ProcedureError(odd)
    return load_procedure(source)


@lru_cache(maxsize=32)
def _load(digest: str, text: str) -> Procedure:
    source = ProcedureSource.model_validate_json(text)
    parsed = parse_procedure(source)
    faults = (*parsed.faults, *faults_beside(source))
    errors = tuple(fault for fault in faults if fault.severity == "error" and fault.code != ODD_ID)
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
    tables = _csv_texts(source).items()
    return {name.removesuffix(".csv"): list(csv.DictReader(io.StringIO(text))) for name, text in tables}


def tables_of(source: ProcedureSource) -> Lookups:
    """Return the lookups beside the procedure as its searches may use them.

    Raises:
        UnknownLookupError: One cannot be read.
    """
    return _parsed(frozenset(_csv_texts(source).items()), source.files.get(f"{LOOKUPS}/{TRANSFORMS}", ""))


@lru_cache(maxsize=32)
def _parsed(files: frozenset[tuple[str, str]], conf: str) -> Lookups:
    return parse_lookups(dict(files), conf)


def faults_beside(source: ProcedureSource) -> tuple[Fault, ...]:
    """Return what is wrong with the files beside the document."""
    faults = []
    try:
        macros_of(source)
    except MacroError as error:
        line = re.search(r":(\d+):", error.message)
        faults.append(_fault(MACROS, int(line[1]) if line else 1, "P025", error.message))
    try:
        tables_of(source)
    except UnknownLookupError as error:
        faults.append(_fault(f"{LOOKUPS}/", 1, "P026", error.message))
    return tuple(faults)


def _fault(path: str, line: int, code: str, message: str) -> Fault:
    return Fault(place=Place(path=path, line=line), code=code, message=message, severity="error")


def _csv_texts(source: ProcedureSource) -> dict[str, str]:
    """Return the lookup files by their names, without the byte order mark of a spreadsheet."""
    return {
        name.removeprefix(f"{LOOKUPS}/"): text.removeprefix("\ufeff")
        for name, text in source.files.items()
        if name.startswith(f"{LOOKUPS}/") and name.endswith(".csv")
    }


def parameters_of(procedure: Procedure, environment: str) -> dict[str, str]:
    """Return every parameter's value in `environment`, or its default."""
    return {
        parameter.name: parameter.values.get(environment, parameter.values.get("default", ""))
        for parameter in procedure.parameters
    }
