"""Windows event log files (EVTX), through the `evtx` library."""

from __future__ import annotations

import io
import re
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evtx import PyEvtxParser

from tools.logstore.building import Defaults, named
from tools.logstore.errors import LogImportError
from tools.logstore.events import Event, UnreadableEventError
from tools.logstore.flaws import text_of
from tools.logstore.lines import DAMAGE, Reject
from tools.logstore.readers_xml import build_windows_event
from tools.logstore.setting_aside import set_aside

SIGNATURE = b"ElfFile\x00"
"""First bytes of an EVTX file."""

_HEADER, _CHUNK, _CHUNKS_AT = 4096, 65536, 42
"""Bytes of the header and of a chunk, and where the header says how many chunks there are."""

_DECLARATION = re.compile(r"^\s*<\?xml[^<>]*\?>\s*")


def read_evtx(stream: io.BufferedIOBase, defaults: Defaults) -> Iterator[Event | Reject]:
    """Read a whole EVTX file; a record that cannot be read is counted and named, the others are kept.

    Raises:
        LogImportError: The file's header is damaged, or the sourcetype is one for other data.
    """
    index, sourcetype = named(defaults)
    if sourcetype.kv_mode != "xml":
        raise LogImportError(
            f"{defaults.source!r} is a Windows event log (EVTX), but sourcetype {sourcetype.name!r} is not for "
            "Windows events in XML. Give --sourcetype XmlWinEventLog."
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.evtx"  # the library needs a file that it can seek in
        _copy(stream, path, defaults.source)
        missing = _missing(path)
        position = 0
        for record in _records(path, defaults.source):
            position += 1
            if isinstance(record, str):
                reason, data = f"damaged record or chunk of the event log: {record}", b""
                yield set_aside(position, reason, data, defaults, index=index, sourcetype=sourcetype.name)
                continue
            text = _DECLARATION.sub("", record["data"]).strip()
            shown, flaws = text_of(text.encode("utf-8", "surrogatepass"))
            try:
                yield build_windows_event(index, sourcetype, shown, defaults, flaws)
            except UnreadableEventError as error:
                reason = f"record {record['event_record_id']} of the event log: {error}"
                data = text.encode("utf-8", "surrogatepass")
                yield set_aside(position, reason, data, defaults, index=index, sourcetype=sourcetype.name)
        if missing:
            yield set_aside(
                position + 1, missing, b"", defaults, index=index, sourcetype=sourcetype.name, cut=True
            )


def _missing(path: Path) -> str | None:
    """Say what the header of an event log promises and the file does not hold; a log copied while in use holds more.

    Source: libyal, "Windows XML Event Log (EVTX) format", section 2 (file header).
    """
    with path.open("rb") as file:
        header = file.read(_HEADER)
    if len(header) < _CHUNKS_AT + 2:
        return None
    promised = int.from_bytes(header[_CHUNKS_AT : _CHUNKS_AT + 2], "little")
    whole = max(0, path.stat().st_size - _HEADER) // _CHUNK
    return f"the event log breaks off: {whole} of {promised} chunks are whole" if whole < promised else None


def _copy(stream: io.BufferedIOBase, path: Path, source: str) -> None:
    try:
        with path.open("wb") as copy:
            shutil.copyfileobj(stream, copy)
    except DAMAGE as error:
        raise LogImportError(
            f"cannot read {source!r}: the compressed file is damaged or cut off ({error}), and a Windows event log "
            "(EVTX) can only be read whole. Nothing was added; copy the file again."
        ) from error


def _records(path: Path, source: str) -> Iterator[dict[str, Any] | str]:
    """Yield each record, or what the library says of one that it cannot read."""
    try:
        parser = PyEvtxParser(str(path), number_of_threads=1, indent=False, skip_errors=True)
        records = iter(parser.records())
    except (RuntimeError, OSError, ValueError) as error:
        raise LogImportError(
            f"cannot read {source!r} as a Windows event log (EVTX): {error}. Nothing was added; copy the file "
            "again, or export it with `wevtutil epl`."
        ) from error
    while True:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            record = next(records, None)
        yield from (str(one.message) for one in caught)
        if record is None:
            return
        yield record
