"""A writer of small Windows event log files (EVTX): one chunk, elements inline, no templates.

Source: libyal, "Windows XML Event Log (EVTX) format", https://github.com/libyal/libevtx
"""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from zlib import crc32

import pytest

_HEADER, _CHUNK, _RECORDS = 4096, 65536, 512


def evtx_file(documents: Sequence[str]) -> bytes:
    """Return an EVTX file that holds these `<Event>` documents, numbered from 1."""
    records = bytearray()
    last = _RECORDS
    for number, document in enumerate(documents, 1):
        last = _RECORDS + len(records)
        body = _fragment(ET.fromstring(document), last + 24)
        size = 24 + len(body) + 4
        records += struct.pack("<IIQQ", 0x00002A2A, size, number, 132223104000000000) + body
        records += struct.pack("<I", size)
    chunk = bytearray(_CHUNK)
    count = len(documents)
    chunk[:56] = struct.pack(
        "<8sQQQQIII", b"ElfChnk\0", 1, count, 1, count, 128, last, _RECORDS + len(records)
    ) + bytes(4)
    struct.pack_into("<I", chunk, 52, crc32(records))
    chunk[_RECORDS : _RECORDS + len(records)] = records
    struct.pack_into("<I", chunk, 124, crc32(chunk[:120] + chunk[128:_RECORDS]))
    head = bytearray(_HEADER)
    head[:44] = struct.pack("<8sQQQIHHHH", b"ElfFile\0", 0, 0, count + 1, 128, 1, 3, _HEADER, 1)[:44]
    struct.pack_into("<I", head, 124, crc32(head[:120]))
    return bytes(head + chunk)


def _fragment(root: ET.Element, offset: int) -> bytes:
    return b"\x0f\x01\x01\x00" + _element(root, offset + 4) + b"\x00"


def _element(element: ET.Element, offset: int) -> bytes:
    """Return an element whose first byte stands at `offset` of the chunk."""
    tag = element.tag.rpartition("}")[2]
    position = offset + 5
    inner = _name(tag, position)
    attributes = b""
    items = list(element.items())
    start = position + len(inner) + 4
    for number, (name, value) in enumerate(items, 1):
        token = b"\x06" if number == len(items) else b"\x46"
        attributes += token + _name(name, start + len(attributes) + 1) + _text(value)
    if items:
        inner += struct.pack("<I", len(attributes)) + attributes
    inner += b"\x02"
    if element.text and element.text.strip():
        inner += _text(element.text)
    for child in element:
        inner += _element(child, position + len(inner))
    inner += b"\x04"
    return struct.pack("<BI", 0x41 if items else 0x01, len(inner)) + inner


def _name(name: str, offset: int) -> bytes:
    return struct.pack("<IIHH", offset + 4, 0, 0, len(name)) + name.encode("utf-16-le") + b"\0\0"


def _text(value: str) -> bytes:
    return struct.pack("<BBH", 0x05, 0x01, len(value)) + value.encode("utf-16-le")


@pytest.fixture
def write_evtx() -> Callable[[Sequence[str]], bytes]:
    """Return a function that makes an EVTX file of `<Event>` documents."""
    return evtx_file
