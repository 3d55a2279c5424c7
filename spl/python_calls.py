"""Functions that the database has no form of: it calls Python for them, in batches, within the search's time."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from itertools import count
from typing import Any

import duckdb
import pyarrow as pa
from duckdb.func import FunctionNullHandling, PythonUDFType

from spl.calls.multi import joined, parts_of
from spl.errors import SearchTimeoutError, SplError
from spl.values import Value, to_number, to_text


class Kind(StrEnum):
    """Static kind of a SQL value."""

    TEXT = "text"
    NUMBER = "number"
    BOOL = "bool"
    MULTI = "multi"
    NULL = "null"


_SQL_TYPES = {
    Kind.TEXT: "VARCHAR",
    Kind.NUMBER: "DOUBLE",
    Kind.BOOL: "BOOLEAN",
    Kind.MULTI: "VARCHAR[]",
    Kind.NULL: "VARCHAR",
}
ARROW_TYPES = {
    Kind.TEXT: pa.string(),
    Kind.NUMBER: pa.float64(),
    Kind.BOOL: pa.bool_(),
    Kind.MULTI: pa.list_(pa.string()),
    Kind.NULL: pa.string(),
}
"""Arrow type of each kind."""

_CHECK_EVERY = 1_000
_NUMBER = count(1)


def _as_bool(value: Value) -> Any:
    return value if isinstance(value, bool) else None


_TO: dict[Kind, Callable[[Value], Any]] = {
    Kind.TEXT: to_text,
    Kind.NUMBER: to_number,
    Kind.BOOL: _as_bool,
    Kind.MULTI: lambda value: joined(parts_of(value)),
    Kind.NULL: to_text,
}


class PythonCalls:
    """The Python functions of one search on one connection; `close` takes them out of the database again."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, *, timeout_s: float | None = None) -> None:
        self._connection = connection.cursor()
        self._ends_at = None if timeout_s is None else time.monotonic() + timeout_s
        self._timeout_s = timeout_s
        self._installed: dict[object, str] = {}
        self.error: SplError | None = None
        """What a function raised, for the database reports it in its own words."""

    def install(
        self, key: object, function: Callable[..., Value], arguments: Sequence[Kind], result: Kind
    ) -> str:
        """Return the SQL name of `function`; the same `key` and kinds are installed once."""
        known = (key, tuple(arguments), result)
        if known not in self._installed:
            name = f"spl_py_{next(_NUMBER)}"
            self._connection.create_function(
                name,
                self._batched(function, len(arguments), result),
                [_SQL_TYPES[kind] for kind in arguments],
                _SQL_TYPES[result],
                type=PythonUDFType.ARROW,
                null_handling=FunctionNullHandling.SPECIAL,
            )
            self._installed[known] = name
        return self._installed[known]

    def close(self) -> None:
        """Take all functions out of the database."""
        for name in self._installed.values():
            self._connection.remove_function(name)
        self._installed.clear()
        self._connection.close()

    def check_time(self) -> None:
        """Stop a search that is out of time: the database cannot interrupt Python.

        Raises:
            SearchTimeoutError: It is.
        """
        if self._ends_at is not None and time.monotonic() > self._ends_at:
            self.error = SearchTimeoutError(
                f"the search ran longer than {self._timeout_s:g} s and was stopped."
            )
            raise self.error

    def _batched(self, function: Callable[..., Value], count: int, result: Kind) -> Callable[..., pa.Array]:
        convert, arrow_type = _TO[result], ARROW_TYPES[result]

        def batch(*columns: Any) -> pa.Array:
            out = []
            try:
                for place, row in enumerate(zip(*(column.to_pylist() for column in columns), strict=True)):
                    if place % _CHECK_EVERY == 0:
                        self.check_time()
                    out.append(convert(function(*row)))
            except SplError as error:
                self.error = error
                raise
            return pa.array(out, arrow_type)

        names = [f"a{place}" for place in range(count)]
        positional = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in names]
        batch.__signature__ = inspect.Signature(positional)  # type: ignore[attr-defined]
        return batch
