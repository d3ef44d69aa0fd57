"""Work for a client that may leave: when it does, the work is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.types import Receive

from verifier.errors import ErrorCode, RequestInvalid

T = TypeVar("T")


class ClientGone(Exception):
    """The client has closed its connection; nobody waits for an answer."""


async def while_connected(work: Coroutine[Any, Any, T], receive: Receive) -> T:
    """The work's result. ``receive`` is that of a request whose body has been read.

    Raises:
        ClientGone: the client left first; the work has been cancelled.
        RequestInvalid: the server stops, and the time that it gave running requests is up.
    """
    working = asyncio.create_task(work)
    gone = asyncio.create_task(_disconnect(receive))
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientGone
        return await working
    except asyncio.CancelledError:
        message = (
            "the server stops, and this was not done within its grace; send it again, to another replica"
        )
        raise RequestInvalid(ErrorCode.DRAINING, message) from None
    finally:
        gone.cancel()
        working.cancel()
        await asyncio.gather(gone, working, return_exceptions=True)


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
