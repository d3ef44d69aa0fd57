"""One error shape for whatever goes wrong inside the app; never the input, never a trace."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from http import HTTPStatus

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Route

from verifier.errors import HTTP_STATUS, ErrorCode, FieldError, RequestInvalid
from verifier.service.disconnect import ClientGone
from verifier.service.middleware.errors import headers_of

CLIENT_CLOSED_REQUEST = 499
"""nginx's status for a client that left; stands in logs alone."""

log = structlog.get_logger(__name__)

_BY_STATUS = {
    HTTPStatus.NOT_FOUND: (ErrorCode.NOT_FOUND, "there is nothing at this path; /docs lists what is"),
    HTTPStatus.METHOD_NOT_ALLOWED: (ErrorCode.METHOD_NOT_ALLOWED, "this path does not take that method"),
}


def add_handlers(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Register the handlers; ``routes`` are all that the app serves beside its documentation."""
    app.add_exception_handler(RequestInvalid, _on_invalid)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, partial(_on_http, routes))
    app.add_exception_handler(ClientGone, _on_gone)
    app.add_exception_handler(Exception, _on_defect)


def refusal_response(refusal: RequestInvalid) -> Response:
    """A refusal as a response."""
    status = HTTP_STATUS[refusal.code]
    return Response(orjson.dumps(refusal.body()), status_code=status, headers=headers_of(refusal.code))


async def _on_invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestInvalid)
    return refusal_response(error)


async def _on_validation(_: Request, error: Exception) -> Response:
    """A query parameter that is not as it must be; bodies are checked by ``plan.parse_request``."""
    assert isinstance(error, RequestValidationError)
    fields = [FieldError(".".join(map(str, found["loc"])), str(found["msg"])) for found in error.errors()]
    message = "a parameter is not as it must be"
    return refusal_response(RequestInvalid(ErrorCode.VALIDATION_FAILED, message, fields))


async def _on_http(routes: Sequence[BaseRoute], request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    code, message = _BY_STATUS.get(status, (ErrorCode.INTERNAL, status.phrase))
    response = refusal_response(RequestInvalid(code, message))
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    if status is HTTPStatus.METHOD_NOT_ALLOWED and (allowed := _allowed(routes, request.url.path)):
        response.headers["Allow"] = ", ".join(
            sorted(allowed)
        )  # the framework's names those of one route alone
    return response


def _allowed(routes: Sequence[BaseRoute], path: str) -> set[str]:
    found = [route for route in routes if isinstance(route, Route) and route.path_regex.match(path)]
    return {method for route in found for method in route.methods or ()}


async def _on_gone(_: Request, __: Exception) -> Response:
    """Nobody reads it; the log tells it from a fault of ours."""
    return Response(status_code=CLIENT_CLOSED_REQUEST)


async def _on_defect(_: Request, error: Exception) -> Response:
    log.error("service_defect", exc_info=error)
    message = "a defect of this server; its log has the trace under the request's id"
    return refusal_response(RequestInvalid(ErrorCode.INTERNAL, message))
