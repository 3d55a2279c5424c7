"""The fields of one Windows event in XML, under the names that searches for Windows events use.

Source: Microsoft Learn, "Event Schema" (System, EventData, UserData, RenderingInfo).
"""

from __future__ import annotations

from xml.parsers import expat

from tools.logstore.events import FieldValue, UnreadableEventError, collect

_DEEPEST = 100
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


def fields_of_event(text: str) -> dict[str, FieldValue]:
    """Return the fields of an `<Event>` document.

    The elements of System come under their own names, their attributes as Splunk's add-on for Windows names them
    (`Name`, `Guid`, `SystemTime`, `ProcessID`, `UserID`, …); `Provider` repeats the provider's name, `EventCode` the
    event's number and `host` the computer. Named data of EventData and the innermost elements of UserData are fields
    of their own and win over System's; data without a name is `Data`. What is empty is no field.

    Raises:
        UnreadableXmlError: It is not well-formed, declares a document type, or is no event.
    """
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text.append
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        raise UnreadableXmlError(f"no XML: {error}", error.lineno) from None
    if "EventID" not in reader.system:
        raise UnreadableXmlError("the XML is no Windows event: System/EventID is missing")
    return reader.system | collect(iter(reader.data))


def _refuse_doctype(*_: object) -> None:
    raise UnreadableXmlError("the XML declares a document type, which no event has")


class _Reader:
    """Collects the fields while the parser walks the document."""

    def __init__(self) -> None:
        self.system: dict[str, FieldValue] = {}
        self.data: list[tuple[str, str]] = []
        self.text: list[str] = []
        self._path: list[tuple[str, str]] = []
        self._leaf = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        tag = tag.rpartition(":")[2]
        if len(self._path) >= _DEEPEST:
            raise UnreadableXmlError("the XML is nested too deeply")
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
        if self._leaf and value.strip():
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
        self.system[name] = value
        for other in _REPEATED.get(name, ()):
            self.system[other] = value


_REPEATED = {"Name": ("Provider",), "EventID": ("EventCode",), "Computer": ("host",)}
