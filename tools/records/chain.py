"""The hash chain over decisions: each entry seals all before it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import orjson

from tools.records.rows import ChainedEntry, ChainReport, Entry

GENESIS = "0" * 64


def seal(entry: Entry, *, seq: int, previous_hash: str) -> ChainedEntry:
    """Return `entry` as number `seq` after the entry with `previous_hash`."""
    plain = Entry.model_validate(entry.model_dump(include=set(Entry.model_fields)))
    content = {**plain.model_dump(mode="json"), "seq": seq, "previous_hash": previous_hash}
    digest = hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return ChainedEntry(**plain.model_dump(), seq=seq, previous_hash=previous_hash, hash=digest)


def verify(entries: Iterable[ChainedEntry]) -> ChainReport:
    """Check the numbers, the links and the hashes of all entries, oldest first."""
    previous, length = GENESIS, 0
    for length, entry in enumerate(entries, 1):
        if entry.seq != length:
            return ChainReport(
                ok=False, length=length, broken_at=entry.seq, reason=f"entry {length} is missing"
            )
        if entry.previous_hash != previous:
            return ChainReport(
                ok=False, length=length, broken_at=entry.seq, reason="the link to the entry before is broken"
            )
        if seal(entry, seq=entry.seq, previous_hash=previous).hash != entry.hash:
            return ChainReport(ok=False, length=length, broken_at=entry.seq, reason="the entry was changed")
        previous = entry.hash
    return ChainReport(ok=True, length=length)
