"""Functions of JSON texts, with Splunk's paths: `a.b`, `a{}.b`, `a{0}.b`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from spl.calls.multi import joined, parts_of
from spl.values import Value, to_number, to_text

_STEP = re.compile(r"(?P<name>[^.{}]+)|\{(?P<index>-?\d*)\}|\.")
_OUTER = {"{", "["}


def load(value: Value) -> Any:
    """Return the object or array in a JSON text; None when it is none."""
    text = to_text(value)
    if text is None or text.lstrip()[:1] not in _OUTER:
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def dump(value: Any) -> str:
    """Return a JSON value as Splunk shows it in a field: a text bare, all else as JSON."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


Step = str | int | None
"""A key, an index, or None for every element."""


def steps_of(path: str) -> list[Step]:
    """Read a path.

    >>> steps_of("a{}.b{2}")
    ['a', None, 'b', 2]
    """
    steps: list[Step] = []
    for match in _STEP.finditer(path):
        if match["name"]:
            steps.append(match["name"])
        elif match["index"] is not None:
            steps.append(int(match["index"]) if match["index"] else None)
    return steps


def find_all(node: Any, steps: list[Step]) -> Iterator[Any]:
    """Yield what `steps` lead to; an array on the way to a key is looked through."""
    if not steps:
        yield node
        return
    step, rest = steps[0], steps[1:]
    if isinstance(step, str):
        if isinstance(node, dict) and step in node:
            yield from find_all(node[step], rest)
    elif isinstance(node, list):
        if step is None:
            for part in node:
                yield from find_all(part, rest)
        elif -len(node) <= step < len(node):
            yield from find_all(node[step], rest)


def spath(value: Value, path: Value) -> Value:
    """Return what stands at `path` of a JSON text; several values are a multivalue."""
    document, steps = load(value), steps_of(to_text(path) or "")
    found = [dump(part) for part in find_all(document, steps) if part is not None]
    return found[0] if len(found) == 1 else joined(found)


def _extract(value: Value, *paths: Value) -> Value:
    document = load(value)
    if document is None:
        return None
    if not paths:
        return dump(document)
    found = []
    for path in paths:
        steps = steps_of(to_text(path) or "")
        parts = list(find_all(document, steps))
        found.append(parts if None in steps else parts[0] if parts else None)
    if len(found) > 1:
        return dump(found)
    return None if found[0] is None else dump(found[0])


def _of(value: Value) -> Any:
    """Return a value as JSON: a nested object or array stays one, a number is a number."""
    if isinstance(value, str):
        nested = load(value)
        return value if nested is None else nested
    if isinstance(value, float) and value == int(value):
        return int(value)
    return value


def _object(*values: Value) -> Value:
    pairs = zip(values[::2], values[1::2], strict=False)
    return dump({to_text(key) or "": _of(value) for key, value in pairs})


def _array(*values: Value) -> Value:
    return dump([_of(value) for value in values])


def _keys(value: Value) -> Value:
    document = load(value)
    return dump(list(document)) if isinstance(document, dict) else None


def _entries(value: Value) -> Value:
    document = load(value)
    if not isinstance(document, dict):
        return None
    return dump([{"key": key, "value": part} for key, part in document.items()])


def _valid(value: Value) -> Value:
    return None if value is None else load(value) is not None


def _change(
    apply: Callable[[Any, Any, Any], None],
) -> Callable[..., Value]:
    """Return a function that changes the places of a document that pairs of path and value name."""

    def change(value: Value, *pairs: Value) -> Value:
        document = load(value)
        if document is None:
            return None
        for path, new in zip(pairs[::2], pairs[1::2], strict=False):
            steps = steps_of(to_text(path) or "")
            if not steps:
                continue
            last = steps[-1]
            for parent in list(find_all(document, steps[:-1])):
                places = range(len(parent)) if last is None and isinstance(parent, list) else [last]
                for place in places:
                    if _fits(parent, place):
                        apply(parent, place, _of(new))
        return dump(document)

    return change


def _fits(parent: Any, place: Step) -> bool:
    if isinstance(parent, dict):
        return isinstance(place, str)
    return isinstance(parent, list) and isinstance(place, int) and -len(parent) <= place < len(parent)


def _set(parent: Any, place: Any, new: Any) -> None:
    parent[place] = new


def _append(parent: Any, place: Any, new: Any) -> None:
    if (isinstance(parent, list) or place in parent) and isinstance(parent[place], list):
        parent[place].append(new)


def _extend(parent: Any, place: Any, new: Any) -> None:
    if (isinstance(parent, list) or place in parent) and isinstance(parent[place], list):
        parent[place].extend(new if isinstance(new, list) else [new])


def _delete(value: Value, *paths: Value) -> Value:
    document = load(value)
    if document is None:
        return None
    for path in paths:
        steps = steps_of(to_text(path) or "")
        for parent in list(find_all(document, steps[:-1])) if steps else []:
            last: Any = steps[-1]
            if _fits(parent, last) and (isinstance(parent, list) or last in parent):
                del parent[last]
    return dump(document)


def _to_multi(value: Value, quoted: Value = None) -> Value:
    document = load(value)
    if not isinstance(document, list):
        return None
    return joined([dump(part) for part in document if part is not None])


def _from_multi(value: Value, infer: Value = None) -> Value:
    parts = parts_of(value)
    if not parts:
        return None
    return dump(
        [_of(number) if infer is True and (number := to_number(part)) is not None else part for part in parts]
    )


def _exact(value: Value, *keys: Value) -> Value:
    document = load(value)
    if not isinstance(document, dict):
        return None
    found = [document.get(to_text(key) or "") for key in keys]
    if len(found) > 1:
        return dump(found)
    return None if not found or found[0] is None else dump(found[0])


def _has_key(value: Value, key: Value) -> Value:
    document = load(value)
    return isinstance(document, dict) and (to_text(key) or "") in document


CALLS: dict[str, Callable[..., Value]] = {
    "json": lambda value: None if load(value) is None else to_text(value),
    "json_append": _change(_append),
    "json_array": _array,
    "json_array_to_mv": _to_multi,
    "json_delete": _delete,
    "json_entries": _entries,
    "json_extend": _change(_extend),
    "json_extract": _extract,
    "json_extract_exact": _exact,
    "json_has_key_exact": _has_key,
    "json_keys": _keys,
    "json_object": _object,
    "json_set": _change(_set),
    "json_valid": _valid,
    "mv_to_json_array": _from_multi,
    "spath": spath,
}
"""By name."""
