"""A scripted model that does what its prompt says, and no more: a prompt that lost a rule changes its answers."""

from __future__ import annotations

import re

from tests.graph.model_rounds import agent_of, diligent, finding_facts, judged
from tests.model_server import Answer, Request, says

_KANA = re.compile(r"[\u3040-\u30ff]")
_CRITERION = re.compile(r"^ *- \S+ \(.+\): ", re.MULTILINE)


def obedient(request: Request) -> Answer:
    """Write references where the prompt shows one, in its language; judge by criteria where it has some."""
    rules = request["messages"][0]["content"]
    agent = agent_of(request)
    if agent == "judge":
        return _judge(request, knows=_CRITERION.search(rules) is not None)
    if agent == "reporter" and not _KANA.search(rules.partition("\n# ")[0]):
        return diligent({**request, "messages": [{"content": ""}, request["messages"][1]]})
    if agent == "reporter" and "{{f" not in rules:
        return says(
            {
                "assessment": ["およそ四十件の操作が数分のうちにあった。"],
                "recommendation": ["端末 web01 の記録を確かめる。"],
            }
        )
    return diligent(request)


def _judge(request: Request, *, knows: bool) -> Answer:
    """Answer every question from a fact of the finding; without criteria everything looks too mild."""
    fact = finding_facts(request)[0][0]
    reason = f"{{{{{fact}}}}} の操作は説明できない。"
    asked = re.findall(r"^(Q\d+) ", request["messages"][1]["content"], re.MULTILINE)
    answers: list[object] = [
        {"question": name, "answer": "cannot_tell", "reason": reason, "facts": [fact]} for name in asked
    ]
    concern = {"finding": "F1", "verdict": "investigate", "reason": reason, "facts": [fact]}
    return judged(request, answers, [] if knows else [concern])
