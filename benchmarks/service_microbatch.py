"""Many one-item requests at once against one batch of as many items: items a second.

    python benchmarks/service_microbatch.py [--rounds N]

Some trainers send one sample a request, 512 at once. The client is part of what is measured: it speaks HTTP
over 512 open connections by hand, since client libraries cost more than the service.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from contextlib import ExitStack

import orjson
from service_cost import served, verifier_command

ITEMS = 512
PORT = 18241
REWARDS = {"noop": [{"type": "noop"}], "math": [{"type": "math"}]}


def item(number: int) -> dict[str, object]:
    """A completion that is right."""
    text = f"Adding up, {number} comes out. " * 30 + f"\\boxed{{{number}}}"
    return {"completion": text, "reference": {"answer": str(number)}}


def encode(body: object) -> bytes:
    """A whole HTTP request."""
    content = orjson.dumps(body)
    head = (
        f"POST /score HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(content)}"
    )
    return head.encode() + b"\r\n\r\n" + content


class Connection:
    """One keep-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls) -> Connection:
        """Connect."""
        return cls(*await asyncio.open_connection("127.0.0.1", PORT, limit=1 << 24))

    async def ask(self, request: bytes) -> bytes:
        """The body of the answer, which must be a 200."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        return await self._reader.readexactly(int(length.partition(b":")[2]))

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


async def measure(reward: str, rounds: int) -> None:
    """Best rounds of both ways, in turn."""
    rewards = REWARDS[reward]
    items = [item(number) for number in range(ITEMS)]
    whole = encode({"rewards": rewards, "items": items})
    singles = [encode({"rewards": rewards, "items": [one]}) for one in items]
    connections = [await Connection.open() for _ in range(ITEMS)]
    batch, single = [], []
    for _ in range(rounds + 2):
        started = time.perf_counter()
        await connections[0].ask(whole)
        batch.append(time.perf_counter() - started)
        started = time.perf_counter()
        asking = (connection.ask(one) for connection, one in zip(connections, singles, strict=True))
        await asyncio.gather(*asking)
        single.append(time.perf_counter() - started)
    for connection in connections:
        connection.close()
    by_batch, by_single = ITEMS / min(batch), ITEMS / min(single)
    sys.stdout.write(f"| {reward} | {by_batch:.0f} | {by_single:.0f} | {by_single / by_batch:.2f} |\n")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with ExitStack() as stack:
        stack.enter_context(served(verifier_command(PORT), PORT))
        sys.stdout.write(
            "| reward | items/s, one batch of 512 | 512 requests at once | ratio |\n|---|---|---|---|\n"
        )
        for reward in REWARDS:
            asyncio.run(measure(reward, rounds))


if __name__ == "__main__":
    main()
