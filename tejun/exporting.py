"""Writing the rows of a search to a file: CSV, NDJSON or Parquet, by its ending."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tools.durable import write_durably

if TYPE_CHECKING:
    from spl.run import Result

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?(e[+-]?\d+)?")


def check_target(name: str) -> Path:
    """Return the file to write.

    Raises:
        typer.BadParameter: Its ending is unknown, or its folder does not exist.
    """
    path = Path(name)
    if path.suffix not in _WRITERS:
        raise typer.BadParameter(f"{name!r} has no known ending. Expected {', '.join(sorted(_WRITERS))}.")
    if not path.parent.is_dir():
        raise typer.BadParameter(f"the folder {str(path.parent)!r} does not exist.")
    return path


def write_rows(path: Path, result: Result) -> None:
    """Write the rows; the file is whole or not there."""
    write_durably(path, lambda temporary: _WRITERS[path.suffix](temporary, result))


def _write_csv(path: Path, result: Result) -> None:
    """Write a header and a line a row; several values of a cell stand on lines of their own.

    A text that a spreadsheet would run as a formula is led by an apostrophe; NDJSON and Parquet hold it as it is.
    """
    from spl.values import to_text

    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([_inert(name) for name in result.fields])
        for row in result.rows:
            writer.writerow([_inert(to_text(row.get(name)) or "") for name in result.fields])


def _inert(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula.

    >>> _inert("=cmd|' /C calc'!A0"), _inert("-3.5")
    ("'=cmd|' /C calc'!A0", '-3.5')
    """
    return text if _NUMBER.fullmatch(text) or not text.startswith(_FORMULA) else f"'{text}"


def _write_ndjson(path: Path, result: Result) -> None:
    import orjson

    with path.open("wb") as file:
        file.writelines(orjson.dumps(row) + b"\n" for row in result.rows)


def _write_parquet(path: Path, result: Result) -> None:
    """Write a column a field: numbers where all values are, lists where one is, else texts."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from spl.values import to_text

    columns = {}
    for name in result.fields:
        values = [row.get(name) for row in result.rows]
        known = [value for value in values if value is not None]
        if any(isinstance(value, list) for value in known):
            lists = [
                value if isinstance(value, list) or value is None else [to_text(value)] for value in values
            ]
            columns[name] = pa.array(lists, pa.list_(pa.string()))
        elif known and all(isinstance(value, int | float) for value in known):
            columns[name] = pa.array(values, pa.float64())
        else:
            columns[name] = pa.array([to_text(value) for value in values], pa.string())
    pq.write_table(pa.table(columns), path)


_WRITERS: dict[str, Callable[[Path, Result], None]] = {
    ".csv": _write_csv,
    ".ndjson": _write_ndjson,
    ".parquet": _write_parquet,
}
