"""What a chat model is reached with."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from tools.records.model_use import ModelCall


class Price(BaseModel):
    """Price of a million tokens, in any one currency."""

    model_config = ConfigDict(frozen=True)

    input: float
    cached: float
    output: float

    def of(self, call: ModelCall) -> float:
        """Return what a call costs."""
        fresh = call.tokens_in - call.tokens_cached
        return (
            fresh * self.input + call.tokens_cached * self.cached + call.tokens_out * self.output
        ) / 1_000_000


class ModelSettings(BaseModel):
    """One chat model behind an OpenAI-compatible endpoint."""

    model_config = ConfigDict(frozen=True)

    name: str
    base_url: str | None = None
    """None: the provider's own."""
    key: SecretStr | None = None
    key_variable: str = "OPENAI_API_KEY"
    """Where the key comes from, for messages."""
    temperature: float | None = 0.0
    """None: the model's own."""
    timeout_s: float = Field(default=60.0, gt=0)
    """Most that one request may take."""
    retries: int = Field(default=2, ge=0, le=10)
    """Further requests after one that failed in a way that may pass."""
    max_tokens: int = Field(default=800, gt=0)
    """Most tokens of one answer."""
    price: Price | None = None
