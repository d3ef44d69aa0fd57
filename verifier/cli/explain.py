"""``verifier explain``: why one completion scored what it did."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from verifier.cli.choice import (
    ApiKeyFile,
    DatasetFormat,
    Plugins,
    PresetName,
    RewardsFile,
    Sandbox,
    Url,
    read_choice,
)
from verifier.cli.problems import UsageError, refusals
from verifier.cli.source import Batch, batches
from verifier.cli.tree import result_tree
from verifier.datasets import AUTO, MalformedRow, RowUnusable, read_rows, to_items
from verifier.datasets.decode import parse_json
from verifier.datasets.native import default_rewards
from verifier.schema import JsonObject


def explain(
    file: Annotated[Path | None, typer.Argument(help="A file of items or of rows, as score takes.")] = None,
    row: Annotated[
        str | None, typer.Option(help="Which row: its id or its line. Default: the first.")
    ] = None,
    completion: Annotated[
        str | None, typer.Option(help="The completion: a text, @FILE, or - for standard input.")
    ] = None,
    reference: Annotated[
        str | None, typer.Option(help="The reference: a JSON object, an answer, or @FILE of either.")
    ] = None,
    prompt: Annotated[str | None, typer.Option(help="The prompt, where a reward reads it.")] = None,
    rewards: RewardsFile = None,
    preset: PresetName = None,
    dataset_format: DatasetFormat = AUTO,
    completion_field: Annotated[str | None, typer.Option(help="The completions' field.")] = None,
    url: Url = None,
    api_key_file: ApiKeyFile = None,
    sandbox: Sandbox = "auto",
    plugins: Plugins = None,
) -> None:
    """Show why one completion scored what it did: of a row of FILE, or as given by --completion."""
    from verifier.cli.scorer import open_scorer
    from verifier.logs import configure_logging

    configure_logging("console", logging.WARNING)

    async def score(request: JsonObject) -> JsonObject:
        async with open_scorer(
            url, api_key_file=api_key_file, sandbox=sandbox, processes=1, plugins=plugins or ()
        ) as scorer:
            return await scorer.score(request)

    with refusals("explain"):
        choice = read_choice(rewards, preset)
        if file is not None:
            rows = to_items(read_rows(file), dataset_format, completion_field=completion_field)
            request, position = _find(batches(rows, choice), row)
        else:
            request, position = {"items": [_given(completion, reference, prompt)]}, 0
        item = request["items"][position]
        if completion is not None:
            item["completion"] = _text(completion)
        if choice is not None:
            request["rewards"] = choice
            item.pop("rewards", None)
        elif "rewards" not in item:
            raise UsageError("no rewards: give --rewards FILE or --preset NAME")
        response = asyncio.run(score(request))
    result = response["results"][position]
    Console().print(result_tree(_with_reference(item, request), result))
    if result["status"] != "ok":
        raise typer.Exit(1)


def _find(source: Iterable[Batch], row: str | None) -> tuple[JsonObject, int]:
    """A request with the wanted row and its group, and where the row stands in it."""
    for batch in source:
        position = -1
        for entry in batch.entries:
            if isinstance(entry, MalformedRow):
                if row is None or row == str(entry.line):
                    raise UsageError(f"line {entry.line}: {entry.reason}")
                continue
            position += 1
            if row is None or row in (entry.id, str(entry.line)):
                return _with_group(batch, position)
    raise UsageError("the file has no such row" if row is not None else "the file has no rows")


def _with_group(batch: Batch, position: int) -> tuple[JsonObject, int]:
    item = batch.items[position]
    group = item.get("group")
    members = [other for other in batch.items if group is not None and other.get("group") == group] or [item]
    return {"items": members, "references": batch.references}, members.index(item)


def _given(completion: str | None, reference: str | None, prompt: str | None) -> JsonObject:
    """The item that the options give, less its completion."""
    if completion is None:
        raise UsageError("give a FILE, or --completion TEXT and --reference")
    item: JsonObject = {}
    if prompt is not None:
        item["prompt"] = prompt
    if reference is not None:
        item["reference"] = _reference(_text(reference))
        rewards = default_rewards(item["reference"])
        if rewards is not None:
            item["rewards"] = rewards
    return item


def _with_reference(item: JsonObject, request: JsonObject) -> JsonObject:
    """The item with the reference itself, where it has the key of a shared one."""
    key = item.get("reference")
    return {**item, "reference": request["references"].get(key, key)} if isinstance(key, str) else item


def _reference(text: str) -> JsonObject:
    if not text.lstrip().startswith("{"):
        return {"answer": text.strip()}
    try:
        value = parse_json(text)
    except RowUnusable:
        return {"answer": text.strip()}  # a set, say
    return value if isinstance(value, dict) else {"answer": text.strip()}


def _text(argument: str) -> str:
    """A text given as such, as ``@FILE``, or on standard input (``-``)."""
    if argument == "-":
        return sys.stdin.read()
    if argument.startswith("@"):
        return Path(argument[1:]).read_text(encoding="utf-8")
    return argument
