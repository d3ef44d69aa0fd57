"""A chat model that the operator configures, behind an OpenAI-compatible endpoint. No request can name one.

async with open_chat(ChatSettings("http://127.0.0.1:8000/v1", "my-model")) as chat:
    number = await chat.ask(messages, read=float)
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
import orjson
import stamina

T = TypeVar("T")
Message = dict[str, str]
"""``{"role": "system" | "user", "content": …}``."""

ATTEMPTS = 5
CONNECT_S = 5.0
LONGEST_PAUSE_S = 10.0
MAX_REPLY_BYTES = 1 << 20
CACHED = 10_000
"""Answers that are remembered; the one not asked for longest goes first."""


@dataclass(frozen=True, slots=True)
class ChatSettings:
    """Which model is asked, and how."""

    url: str
    """The base that ``/chat/completions`` is appended to: ``https://host/v1``."""
    model: str
    api_key: str | None = None
    concurrency: int = 32
    """Questions at once."""
    timeout_s: float = 120.0
    """How long one question may take, repetitions and all."""


class ChatUnavailable(Exception):
    """No usable answer; the message says what to do, and holds nothing of question or answer."""


class _Passing(Exception):
    """A failure that may not happen again."""


class ChatClient:
    """Asks one model. Belongs to one event loop."""

    def __init__(self, settings: ChatSettings, http: httpx.AsyncClient) -> None:
        self.model = settings.model
        self._http = http
        self._timeout_s = settings.timeout_s
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._known: OrderedDict[bytes, Any] = OrderedDict()

    async def ask(self, messages: Sequence[Message], read: Callable[[str], T], max_tokens: int) -> T:
        """What ``read`` makes of the model's answer at temperature 0, or made of it before.

        Args:
            messages: the question, which alone must decide what ``read`` makes of an answer.
            read: raises ValueError where an answer is not of the form asked for: it is asked for again.
            max_tokens: how long the answer may be.

        Raises:
            ChatUnavailable: no answer, or none that could be read, within attempts and time.
        """
        body = orjson.dumps(
            {"model": self.model, "messages": messages, "temperature": 0, "max_tokens": max_tokens}
        )
        key = hashlib.sha256(body).digest()
        if key not in self._known:
            async with self._slots:
                answer = await self._insist(body, read)
            self._known[key] = answer
            if len(self._known) > CACHED:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        known: T = self._known[key]
        return known

    async def _insist(self, body: bytes, read: Callable[[str], T]) -> T:
        retries = stamina.retry_context(
            on=_Passing, attempts=ATTEMPTS, timeout=None, wait_initial=0.5, wait_max=LONGEST_PAUSE_S
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                async for attempt in retries:
                    with attempt:
                        return _read(await self._post(body), read)
        except _Passing as problem:
            raise ChatUnavailable(f"{problem}, {ATTEMPTS} times in a row") from None
        except TimeoutError:
            raise ChatUnavailable(f"the judge has not answered within {self._timeout_s:g} s") from None
        raise AssertionError("the last attempt returns or raises")

    async def _post(self, body: bytes) -> bytes:
        """The body of a successful answer."""
        headers = {"Content-Type": "application/json"}
        try:
            async with self._http.stream(
                "POST", "chat/completions", content=body, headers=headers
            ) as response:
                if response.status_code != httpx.codes.OK:
                    raise _refusal(response.status_code)
                reply = bytearray()
                async for part in response.aiter_bytes():
                    reply += part
                    if len(reply) > MAX_REPLY_BYTES:
                        raise _Passing("the judge's answer is too large")
                return bytes(reply)
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise _Passing(f"the judge cannot be reached ({type(error).__name__})") from None


@asynccontextmanager
async def open_chat(settings: ChatSettings) -> AsyncIterator[ChatClient]:
    """A client of the configured model; nothing is asked of it yet."""
    async with httpx.AsyncClient(
        base_url=settings.url,
        headers={"Authorization": f"Bearer {settings.api_key}"} if settings.api_key else {},
        timeout=httpx.Timeout(settings.timeout_s, connect=CONNECT_S, pool=None),
        limits=httpx.Limits(max_connections=settings.concurrency),
    ) as http:
        yield ChatClient(settings, http)


def _refusal(status: int) -> Exception:
    """What an answer other than 200 means: a fault that passes, or one for the operator to mend."""
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return ChatUnavailable(f"the judge answers {status}: see --judge-api-key-file")
    if status == httpx.codes.TOO_MANY_REQUESTS or status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return _Passing(f"the judge answers {status}")
    return ChatUnavailable(f"the judge answers {status}: see --judge-url and --judge-model")


def _read(reply: bytes, read: Callable[[str], T]) -> T:
    try:
        text = orjson.loads(reply)["choices"][0]["message"]["content"]
        return read(text if isinstance(text, str) else "")
    except (ValueError, LookupError, TypeError):
        raise _Passing("the judge's answer is not of the form it was asked for") from None
