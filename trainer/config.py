"""The whole configuration: one TOML file, then `--key value`, each key checked and unknown ones refused."""

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from trainer.advantage import Baseline, Scale
from trainer.loss import LossConfig
from trainer.tasks import Addition

RECORD = "record"
"""Table of a run's config.toml that tells what it ran with (versions); ignored when the file is read back."""


class ConfigError(ValueError):
    """A configuration that cannot be used; the message names the key."""


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class ShapeConfig(Section):
    """The model: a Hugging Face folder, or the Qwen2 shape of one that starts from random weights."""

    path: str = ""
    """Folder with config.json, *.safetensors and tokenizer.json; empty: random weights of the shape below"""
    hidden_size: int = Field(default=128, ge=8)
    layers: int = Field(default=2, ge=1)
    heads: int = Field(default=4, ge=1)
    kv_heads: int = Field(default=2, ge=1)
    intermediate_size: int = Field(default=256, ge=8)


class SftConfig(Section):
    """The cold start: supervised fine-tuning on the task's traces, stopped by accuracy. 0 max_steps: none."""

    max_steps: int = Field(default=1500, ge=0)
    batch_size: int = Field(default=64, ge=1)
    learning_rate: float = Field(default=2e-3, gt=0)
    warmup_steps: int = Field(default=20, ge=0)
    target_accuracy: float = Field(default=0.25, ge=0, le=1)
    """Stop once greedy accuracy on held-out problems has reached this"""
    eval_every: int = Field(default=10, ge=1)
    """Steps between looks at the accuracy"""
    eval_problems: int = Field(default=256, ge=1)


class AdvantageConfig(Section):
    """From rewards to advantages, within a group."""

    baseline: Baseline = "mean"
    """What is subtracted from a reward"""
    scale: Scale = "std"
    """Divide by the group's deviation, the batch's, or nothing"""
    keep: float = Field(default=1.0, gt=0, le=1)
    """Share of each group's completions trained on: those with the largest advantages (CPPO)"""
    mask_truncated: bool = False
    """Completions cut off at max_tokens take no gradient (DAPO's overlong filtering); they count in the
    baseline"""


DEMO_REWARDS: list[dict[str, Any]] = [
    {"type": "math", "weight": 1.0, "extract": "answer_tag"},
    {"type": "format", "preset": "think_answer", "weight": 0.2},
]


class Config(Section):
    """A run. The defaults are the demo."""

    name: str = Field(default="", pattern=r"^[A-Za-z0-9._-]*$")
    """The run writes runs/NAME/; empty: the task and the time"""
    runs: str = "runs"
    """Folder that holds the runs"""
    resume: bool = False
    """Go on from the newest checkpoint of runs/NAME/"""
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = Field(default=1, ge=1)
    """CPU threads; two on busy cores can run ten times slower than one"""

    verifier: Literal["queue", "http"] = "queue"
    """How rewards are fetched"""
    redis_url: str = "embedded"
    """Redis of the queue; `embedded` starts a private one with a worker of its own"""
    queue: str = "score"
    """Name of the RQ queue"""
    url: str = "http://127.0.0.1:8080"
    """Base URL of the service, for verifier = "http" """
    api_key_file: str = ""
    """File with the service's API key"""

    steps: int = Field(default=260, ge=0)
    """Updates of the policy"""
    prompts_per_step: int = Field(default=32, ge=1)
    group_size: int = Field(default=8, ge=2)
    """Completions of each prompt"""
    max_tokens: int = Field(default=16, ge=1)
    """Longest completion, in tokens"""
    temperature: float = Field(default=1.0, gt=0)
    slots: int = Field(default=256, ge=1)
    """Completions sampled at once"""
    max_staleness: int = Field(default=1, ge=0)
    """Batches in flight beyond the one trained on; 0: exactly on-policy, and reproducible"""
    learning_rate: float = Field(default=4e-4, gt=0)
    warmup_steps: int = Field(default=10, ge=0)
    max_grad_norm: float = Field(default=1.0, gt=0)
    micro_batch_tokens: int = Field(default=16_384, ge=1)
    """Tokens, padding included, of one forward and backward pass"""
    rewards: list[dict[str, Any]] = Field(default=DEMO_REWARDS, min_length=1)
    """What the verifier scores by, as in POST /score"""

    eval_every: int = Field(default=65, ge=1)
    """Steps between evaluations; there is always one before and one after"""
    eval_problems: int = Field(default=512, ge=1)
    """Held-out problems of an evaluation, answered greedily"""
    eval_samples: int = Field(default=4, ge=0)
    """Completions sampled of each for pass@k in the first and last evaluation; 0: none"""
    checkpoint_every: int = Field(default=100, ge=1)
    keep_checkpoints: int = Field(default=2, ge=1)
    """Newest checkpoints that stay"""
    rollouts_every: int = Field(default=10, ge=1)
    """Steps between samples written to rollouts.jsonl"""

    task: Addition = Addition()
    model: ShapeConfig = ShapeConfig()
    sft: SftConfig = SftConfig()
    advantage: AdvantageConfig = AdvantageConfig()
    loss: LossConfig = LossConfig()

    @model_validator(mode="after")
    def _consistent(self) -> "Config":
        if self.resume and not self.name:
            raise ValueError("resume needs the name of the run")
        return self


def load(arguments: Sequence[str]) -> Config:
    """The configuration of `[CONFIG.toml] [--key value …]`. Raises ConfigError, naming the key."""
    rest = list(arguments)
    values: dict[str, Any] = {}
    if rest and not rest[0].startswith("--"):
        values = _read(Path(rest.pop(0)))
    for key, value in _pairs(rest):
        _put(values, key, value)
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise ConfigError("\n".join(_explain(dict(e)) for e in error.errors())) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as TOML: {error}") from None
    values.pop(RECORD, None)
    return values


def _pairs(words: list[str]) -> list[tuple[str, str]]:
    """(key, value) of `--key value` and `--key=value`."""
    pairs = []
    while words:
        word = words.pop(0)
        if not word.startswith("--"):
            raise ConfigError(f"{word!r}: expected --key value")
        key, equals, value = word.removeprefix("--").partition("=")
        if not equals:
            if not words:
                raise ConfigError(f"--{key} needs a value")
            value = words.pop(0)
        pairs.append((key.replace("-", "_"), value))
    return pairs


def _put(values: dict[str, Any], key: str, text: str) -> None:
    """Set `section.key`; lists and tables are written as in TOML, other values as they are."""
    *sections, last = key.split(".")
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise ConfigError(f"{key}: {section} is not a section")
    try:
        values[last] = tomllib.loads(f"value = {text}")["value"] if text[:1] in ("[", "{") else text
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{key}: {error}") from None


def _explain(error: Mapping[str, Any]) -> str:
    """One line for one of pydantic's errors."""
    path = [str(part) for part in error["loc"]]
    if error["type"] != "extra_forbidden":
        return f"{'.'.join(path) or 'configuration'}: {error['msg'].removeprefix('Value error, ')}"
    near = difflib.get_close_matches(".".join(path), keys(Config), n=1)
    return f"unknown key {'.'.join(path)!r}" + (f"; did you mean {near[0]!r}?" if near else "")


def keys(section: type[BaseModel], prefix: str = "") -> dict[str, str]:
    """Every key, dotted, with its description and default."""
    found: dict[str, str] = {}
    for name, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found |= keys(field.annotation, f"{prefix}{name}.")
        else:
            found[prefix + name] = f"{(field.description or '').strip()} [{field.default}]".strip()
    return found
