"""The fields of one Windows event in XML, under the names that searches for Windows events use.

Source: Microsoft Learn, "Event Schema" (System, EventData, UserData, RenderingInfo).
"""

from __future__ import annotations

import re
from xml.parsers import expat

from tools.logstore import flaws
from tools.logstore.events import FieldValue, UnreadableEventError, collect

_DEEPEST = 100
"""Elements inside each other; what lies below is no field."""

_OF_SYSTEM = frozenset({"Channel", "Computer", "EventCode", "EventID", "EventRecordID", "SystemTime", "host"})
"""Fields that say what an event is, where and when it was written: data of these names cannot take their place."""

_REFERENCE = re.compile(r"&#(?:x([0-9a-fA-F]+)|([0-9]+));")
_NO_CHARACTER = re.compile(r"[\ufffe\uffff]")
_ATTRIBUTES = {
    ("Provider", "Name"): "Name",
    ("Provider", "Guid"): "Guid",
    ("Provider", "EventSourceName"): "EventSourceName",
    ("EventID", "Qualifiers"): "Qualifiers",
    ("TimeCreated", "SystemTime"): "SystemTime",
    ("Correlation", "ActivityID"): "ActivityID",
    ("Correlation", "RelatedActivityID"): "RelatedActivityID",
    ("Execution", "ProcessID"): "ProcessID",
    ("Execution", "ThreadID"): "ThreadID",
    ("Security", "UserID"): "UserID",
}


class UnreadableXmlError(UnreadableEventError):
    """The text is no `<Event>` document; `line` is counted from 1 in the text."""

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


def fields_of_event(text: str) -> tuple[dict[str, FieldValue], tuple[str, ...]]:
    """Return the fields of an `<Event>` document, and what is wrong with it.

    The elements of System come under their own names, their attributes as Splunk's add-on for Windows names them
    (`Name`, `Guid`, `SystemTime`, `ProcessID`, `UserID`, …); `Provider` repeats the provider's name, `EventCode` the
    event's number and `host` the computer. Named data of EventData and the innermost elements of UserData are fields
    of their own; they win over System's, but what identifies the event stays System's, and data of such a name is
    `extracted_<name>`. Data without a name is `Data`. What is empty is no field.

    Raises:
        UnreadableXmlError: It is not well-formed, declares a document type, or is no event.
    """
    reader = _Reader()
    readable = _readable(text)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text.append
    try:
        parser.Parse(readable, True)
    except expat.ExpatError as error:
        raise UnreadableXmlError(f"no XML: {error}", error.lineno) from None
    if "EventID" not in reader.system:
        raise UnreadableXmlError("the XML is no Windows event: System/EventID is missing")
    if readable is not text:
        reader.flaws.add(flaws.CONTROL)
    data = ((f"extracted_{name}" if name in _OF_SYSTEM else name, value) for name, value in reader.data)
    return reader.system | collect(data), flaws.in_order(reader.flaws)


def _readable(text: str) -> str:
    """Return `text` itself, or with the characters that no XML may hold shown."""
    shown = flaws.without_controls(_REFERENCE.sub(_shown_reference, text) if "&#" in text else text)
    if _NO_CHARACTER.search(shown):
        shown = _NO_CHARACTER.sub(lambda match: f"\\u{ord(match.group()):04x}", shown)
    return text if shown == text else shown


def _shown_reference(match: re.Match[str]) -> str:
    digits = match[1] or match[2]
    code = int(digits, 16 if match[1] else 10) if len(digits) < 9 else 1 << 32
    allowed = code in {9, 10, 13} or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE
    return match.group() if allowed or 0xFFFF < code < 0x110000 else f"\\x{{{code:x}}}"


def _refuse_doctype(*_: object) -> None:
    raise UnreadableXmlError("the XML declares a document type, which no event has")


class _Reader:
    """Collects the fields while the parser walks the document."""

    def __init__(self) -> None:
        self.system: dict[str, FieldValue] = {}
        self.data: list[tuple[str, str]] = []
        self.text: list[str] = []
        self.flaws: set[str] = set()
        self._path: list[tuple[str, str]] = []
        self._leaf = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        tag = tag.rpartition(":")[2]
        if not self._path and tag != "Event":
            raise UnreadableXmlError(f"the XML is no Windows event: it begins with <{tag[:60]}>")
        self._path.append((tag, attributes.get("Name", tag)))
        self._leaf = True
        self.text.clear()
        if self._inside("System"):
            for name, value in attributes.items():
                self._put(_ATTRIBUTES.get((tag, name)), value)

    def end(self, _: str) -> None:
        value = "".join(self.text)
        self.text.clear()
        tag, name = self._path[-1]
        if len(self._path) > _DEEPEST:
            self.flaws.add(flaws.DEPTH)
        elif self._leaf and value.strip():
            if self._inside("System"):
                self._put(tag, value)
            elif self._inside("EventData", "UserData", "ProcessingErrorData", "DebugData"):
                self.data.append((name, value))
            elif self._inside("RenderingInfo") and tag == "Message":
                self.data.append((tag, value))
        self._leaf = False
        self._path.pop()

    def _inside(self, *parts: str) -> bool:
        return len(self._path) > 2 and self._path[1][0] in parts

    def _put(self, name: str | None, value: str) -> None:
        if not name or not value:
            return
        if name in self.system:
            self.flaws.add(flaws.REPEATED)  # the first stays
            return
        self.system[name] = value
        for other in _REPEATED.get(name, ()):
            self.system[other] = value


_REPEATED = {"Name": ("Provider",), "EventID": ("EventCode",), "Computer": ("host",)}
