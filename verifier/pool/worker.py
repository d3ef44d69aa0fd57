"""The loop of one worker process: a chunk of tasks in, replies out as they come."""

from __future__ import annotations

import socket
import time
import traceback
from functools import lru_cache
from typing import Any

import orjson

from verifier.errors import ItemInvalid
from verifier.pool.frames import Progress, pack, receive
from verifier.rewards.base import ItemReward, Sample
from verifier.rewards.registry import parse_reward

_FLUSH_AFTER_S = 0.002
"""Replies wait no longer than this for company: a slow task finds the earlier ones already delivered."""

Reply = dict[str, Any]


def serve(connection: socket.socket, progress: Progress) -> None:
    """Score chunks until the pool closes the connection."""
    while True:
        try:
            tasks = receive(connection)
        except EOFError:
            return
        _serve_chunk(connection, progress, tasks)


def _serve_chunk(connection: socket.socket, progress: Progress, tasks: list[dict[str, Any]]) -> None:
    replies: list[Reply] = []
    flushed = time.monotonic()
    for index, task in enumerate(tasks):
        progress.mark(index, time.process_time_ns())
        replies.append(_reply(task))
        now = time.monotonic()
        if now - flushed > _FLUSH_AFTER_S or index + 1 == len(tasks):
            connection.sendall(pack(replies))
            replies, flushed = [], now


def _reply(task: dict[str, Any]) -> Reply:
    started = time.perf_counter()
    try:
        reward, parameters = _bound(task["spec"])
        score = reward.score(Sample(**task["sample"]), parameters)
        reply = {"value": score.value, "verdict": score.verdict, "detail": score.detail}
    except ItemInvalid as error:
        reply = {"invalid": error.code, "message": error.message}
    except MemoryError:
        reply = {"failed": "memory"}
    except RecursionError:
        reply = {"failed": "recursion"}
    except Exception:  # noqa: BLE001 - the item boundary: the pool repeats it alone, then faults it
        reply = {"failed": "defect", "trace": traceback.format_exc(limit=-20)}
    reply["ms"] = (time.perf_counter() - started) * 1e3
    return reply


@lru_cache(maxsize=256)
def _bound(spec: str) -> tuple[ItemReward[Any], Any]:
    bound = parse_reward(orjson.loads(spec), "rewards")
    assert isinstance(bound.reward, ItemReward)
    return bound.reward, bound.parameters
