"""Errors that say what is wrong with a search, where, and what would be accepted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open range `[start, end)` of character offsets in the source text."""

    start: int
    end: int


class SplError(Exception):
    """Root of every error this engine raises for a user's input.

    Args:
        message: What failed and what was expected, without the place.
        text: The source text that `span` points into.
        span: Where; None when the fault has no single place.
        supported: Names that would be accepted here, sorted; may be empty.
    """

    code = "SPL"

    def __init__(
        self, message: str, *, text: str = "", span: Span | None = None, supported: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.text = text
        self.span = span
        self.supported = supported

    @property
    def line(self) -> int:
        """Line of the fault, counted from 1."""
        return 1 if self.span is None else self.text.count("\n", 0, self.span.start) + 1

    @property
    def column(self) -> int:
        """Column of the fault in its line, counted from 1 in characters."""
        if self.span is None:
            return 1
        return self.span.start - (self.text.rfind("\n", 0, self.span.start) + 1) + 1

    def __str__(self) -> str:
        place = f"{self.line}:{self.column}: " if self.span else ""
        known = f" Supported: {', '.join(self.supported)}." if self.supported else ""
        return f"{place}{self.code} {self.message}{known}"


class SplSyntaxError(SplError):
    """The text is no search."""

    code = "SYNTAX"


class UnsupportedError(SplError):
    """The search is SPL, but uses a command, function or option that this engine lacks."""

    code = "UNSUPPORTED"


class BeyondError(UnsupportedError):
    """The search uses a command to which no right answer can be given here."""


class ForbiddenError(SplError):
    """The search uses a command that writes, sends or runs something; refused always."""

    code = "FORBIDDEN"


class TimeError(SplError):
    """A time or time modifier cannot be read."""

    code = "TIME"


class MacroError(SplError):
    """A macro is unknown, recursive, or called with the wrong number of arguments."""

    code = "MACRO"


class SearchTimeoutError(SplError):
    """The search ran longer than its budget and was interrupted."""

    code = "TIMEOUT"


class SearchFailedError(SplError):
    """The database reported an error while running a valid search."""

    code = "FAILED"
