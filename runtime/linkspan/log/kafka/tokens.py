"""Tokens for SASL OAUTHBEARER, for a client that cannot get them by itself."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, Final

from linkspan.api.errors import ConfigError, ConnectError, RetriableError

__all__ = ["Tokens"]

_SECONDS: Final = 5.0
"""Limit of one request for a token: whoever waits for it sends no heartbeats meanwhile."""
_FRESH: Final = 0.8
"""Share of its life after which a token is not given out any more."""
_UNSECURED_SECONDS: Final = 3600.0
_JSON_LIMIT: Final = 1_000_000


class Tokens:
    """Keeps a token, and asks for another one before it expires.

    Args:
        given: what :func:`~linkspan.log.kafka.sasl.authentication` made of Java's settings.
        clock: seconds since the epoch.
    """

    def __init__(self, given: Mapping[str, str], clock: Callable[[], float] = time.time) -> None:
        self._given = given
        self._clock = clock
        self._token, self._until = "", 0.0
        self._context: ssl.SSLContext | None = None
        if given.get("sasl.oauthbearer.token.endpoint.url", "").lower().startswith("https:"):
            self._context = ssl.create_default_context(cadata=given.get("https.ca.pem"))
            self._context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        elif "sasl.oauthbearer.method" in given and not self._url.lower().startswith("http:"):
            raise ConfigError.invalid("sasl.oauthbearer.token.endpoint.url", self._url, "use an http or https URL")

    @property
    def _url(self) -> str:
        return self._given["sasl.oauthbearer.token.endpoint.url"]

    @property
    def extensions(self) -> dict[str, str]:
        """What is sent along with each token."""
        pairs = self._given.get("sasl.oauthbearer.extensions", "")
        return dict(pair.split("=", 1) for pair in pairs.split(",") if pair)

    def token(self) -> str:
        """A token that is good for a while.

        Raises:
            RetriableError: the token server does not answer.
            ConnectError: it refuses.
        """
        now = self._clock()
        if now >= self._until:
            self._token, seconds = self._asked() if "sasl.oauthbearer.method" in self._given else self._made(now)
            self._until = now + _FRESH * seconds
        return self._token

    def _made(self, now: float) -> tuple[str, float]:
        principal = self._given["sasl.oauthbearer.config"].removeprefix("principal=")
        # whole seconds: the broker's clock counts milliseconds and would find a fraction of one to lie in the future
        issued = int(now)
        claims = {"sub": principal, "iat": issued, "exp": issued + int(_UNSECURED_SECONDS)}
        return f"{_part({'alg': 'none'})}.{_part(claims)}.", _UNSECURED_SECONDS

    def _asked(self) -> tuple[str, float]:
        form = {"grant_type": "client_credentials"}
        if "sasl.oauthbearer.scope" in self._given:
            form["scope"] = self._given["sasl.oauthbearer.scope"]
        pair = f"{self._given['sasl.oauthbearer.client.id']}:{self._given['sasl.oauthbearer.client.secret']}"
        request = urllib.request.Request(  # noqa: S310 - http and https only
            self._url,
            urllib.parse.urlencode(form).encode(),
            {
                "Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}",
                "Content-Type": "application/x-www-form-urlencoded",
                "Accept": "application/json",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS, context=self._context) as answer:  # noqa: S310
                body = json.loads(answer.read(_JSON_LIMIT))
        except urllib.error.HTTPError as error:
            raise self._refusal(error) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise RetriableError(f"The token server at {self._url} gives no token: {error}") from error
        if not isinstance(body, dict) or not isinstance(body.get("access_token"), str):
            raise RetriableError(f"The token server at {self._url} gives no token: its answer has no access_token")
        return body["access_token"], _life(body)

    def _refusal(self, error: urllib.error.HTTPError) -> ConnectError:
        with error:
            said = error.read(_JSON_LIMIT).decode(errors="replace")
        text = f"The token server at {self._url} refuses to give a token: HTTP {error.code} {_summary(said)}".rstrip()
        if error.code >= 500 or error.code in {408, 429}:
            return RetriableError(text)
        return ConnectError(text)


def _part(claims: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()


def _life(body: Mapping[str, Any]) -> float:
    seconds = body.get("expires_in")
    # a server that does not say is asked again for each connection
    return float(seconds) if isinstance(seconds, int | float) else 0.0


def _summary(body: str) -> str:
    try:
        said = json.loads(body)
    except ValueError:
        return ""
    texts = [said.get("error"), said.get("error_description")] if isinstance(said, dict) else []
    return ": ".join(str(text) for text in texts if text)
