"""The bridge to the verifier: groups out the moment they end, rewards back as they arrive.

Invariants: every submitted group is handed back exactly once, or counted as dropped; a verifier that does
not answer is waited for, with a status line, and nothing is lost; a reward that could not be judged stays
`null`.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

from trainer.config import Config
from trainer.rollout import Group, ScoredGroup
from trainer_client import HttpVerifier, QueueVerifier, Verifier, guard
from trainer_client.embedded import EmbeddedRedis
from trainer_client.wire import ScoreRequest, ScoreResponse

PATIENCE_S = 5.0
"""Waiting longer than this is told on the status line."""
LONGEST_PAUSE_S = 15.0
"""Between two tries of a verifier that judges nothing."""
MAX_TRIES = 3
"""How often a request may come back unjudged although others were judged meanwhile, before its rewards are
masked."""


class VerifierStopped(RuntimeError):
    """The run's own verifier worker ended, so no reward will ever come."""


def request(groups: Sequence[Group], rewards: Sequence[dict[str, Any]], run: str) -> ScoreRequest:
    """The request that scores these groups; a reference is sent once for all completions of its problem."""
    return {
        "rewards": list(rewards),
        "references": {group.problem.id: group.problem.reference for group in groups},
        "items": [
            {
                "id": f"{group.index}.{i}",
                "prompt": group.problem.prompt,
                "completion": text,
                "reference": group.problem.id,
                "group": str(group.index),
                "finish_reason": completion.finish_reason,
                "completion_tokens": len(completion.tokens),
                "metadata": group.problem.metadata,
            }
            for group in groups
            for i, (text, completion) in enumerate(zip(group.texts, group.completions, strict=True))
        ],
        "run": run,
    }


@dataclass(frozen=True)
class _Pending:
    """Groups whose scores are awaited."""

    groups: tuple[Group, ...]
    tries: int
    """How often they came back unjudged although others were judged meanwhile"""
    answered: int
    """Requests answered before they were submitted"""


class Scorer:
    """Groups that are being scored."""

    def __init__(
        self,
        verifier: Verifier,
        rewards: Sequence[dict[str, Any]],
        run: str,
        status: Callable[[str], None],
        watch: Callable[[], None],
    ) -> None:
        self._verifier, self._rewards, self._run = verifier, rewards, run
        self._status, self._watch = status, watch
        self._pending: dict[Future[ScoreResponse], _Pending] = {}
        self._answered = self._outages = 0
        self.graders: dict[str, int] = {}
        """Versions of the reward types, as last reported by the verifier"""

    def submit(self, groups: Sequence[Group]) -> None:
        """Start scoring these groups, in one request."""
        self._send(_Pending(tuple(groups), 0, self._answered))

    def _send(self, pending: _Pending) -> None:
        self._pending[self._verifier.submit(request(pending.groups, self._rewards, self._run))] = pending

    @property
    def outstanding(self) -> list[Group]:
        """The groups submitted and not yet handed back, oldest first."""
        return sorted((g for p in self._pending.values() for g in p.groups), key=lambda group: group.index)

    def arrivals(self, requests: int) -> Iterator[list[ScoredGroup]]:
        """Hand back the groups of so many requests (or of all there are), as they arrive."""
        left = min(requests, len(self._pending))
        while left:
            scored: list[ScoredGroup] = []
            for future in sorted(self._wait(), key=lambda future: self._pending[future].groups[0].index):
                pending, response = self._pending[future], future.result()
                if _is_outage(response) and pending.tries < MAX_TRIES:
                    self._send_again(self._pending.pop(future), response)
                elif left:
                    self._answered, self._outages, self.graders = self._answered + 1, 0, response["graders"]
                    scored += _split(self._pending.pop(future).groups, response)
                    left -= 1
            if scored:
                yield scored

    def all(self) -> list[ScoredGroup]:
        """Hand back every outstanding group, ordered by index."""
        scored = [group for arrived in self.arrivals(len(self._pending)) for group in arrived]
        return sorted(scored, key=lambda s: s.group.index)

    def _wait(self) -> set[Future[ScoreResponse]]:
        """The requests that are answered, at least one."""
        since, told = time.monotonic(), False
        while not (done := wait(self._pending, timeout=1.0, return_when=FIRST_COMPLETED).done):
            self._watch()
            if (waited := time.monotonic() - since) > PATIENCE_S:
                groups = len(self.outstanding)
                self._status(f"no rewards for {waited:.0f} s, {groups} groups wait: is the verifier up?")
                told = True
        if told:
            self._status("")
        return done

    def _send_again(self, pending: _Pending, response: ScoreResponse) -> None:
        """Submit a request again after a pause, which grows while nothing at all is judged."""
        pause = min(LONGEST_PAUSE_S, 0.5 * 2 ** min(self._outages, 10))
        error = response["results"][0].get("error")
        reason = error["message"] if error else "no reason given"
        self._status(
            f"the verifier judges nothing ({reason}); trying again in {pause:.0f} s, nothing is lost"
        )
        time.sleep(pause)
        self._outages += 1
        others = self._answered > pending.answered
        self._send(replace(pending, tries=pending.tries + others, answered=self._answered))
        self._status("")


def _is_outage(response: ScoreResponse) -> bool:
    """Whether no item was judged, each for a reason that may pass."""
    errors = [result.get("error") for result in response["results"] if result["status"] == "error"]
    may_pass = [error is not None and bool(error.get("retryable")) for error in errors]
    return len(errors) == len(response["results"]) and all(may_pass)


def _split(groups: Sequence[Group], response: ScoreResponse) -> list[ScoredGroup]:
    """The response's results, which stand in the order of the items, by group."""
    results = iter(response["results"])
    return [ScoredGroup(group, [next(results) for _ in group.completions]) for group in groups]


@contextmanager
def open_verifier(config: Config, log: Path) -> Iterator[tuple[Verifier, Callable[[], None]]]:
    """The verifier of the configuration, and a watch on the worker started for it, if one was (it writes
    `log`)."""
    if config.verifier == "http":
        key = Path(config.api_key_file).read_text().strip() if config.api_key_file else None
        with HttpVerifier(config.url, api_key=key) as verifier:
            yield verifier, lambda: None
    elif config.redis_url == "embedded":
        with (
            EmbeddedRedis() as redis,
            _worker(redis.url, config.queue, log) as watch,
            QueueVerifier(redis.url, queue=config.queue) as verifier,
        ):
            yield verifier, watch
    else:
        with QueueVerifier(config.redis_url, queue=config.queue) as verifier:
            yield verifier, lambda: None


@contextmanager
def _worker(redis_url: str, queue: str, log: Path) -> Iterator[Callable[[], None]]:
    """A verifier worker of one process, which ends with this process, even by SIGKILL."""
    scratch = tempfile.mkdtemp(prefix="verifier-worker-")  # the guard removes it
    command = [sys.executable, "-m", "verifier.cli", "worker", "--redis-url", redis_url, "--queue", queue]
    guarded = [sys.executable, "-I", "-S", guard.__file__, str(os.getpid()), scratch, *command]
    with log.open("ab") as output:
        process = Popen(
            [*guarded, "--processes", "1", "--sandbox", "none"],
            stdin=PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is ours to handle
        )

    def watch() -> None:
        if process.poll() is not None:
            raise VerifierStopped(f"the verifier worker ended with code {process.returncode}; see {log}")

    try:
        yield watch
    finally:
        assert process.stdin is not None
        process.stdin.close()  # the guard ends the worker when this closes
        process.wait()
