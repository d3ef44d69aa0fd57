"""What the service costs beside HTTP itself: ``POST /score`` against bare routes that only parse and answer.

    python benchmarks/service_cost.py [--rounds N]

512 items of 2 KB with a reward that does nothing, against FastAPI routes that parse the same body, as JSON
(``echo``) or as the declared shape (``parameter``, FastAPI's own way), and return the same bytes. All servers
run at once and are asked in turn, so that they meet the same machine. Prints requests a second, the server's
CPU time a request (less at the mercy of a busy machine), and the ratios.
"""

from __future__ import annotations

import argparse
import http.client
import random
import string
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import psutil

HERE = Path(__file__).resolve().parent
BARE = """
import orjson, uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import Response
from verifier.schema import ScoreRequest
app = FastAPI()
@app.post("/score")
async def score(request: Request) -> Response:
    body = await request.body()
    orjson.loads(body)
    return Response(body, media_type="application/json")
@app.post("/parameter/score")
async def parameter(request: ScoreRequest, raw: Request) -> Response:
    return Response(await raw.body(), media_type="application/json")
@app.get("/health")
async def health() -> dict[str, str]:
    return {}
uvicorn.run(app, port=PORT, access_log=False, log_level="warning", timeout_keep_alive=75)
"""


def items(count: int, size: int) -> list[dict[str, str]]:
    """Completions that differ, eight to a reference."""
    rng = random.Random(1)
    letters = string.ascii_letters + "   \n"
    return [
        {"id": str(n), "completion": "".join(rng.choices(letters, k=size)), "reference": str(n // 8)}
        for n in range(count)
    ]


def request(count: int = 512, size: int = 2048) -> bytes:
    """The body of one request."""
    references = {str(n): {"answer": str(n)} for n in range(count // 8 + 1)}
    return orjson.dumps(
        {"rewards": [{"type": "noop"}], "references": references, "items": items(count, size)}
    )


@contextmanager
def served(command: list[str], port: int) -> Iterator[psutil.Process]:
    """A server process, once it answers."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stderr=log)
        try:
            for _ in range(600):
                try:
                    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
                    connection.request("GET", "/health")
                    connection.getresponse().read()
                    break
                except OSError:
                    time.sleep(0.1)
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait()


@dataclass
class Side:
    """One of the two that are compared."""

    name: str
    process: psutil.Process
    connection: http.client.HTTPConnection
    path: str
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def ask(self, body: bytes, times: int) -> None:
        """One round."""
        started, cpu = time.perf_counter(), sum(self.process.cpu_times()[:2])
        for _ in range(times):
            self.connection.request("POST", self.path, body, {"content-type": "application/json"})
            answer = self.connection.getresponse()
            content = answer.read()
            assert answer.status == 200, content[:300]
        self.wall.append((time.perf_counter() - started) / times)
        self.cpu.append((sum(self.process.cpu_times()[:2]) - cpu) / times)


def verifier_command(port: int, *options: str) -> list[str]:
    """``verifier serve`` with the reward that does nothing."""
    plugin = str(HERE / "noop_reward.py")
    command = [sys.executable, "-m", "verifier.cli", "serve", "--port", str(port), "--sandbox", "none"]
    return [*command, "--scoring-processes", "1", "--plugin", plugin, *options]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    body = request()
    with ExitStack() as stack:
        bare = stack.enter_context(served([sys.executable, "-c", BARE.replace("PORT", "18231")], 18231))
        ours = stack.enter_context(served(verifier_command(18232), 18232))
        sides = [
            Side("echo", bare, http.client.HTTPConnection("127.0.0.1", 18231), "/score"),
            Side("parameter", bare, http.client.HTTPConnection("127.0.0.1", 18231), "/parameter/score"),
            Side("verifier", ours, http.client.HTTPConnection("127.0.0.1", 18232), "/score"),
        ]
        for number in range(rounds + 2):
            for side in sides:
                side.ask(body, 10)
            if number == 1:  # warm by now
                for side in sides:
                    side.wall.clear()
                    side.cpu.clear()
    report(sides)


def report(sides: list[Side]) -> None:
    """The table; ratios are the verifier's speed as a share of a bare route's."""
    ours = sides[-1]
    sys.stdout.write("| | requests/s (best round) | CPU ms a request (best) | verifier / it: wall, CPU |\n")
    sys.stdout.write("|---|---|---|---|\n")
    for side in sides:
        wall, cpu = min(side.wall), min(side.cpu)
        ratios = f"{wall / min(ours.wall):.2f}, {cpu / min(ours.cpu):.2f}"
        sys.stdout.write(f"| {side.name} | {1 / wall:.0f} | {1e3 * cpu:.2f} | {ratios} |\n")


if __name__ == "__main__":
    main()
