"""Writes the pages of reward types and presets from what they describe: python docs/generate.py"""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from verifier.presets import GoldenCase, Preset, load_presets
from verifier.rewards.base import Combinator, GroupReward, ItemReward, RemoteReward, Reward
from verifier.rewards.registry import reward_types

DOCS = Path(__file__).parent
BY_HAND = {"math"}
"""Types whose pages are written, not generated."""


def pages() -> dict[Path, str]:
    """Every generated page, by where it stands."""
    presets, unpublished = load_presets(), _unpublished()
    made = {DOCS / "presets" / "README.md": _catalogue(presets, unpublished)}
    made |= {DOCS / "presets" / f"{name}.md": _preset_page(name, preset) for name, preset in presets.items()}
    made |= {DOCS / "presets" / f"{name}.md": _unpublished_page(entry) for name, entry in unpublished.items()}
    types = reward_types()
    made[DOCS / "rewards" / "README.md"] = _types_page(types)
    made |= {
        DOCS / "rewards" / f"{name}.md": _type_page(reward)
        for name, reward in types.items()
        if name not in BY_HAND
    }
    return made


def _unpublished() -> dict[str, dict[str, str]]:
    return tomllib.loads((DOCS / "presets" / "unpublished.toml").read_text("utf-8"))


# Presets


def _catalogue(presets: Any, unpublished: dict[str, dict[str, str]]) -> str:
    lines = [
        "# Presets",
        "",
        'Published reward systems by name: `{"rewards": {"preset": "logic_rl"}}`, with parameters'
        ' `{"preset": "dapo", "params": {"max_length": 8192}}`. `GET /presets` serves this list.',
        "",
        "| preset | system | rewards |",
        "|---|---|---|",
    ]
    for name, preset in presets.items():
        lines.append(f"| [{name}]({name}.md) | {preset.system} | {_cell(preset.summary)} |")
    lines += [
        "",
        "Systems without a preset, since their numbers were never published or could not be checked:",
        "",
        "| system | what is missing | instead |",
        "|---|---|---|",
    ]
    for name, entry in unpublished.items():
        lines.append(
            f"| [{entry['system']}]({name}.md) | {_cell(entry['missing'])} | {_cell(entry['instead'])} |"
        )
    return "\n".join(lines) + "\n"


def _preset_page(name: str, preset: Preset) -> str:
    lines = [f"# {preset.system}", "", f'`{{"preset": "{name}"}}`', "", _joined(preset.summary), ""]
    facts = {
        "Source": preset.paper,
        "Public code": preset.code or "none",
        "Algorithm": preset.algorithm,
        "Sampling": preset.sampling,
        "Data": preset.data,
        "Reference": preset.reference,
    }
    lines += ["| | |", "|---|---|"] + [f"| {key} | {_cell(value)} |" for key, value in facts.items()]
    if preset.parameters:
        lines += ["", "## Parameters", "", "| name | default | |", "|---|---|---|"]
        for parameter, declared in preset.parameters.items():
            choices = f" One of {', '.join(f'`{c}`' for c in declared.choices)}." if declared.choices else ""
            lines.append(
                f"| `{parameter}` | `{json.dumps(declared.default)}` | {_cell(declared.doc)}{choices} |"
            )
    lines += [
        "",
        "## Rewards",
        "",
        "```json",
        json.dumps(preset.rewards, indent=2, ensure_ascii=False),
        "```",
    ]
    if preset.differences:
        lines += ["", "## Where it differs from the public code", ""]
        lines += [f"- {difference}" for difference in preset.differences]
    if preset.unchecked:
        lines += ["", "## Not checked", "", preset.unchecked]
    else:
        lines += ["", "## Cases", "", "Run as tests, through the engine.", ""]
        lines += ["| reward | why | completion | item |", "|---:|---|---|---|"]
        lines += [_case(case) for case in preset.cases]
    return "\n".join(lines) + "\n"


def _case(case: GoldenCase) -> str:
    more = case.model_dump(exclude={"completion", "reward", "why", "sandbox"}, exclude_none=True)
    item = {key: value for key, value in more.items() if value != {}}
    shown = json.dumps(item, ensure_ascii=False)
    return f"| {case.reward:.6g} | {_cell(case.why)} | {_code(case.completion)} | {_code(shown)} |"


def _unpublished_page(entry: dict[str, str]) -> str:
    return (
        f"# {entry['system']}\n\n{entry['paper']}. There is no preset.\n\n"
        f"- **Known:** {entry['known']}\n- **Missing:** {entry['missing']}\n"
        f"- **Instead:** {entry['instead']}\n"
    )


# Reward types

_KINDS: tuple[tuple[type[Reward[Any]], str], ...] = (
    (RemoteReward, "asks another service"),
    (Combinator, "holds other rewards"),
    (GroupReward, "compares the completions of a group"),
    (ItemReward, "judges one completion"),
)


def _types_page(types: Any) -> str:
    lines = [
        "# Reward types",
        "",
        'A request names them: `{"rewards": [{"type": "format", "preset": "boxed", "weight": 0.1}]}`.'
        " `GET /rewards` serves them with their JSON schemas. Every type also takes `name` and `weight`.",
        "",
        "| type | kind | |",
        "|---|---|---|",
    ]
    for name, reward in types.items():
        lines.append(f"| [{name}]({name}.md) | {_kind(reward)} | {_cell(_plain(type(reward).__doc__))} |")
    return "\n".join(lines) + "\n"


def _kind(reward: Reward[Any]) -> str:
    return next((word for kind, word in _KINDS if isinstance(reward, kind)), "by its form")


def _type_page(reward: Reward[Any]) -> str:
    lines = [f"# {reward.type_name}", "", _plain(type(reward).__doc__), ""]
    about = _module_text(reward)
    lines += [about, ""] if about else []
    lines += [f"Behaviour version {reward.version}; {_kind(reward)}.", "", "## Parameters", ""]
    lines += ["| name | type | default | |", "|---|---|---|---|"]
    schema = reward.Parameters.model_json_schema(by_alias=True)
    required = set(schema.get("required", ()))
    for name, field in schema["properties"].items():
        if name in ("type", "name", "weight"):
            continue
        default = (
            "required" if name in required else f"`{json.dumps(field.get('default'), ensure_ascii=False)}`"
        )
        about = _cell(_plain(field.get("description", "")))
        lines.append(f"| `{name}` | {_cell(_type_of(field, schema))} | {_cell(default)} | {about} |")
    examples = _examples().get(reward.type_name, [])
    if examples:
        lines += ["", "## Examples", ""]
        for example in examples:
            lines += ["```json", json.dumps(example, indent=2, ensure_ascii=False), "```", ""]
    return "\n".join(lines).rstrip() + "\n"


def _examples() -> dict[str, list[dict[str, Any]]]:
    """Specifications that the presets hold, by type: examples that are tested."""
    found: dict[str, list[dict[str, Any]]] = {}

    def collect(node: Any) -> None:
        if isinstance(node, dict):
            kind = node.get("type")
            plain = "$" not in json.dumps(node)
            known = found.setdefault(kind, []) if isinstance(kind, str) else []
            if isinstance(kind, str) and plain and node not in known and len(known) < 3:
                known.append(node)
            for child in node.values():
                collect(child)
        elif isinstance(node, list):
            for child in node:
                collect(child)

    for preset in load_presets().values():
        collect(preset.rewards)
    return found


def _module_text(reward: Reward[Any]) -> str:
    """The module's or package's own text, less its first line, where it is about this type alone."""
    module = type(reward).__module__
    if module.endswith(".reward"):
        module = module.rpartition(".")[0]
    text = (sys.modules[module].__doc__ or "").strip()
    alone = sum(type(other).__module__.startswith(module) for other in reward_types().values()) == 1
    return _plain(text.partition("\n\n")[2], keep_breaks=True) if alone else ""


def _type_of(field: dict[str, Any], schema: dict[str, Any]) -> str:
    if "$ref" in field:
        return _type_of(schema["$defs"][field["$ref"].rpartition("/")[2]], schema)
    if "anyOf" in field:
        return " or ".join(
            dict.fromkeys(_type_of(one, schema) for one in field["anyOf"] if one != {"type": "null"})
        )
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    kind = str(field.get("type", "any"))
    if kind == "array":
        return f"list of {_type_of(field.get('items', {}), schema)}"
    return kind


# Text


def _plain(text: str | None, *, keep_breaks: bool = False) -> str:
    """A docstring as Markdown."""
    text = (text or "").replace("``", "`").strip()
    return text if keep_breaks else _joined(text)


def _joined(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return _joined(text).replace("|", "\\|")


def _code(text: str) -> str:
    """Text as code in a table's cell: on one line, cut where it is long."""
    shown = text.replace("\n", "⏎").replace("|", "¦").replace("`", "ˋ")
    return f"`{shown[:160]}{'…' if len(shown) > 160 else ''}`" if shown else "(empty)"


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, "utf-8")
