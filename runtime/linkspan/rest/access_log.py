"""The access log: extended NCSA format plus the latency in milliseconds, as the Java worker writes it."""

from __future__ import annotations

import datetime as dt
import logging
from functools import lru_cache
from time import time as clock
from typing import Final

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

__all__ = ["ACCESS_LOGGER", "NcsaAccessLogger", "one_line"]

ACCESS_LOGGER: Final = "org.apache.kafka.connect.runtime.rest.RestServer"


class NcsaAccessLogger(AbstractAccessLogger):
    """Writes one line a request."""

    @property
    def enabled(self) -> bool:
        """Spares the work when nobody reads the lines."""
        return self.logger.isEnabledFor(logging.INFO)

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """One answered request; ``time`` is in seconds."""
        self.logger.info(
            '%s - - [%s] "%s %s HTTP/%d.%d" %d %d "%s" "%s" %d',
            request.remote or "-",
            _moment(int(clock())),
            request.method,
            _quotable(request.raw_path),
            request.version.major,
            request.version.minor,
            response.status,
            0 if request.method == "HEAD" else response.content_length or 0,
            _quotable(request.headers.get("Referer", "")),
            _quotable(request.headers.get("User-Agent", "")),
            round(time * 1000),
        )


@lru_cache(maxsize=1)  # many requests are answered in one second, and this would take a tenth of an answer's time
def _moment(second: int) -> str:
    return dt.datetime.fromtimestamp(second, dt.UTC).strftime("%d/%b/%Y:%H:%M:%S %z")


def one_line(text: str) -> str:
    """What a caller sent, for the log: nobody must be able to forge lines."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "?" for character in text)


def _quotable(text: str) -> str:
    return one_line(text).replace('"', "?")
