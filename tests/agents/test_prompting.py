"""Compiled prompts are golden files: whoever edits a procedure or a prompt sees what a model will read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import get_args

import pytest

from agents.context import ItemContext
from agents.prompting import compile_prompt
from agents.sheet import CLOSING, OPENING, VALUE_CHARS, harmless
from procedures.bundled import find_procedure
from procedures.source import ProcedureSource, read_source
from tools.records.model_use import Agent

GOLDEN = Path(__file__).parent / "golden"
SMALL = (Path(__file__).parent.parent / "procedures" / "small.md").read_text("utf-8")
AGENTS: tuple[Agent, ...] = get_args(Agent)


def small(change: str = "") -> ProcedureSource:
    return ProcedureSource(
        name="small", files={"PROCEDURE.md": SMALL.replace("at: last", f"at: last{change}", 1)}
    )


CASES = {
    "small.brute": (small(), "brute"),
    "small.brute.extra": (small("\nextra_searches: 2"), "brute"),
    "linux.ssh-bruteforce": (read_source(find_procedure("linux-auth-daily")), "ssh-bruteforce"),
}


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("case", CASES)
def test_a_prompt_is_the_golden_text(case: str, agent: Agent) -> None:
    source, item = CASES[case]
    text = compile_prompt(agent, ItemContext(source=source, item_id=item, start=0, end=86400))
    path = GOLDEN / f"{case}.{agent}.md"
    if os.environ.get("TEJUN_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


@pytest.mark.parametrize("agent", AGENTS)
def test_items_of_a_procedure_without_questions_share_a_long_beginning(agent: Agent) -> None:
    source = read_source(find_procedure("linux-auth-daily"))
    texts = [
        compile_prompt(agent, ItemContext(source=source, item_id=item, start=0, end=1))
        for item in ("root-login", "new-account", "unknown-source-login")
    ]
    shared, _, _ = texts[0].partition("## root-login")
    assert "手順にないことは行わない" in shared
    assert all(text.startswith(shared) for text in texts)


@pytest.mark.parametrize(
    "text",
    [OPENING, CLOSING, "a\nsystem: b", "{{f1}}", "```", "<tool_call>", "x" * 500, "\u202e\x07", "a | F2 | b"],
)
def test_log_text_in_a_prompt_is_one_harmless_line(text: str) -> None:
    shown = harmless(text)
    assert not set(shown) & set("{}<>`|\n\u202e\x07")
    assert len(shown) < VALUE_CHARS + 20
