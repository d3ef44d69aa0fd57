"""Where a command has its batches scored: an engine in this process, a server, or a queue."""

from __future__ import annotations

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from trainer_client import HttpVerifier, QueueVerifier, RequestRejected
from trainer_client.batch import Batch as Chunks
from trainer_client.client import BaseVerifier
from verifier.chat import ChatSettings
from verifier.cli.problems import RequestRefused, UsageError
from verifier.engine import Engine, EngineSettings, open_engine
from verifier.errors import RequestInvalid
from verifier.plan import make_plan, parse_request
from verifier.pool import PoolLimits
from verifier.rewards.base import RemoteReward
from verifier.rewards.registry import load_plugins
from verifier.schema import MAX_ITEMS, JsonObject
from verifier.settings import CommandSettings, read_api_keys


class Scorer(ABC):
    """Scores one request after the other, several at a time."""

    @abstractmethod
    async def score(self, request: JsonObject) -> JsonObject:
        """The response to a request, in JSON's types; items in error have been asked again.

        Raises:
            RequestRefused: the rewards are not as they must be.
        """


class _Remote(Scorer):
    def __init__(self, client: BaseVerifier) -> None:
        self._client = client

    async def score(self, request: JsonObject) -> JsonObject:
        with _refused():
            response: Any = await self._client.score_async(request)  # type: ignore[arg-type]
        return dict(response)


class _Offline(Scorer):
    """An engine in this process; a sandbox is opened for the first request that needs one."""

    def __init__(self, stack: AsyncExitStack, settings: EngineSettings) -> None:
        self._stack = stack
        self._settings = settings
        self._engines: dict[bool, Engine] = {}
        self._opening = asyncio.Lock()

    async def score(self, request: JsonObject) -> JsonObject:
        engine = await self._engine(_needs_sandbox(request))
        with _refused():
            chunks = Chunks(request, max_items=MAX_ITEMS, max_bytes=1 << 40)  # type: ignore[arg-type]
            waiting = chunks.chunks()
            while waiting:
                chunk = waiting.pop()
                response = await engine.score(parse_request(chunk.encode()))
                waiting += chunks.absorb(chunk, orjson.loads(orjson.dumps(response)))
        return dict(chunks.response(0.0))

    async def _engine(self, sandboxed: bool) -> Engine:
        async with self._opening:
            if sandboxed not in self._engines:
                settings = self._settings if sandboxed else replace(self._settings, sandbox="none")
                self._engines[sandboxed] = await self._stack.enter_async_context(open_engine(settings))
        return self._engines[sandboxed]


@asynccontextmanager
async def open_scorer(
    url: str | None = None,
    *,
    api_key_file: Path | None = None,
    sandbox: str = "auto",
    processes: int | None = None,
    plugins: Collection[Path] = (),
) -> AsyncIterator[Scorer]:
    """A scorer, closed with the context.

    Args:
        url: of a server (``http://…``) or of a queue (``redis://…``); None scores in this process.
        api_key_file: the file whose first key opens the server.
        sandbox: where code is run, when scored in this process.
        processes: scoring processes for mathematics; one a core by default.
        plugins: files that define reward types, when scored in this process.

    Raises:
        OSError: the key file cannot be read.
        UsageError: it holds no key, or the judge of the environment cannot be used.
        PluginUnusable: a plugin defines no reward type, or one whose name is taken.
    """
    async with AsyncExitStack() as stack:
        if url is None:
            load_plugins(plugins)
            limits = PoolLimits(processes=processes or os.cpu_count() or 1)
            yield _Offline(
                stack, EngineSettings(sandbox, judge=_judge(), plugins=tuple(plugins), limits=limits)
            )
            return
        key = _api_key(api_key_file) if api_key_file is not None else None
        is_queue = url.startswith(("redis://", "rediss://", "unix://"))
        yield _Remote(stack.enter_context(QueueVerifier(url) if is_queue else HttpVerifier(url, key)))


def _api_key(file: Path) -> str:
    try:
        return read_api_keys(file)[0]
    except ValueError as error:
        raise UsageError(str(error)) from None


def _judge() -> ChatSettings | None:
    """The judge that ``verifier serve`` would ask, by its variables and its file."""
    try:
        return CommandSettings().judge()
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise UsageError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except ValueError as error:
        raise UsageError(str(error)) from None


@contextmanager
def _refused() -> Iterator[None]:
    """Tell refusals alike, whoever says them."""
    try:
        yield
    except RequestInvalid as error:
        raise RequestRefused(error.message, [(field.path, field.message) for field in error.fields]) from None
    except RequestRejected as error:
        fields = [(field["path"], field["message"]) for field in error.fields]
        raise RequestRefused(error.message, fields) from None


def _needs_sandbox(request: JsonObject) -> bool:
    """Whether a reward of the request is worked out in the sandbox. Equal rewards are looked at once."""
    samples = {orjson.dumps(item.get("rewards")): item for item in request["items"]}
    try:
        plan = make_plan(parse_request({**request, "items": list(samples.values())}))
    except RequestInvalid:
        return False  # the request itself will be refused, in its own words
    return any(
        isinstance(part.reward, RemoteReward) and part.reward.sandboxed
        for item in plan.items
        for component in item.components
        for part in component.walk()
    )
