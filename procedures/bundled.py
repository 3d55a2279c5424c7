"""Finding procedures: by the id of a bundled one, by folder, or by file."""

from __future__ import annotations

from pathlib import Path

from procedures.source import DOCUMENT, ProcedureNotFoundError

LIBRARY = Path(__file__).parent / "library"


def bundled() -> tuple[str, ...]:
    """Return the ids of the bundled procedures."""
    return tuple(sorted(folder.name for folder in LIBRARY.iterdir() if (folder / DOCUMENT).is_file()))


def find_procedure(name: str) -> Path:
    """Return the place of a procedure.

    Raises:
        ProcedureNotFoundError: There is none of this name.
    """
    path = Path(name)
    if path.exists():
        return path
    if (LIBRARY / name / DOCUMENT).is_file():
        return LIBRARY / name
    raise ProcedureNotFoundError(
        f"procedure {name!r} is unknown. Expected a folder, a {DOCUMENT}, or one of: {', '.join(bundled())}."
    )
