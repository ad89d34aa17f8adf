"""From errors to answers: status, ``error_code`` and ``message`` (spec/runtime.md 1.1)."""

from __future__ import annotations

from typing import Final

from linkspan.api.errors import ConfigError, ConflictError, ConnectError, NotFoundError, NotReadyError
from linkspan.herder.port import Body
from linkspan.observe.hiding import hidden

__all__ = ["ClientGoneError", "HttpError", "error_body", "headers_of", "status_of"]

_STATUS_BY_CODE: Final = {
    "conflict.forbidden": 403,
    "stopping": 503,
    "signature.malformed": 400,
    "signature.wrong": 403,
    "not_ready.session_key": 503,
    "peer.refused_path": 400,
}
_RETRY_AFTER_SECONDS: Final = 1
_REASONS: Final = {
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    408: "Request Timeout",
    413: "Request Entity Too Large",
    415: "Unsupported Media Type",
    417: "Expectation Failed",
}


class HttpError(ConnectError):
    """The request does not get as far as the herder.

    Args:
        status: HTTP status.
        message: text; by default the one of Java's framework.
    """

    code = "http"

    def __init__(self, status: int, message: str | None = None) -> None:
        super().__init__(message or f"HTTP {status} {_REASONS[status]}")
        self.status = status


class ClientGoneError(ConnectionError):
    """Whoever sent the request has closed the connection; nobody waits for an answer."""


def status_of(error: ConnectError) -> int:
    """HTTP status of an error."""
    if isinstance(error, HttpError):
        return error.status
    if error.code in _STATUS_BY_CODE:
        return _STATUS_BY_CODE[error.code]
    if isinstance(error, ConfigError):
        return 400
    if isinstance(error, NotFoundError):
        return 404
    return 409 if isinstance(error, ConflictError | NotReadyError) else 500


def headers_of(error: ConnectError) -> dict[str, str]:
    """Headers that go with an error.

    What a worker refuses only because it is not ready, above all while a rebalance is due or under way, tells the
    caller when to try again; other conflicts, of the same status, will not go away by waiting.
    """
    return {"Retry-After": str(_RETRY_AFTER_SECONDS)} if isinstance(error, NotReadyError) else {}


def error_body(status: int, message: str) -> Body:
    """The body of every refusal; there are no secrets in it."""
    return {"error_code": status, "message": hidden(message)}
