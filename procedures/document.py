"""A Markdown document as sections with blocks, every one with its line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from markdown_it import MarkdownIt

_FRONT = re.compile(r"\A---[ \t]*\n(.*?\n)---[ \t]*(?:\n|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block, a table or prose. `line` is that of its first content line, counted from 1."""

    kind: Literal["fence", "table", "prose"]
    info: str
    text: str
    line: int


@dataclass(slots=True)
class Section:
    """A heading with what stands below it."""

    level: int
    title: str
    line: int
    blocks: list[Block] = field(default_factory=list)
    children: list[Section] = field(default_factory=list)

    def fences(self, info: str) -> list[Block]:
        """Return the fenced blocks marked `info`."""
        return [block for block in self.blocks if block.kind == "fence" and block.info == info]

    @property
    def table(self) -> Block | None:
        """The first table."""
        return next((block for block in self.blocks if block.kind == "table"), None)

    @property
    def prose(self) -> str:
        """All prose, as one text."""
        return "\n\n".join(block.text for block in self.blocks if block.kind == "prose").strip()

    def walk(self) -> Iterator[Section]:
        """Yield this section and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Document:
    """A whole document."""

    front: str | None
    front_line: int
    sections: list[Section]


def read_document(text: str) -> Document:
    """Split a Markdown document into its front matter and a tree of sections."""
    match = _FRONT.match(text)
    skipped = text[: match.end()].count("\n") if match else 0
    body = text[match.end() :] if match else text
    root = Section(0, "", 0)
    stack = [root]
    lines = body.splitlines()
    tokens = MarkdownIt("commonmark").enable("table").parse(body)
    for index, token in enumerate(tokens):
        if token.map is None or token.level > 0:
            continue
        start, end = token.map
        if token.type == "heading_open":
            section = Section(int(token.tag[1]), tokens[index + 1].content.strip(), skipped + start + 1)
            while stack[-1].level >= section.level:
                stack.pop()
            stack[-1].children.append(section)
            stack.append(section)
        elif token.type == "fence":
            stack[-1].blocks.append(
                Block("fence", token.info.strip().lower(), token.content, skipped + start + 2)
            )
        elif token.type == "table_open":
            stack[-1].blocks.append(Block("table", "", "\n".join(lines[start:end]), skipped + start + 1))
        elif token.type.endswith("_open") or token.type in {"html_block", "code_block"}:
            stack[-1].blocks.append(Block("prose", "", "\n".join(lines[start:end]), skipped + start + 1))
    return Document(match.group(1) if match else None, 2, root.children)


@dataclass(frozen=True, slots=True)
class Cell:
    """A table cell without its code ticks; line and column are those of its text."""

    text: str
    line: int
    column: int


def table_rows(block: Block) -> list[list[Cell]]:
    r"""Return header and rows of a table; `\|` is a pipe, nothing else is escaped."""
    rows = []
    for offset, line in enumerate(block.text.splitlines()):
        if offset != 1:
            rows.append(_cells(line, block.line + offset))
    return rows


_SEPARATOR = re.compile(r"(?<!\\)\|")


def _cells(line: str, number: int) -> list[Cell]:
    edges = [match.start() for match in _SEPARATOR.finditer(line)]
    starts = (
        [edge + 1 for edge in edges] if line.lstrip().startswith("|") else [0, *(edge + 1 for edge in edges)]
    )
    ends = [*(edge for edge in edges if edge >= starts[0]), len(line)]
    cells = []
    for start, end in zip(starts, ends, strict=False):
        raw = line[start:end]
        text = raw.strip()
        column = start + len(raw) - len(raw.lstrip()) + 1
        if len(text) > 1 and text.startswith("`") and text.endswith("`"):
            text, column = text[1:-1], column + 1
        cells.append(Cell(text.replace(r"\|", "|"), number, column))
    if line.rstrip().endswith("|") and cells and not cells[-1].text:
        cells.pop()
    return cells
