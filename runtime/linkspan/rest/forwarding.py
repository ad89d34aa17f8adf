"""Requests between workers: those of users that another worker has to answer, and the group's own (spec 1.3, 1.11)."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
from yarl import URL

from linkspan import OUR_COMMIT
from linkspan.api.errors import ConfigError, NotReadyError
from linkspan.herder.port import PeerError, WrongWorkerError
from linkspan.rest.access_log import one_line
from linkspan.rest.protocol import MAX_LINE_BYTES
from linkspan.rest.routing import SEGMENT_CHARACTERS, Answer, Request, Route
from linkspan.rest.tls import client_context

__all__ = ["HttpPeers", "RefusedPathError", "Reply", "UnreachedError", "WorkerClient", "forwarded"]

ANSWER_SECONDS: Final = 120.0
"""Longer than any worker lets a request wait (90 s): its own answer says more than ours that there was none."""
CONNECT_SECONDS: Final = 15.0
_LOOK_SECONDS: Final = 0.25
"""Between two looks whether somebody else can answer."""
_HEADERS: Final = {"Accept": "application/json", "User-Agent": "kafka-connect"}
_UNKNOWN_LEADER: Final = (
    "Cannot complete request momentarily due to no known leader URL, likely because a rebalance was underway."
)
_TOO_FAR: Final = "Cannot complete request because of a conflicting operation (e.g. worker rebalance)"
_NO_SUCH_PATH: Final = "HTTP 404 Not Found"
"""What a worker says of every path before its REST API is complete; that nothing has a name, it says otherwise."""
_log: Final = logging.getLogger("linkspan.rest")

Json = dict[str, object] | list[object] | None
"""What workers answer."""


class UnreachedError(PeerError):
    """There was nobody to take a request: nothing of it has happened, so it may be sent again, or to another worker."""

    code = "peer.unreached"


class RefusedPathError(PeerError):
    """A request did not get as far as the other worker: its HTTP server takes no such path."""

    code = "peer.refused_path"


@dataclass(frozen=True, slots=True)
class Reply:
    """What another worker has answered.

    Attributes:
        status: of HTTP.
        body: its JSON; None when it is empty, as only that of 204 may be.
        headers: as received, in any case.
    """

    status: int
    body: Json
    headers: Mapping[str, str]

    @property
    def refusal(self) -> tuple[object, str | None]:
        """``error_code`` and ``message`` of a reply with status 400 or more."""
        assert isinstance(self.body, dict)
        message = self.body.get("message")
        return self.body.get("error_code", self.status), None if message is None else str(message)


class WorkerClient:
    """Asks other workers over HTTP. Opens nothing before the first request.

    Args:
        properties: of the worker; its https listener's settings are used for calls to those of others, too.
        seconds: longest wait for an answer.
        patience: seconds that the group needs to notice that a worker is gone, and to put another in its place.

    Attributes:
        patience: as above.
    """

    def __init__(
        self, properties: Mapping[str, str | None], seconds: float = ANSWER_SECONDS, patience: float = 0.0
    ) -> None:
        self.patience = patience
        self._properties = properties
        self._seconds = seconds
        self._session: aiohttp.ClientSession | None = None
        self._tls: ssl.SSLContext | None = None

    async def ask(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        """Send one request; ``url`` is percent-encoded.

        Raises:
            UnreachedError: nobody took the request, in the original's words.
            RefusedPathError: the other worker's HTTP server refused it.
            PeerError: there is no answer, or none that can be understood; without a status, in the original's words.
        """
        typed = {"Content-Type": "application/json"} if body is not None else {}
        try:
            return await self._exchange(method, URL(url, encoded=True), body, {**headers, **typed})
        except (aiohttp.ClientError, OSError, TimeoutError, UnicodeError, json.JSONDecodeError) as error:
            reason = str(error) or ("no answer in time" if isinstance(error, TimeoutError) else type(error).__name__)
            kind = UnreachedError if _is_before_sending(error) else PeerError
            raise kind(f"IO Error trying to forward REST request: {reason} ({method} {url})") from error
        except (ConfigError, ValueError) as error:
            raise PeerError(f"Error trying to forward REST request: {error} ({method} {url})") from error

    async def _exchange(self, method: str, url: URL, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        tls = self._tls_context() if url.scheme == "https" else True
        sending = self._open_session().request(method, url, data=body, headers=headers, allow_redirects=False, ssl=tls)
        async with sending as response:
            text = await response.read()
            return Reply(response.status, _parsed(response.status, text), response.headers)

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers=_HEADERS,
                # the one of requests without a body, which Java's workers would refuse
                skip_auto_headers=("Content-Type",),
                # a kept connection may be closed by the other end in the moment of use, and not every request can be
                # sent twice
                connector=aiohttp.TCPConnector(force_close=True),
                cookie_jar=aiohttp.DummyCookieJar(),
                middlewares=(_at_most_once,),
                # Location holds the name of a connector
                max_field_size=MAX_LINE_BYTES,
                timeout=aiohttp.ClientTimeout(total=self._seconds, sock_connect=min(CONNECT_SECONDS, self._seconds)),
            )
        return self._session

    def _tls_context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = client_context(self._properties)
        return self._tls

    async def close(self) -> None:
        """Give up what is under way, and close the connections."""
        if self._session is not None:
            await self._session.close()


async def _at_most_once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keeps the library from sending a PUT or DELETE again when the connection breaks: it may have been done."""
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise aiohttp.ClientConnectionError(str(error)) from error


def _is_before_sending(error: Exception) -> bool:
    """Whether there was no connection yet; one that cannot be secured will not come about by waiting, either."""
    if isinstance(error, aiohttp.ClientSSLError):
        return False
    return isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)


def _parsed(status: int, text: bytes) -> Json:
    if status == 204:
        return None
    if 300 <= status < 400 or status < 200:
        raise PeerError(f"Unexpected status code when handling forwarded request: {status}")
    try:
        found: Json = json.loads(text)
    except ValueError:
        if status != 400:
            raise
        raise RefusedPathError(
            "The worker that has to do this refuses the path of the request. Workers of Apache Kafka do so when the "
            'name of a connector has a "/", "\\" or "%": nothing can be done about such a connector while one of them '
            "leads the group, or runs it"
        ) from None
    if status >= 400 and not (isinstance(found, dict) and found.keys() <= {"error_code", "message"}):
        raise json.JSONDecodeError(f"the answer with status {status} is not the refusal of a worker", "", 0)
    return found


# --- requests of users ----------------------------------------------------------------------------------------------


def forwarded(route: Route, client: WorkerClient) -> Route:
    """The same endpoint, which lets another worker answer when the herder says that it has to.

    When that worker is gone, the request waits for the group to put another in its place. What may have reached a
    worker is never sent again.
    """

    async def handler(request: Request) -> Answer:
        deadline: float | None = None
        while True:
            try:
                return await _answer_or_forward(route, request, client)
            except UnreachedError as error:
                now = asyncio.get_running_loop().time()
                if deadline is None:
                    deadline = now + client.patience
                    _log.info("Waiting up to %g s for a worker that can answer: %s", client.patience, error.message)
                if now >= deadline:
                    raise
            await asyncio.sleep(_LOOK_SECONDS)

    return replace(route, handler=handler)


async def _answer_or_forward(route: Route, request: Request, client: WorkerClient) -> Answer:
    try:
        return await route.handler(request)
    except WrongWorkerError as error:
        return await _forward(route, request, error.url, client)


async def _forward(route: Route, request: Request, url: str | None, client: WorkerClient) -> Answer:
    hops = request.parameter("forward")
    if hops and hops.lower() != "true":
        _log.error("%s %s: the right worker was not found within two hops", route.method, one_line(request.path))
        raise NotReadyError(_TOO_FAR)
    if url is None:
        raise NotReadyError(_UNKNOWN_LEADER)
    query = {"forward": "false" if hops else "true"}
    for name in route.passes_on:
        query[name] = "true" if request.flag(name, default=False) else "false"
    # Java's workers drop what follows a bare semicolon, and would do it to another connector.
    path = request.path.replace(";", "%3B")
    target = f"{url.rstrip('/')}{path}?{urlencode(query)}"
    body = request.body if (route.takes_body or route.takes_raw_body) and request.body else None
    credentials = request.headers.get("Authorization")
    _log.debug("Forwarding %s %s", route.method, one_line(target))
    reply = await client.ask(
        route.method, target, body, {"Authorization": credentials} if credentials is not None else {}
    )
    if _is_starting(reply):
        raise UnreachedError(
            f"IO Error trying to forward REST request: the worker is not ready ({route.method} {target})"
        )
    return _answer(reply, request.base_url)


def _is_starting(reply: Reply) -> bool:
    """Whether the worker that answered does not have its endpoints yet."""
    return reply.status == 404 and reply.refusal[1] == _NO_SUCH_PATH


def _answer(reply: Reply, base_url: str) -> Answer:
    """The reply as our own answer."""
    headers = {}
    location, retry_after = reply.headers.get("Location"), reply.headers.get("Retry-After")
    if location is not None:
        # the other worker has put its own address there, which the caller may not be able to reach
        headers["Location"] = base_url + urlsplit(location).path
    if retry_after is not None:
        headers["Retry-After"] = retry_after
    if reply.status < 400:
        return Answer(reply.status, reply.body, headers)
    code, message = reply.refusal
    return Answer(reply.status, {"error_code": code, "message": message}, headers)


# --- requests of the group ------------------------------------------------------------------------------------------


class HttpPeers:
    """:class:`linkspan.herder.port.Peers` over HTTP.

    Args:
        client: sends the requests.
    """

    def __init__(self, client: WorkerClient) -> None:
        self._client = client

    async def submit_tasks(
        self, leader_url: str | None, connector: str, body: bytes, headers: Mapping[str, str]
    ) -> None:
        """Hand the task configurations of a connector to the leader."""
        await self._tell("POST", leader_url, connector, "tasks", body, headers)

    async def fence(self, leader_url: str | None, connector: str, headers: Mapping[str, str]) -> None:
        """Have the leader fence out older exactly-once tasks."""
        await self._tell("PUT", leader_url, connector, "fence", None, headers)

    async def original_plugins(self, url: str) -> frozenset[str] | None:
        """Classes that a worker of the original has; None for one of ours."""
        base = url.rstrip("/")
        root = await self._client.ask("GET", f"{base}/", None, {})
        if isinstance(root.body, dict) and str(root.body.get("commit")).startswith(OUR_COMMIT):
            return None
        listed = await self._client.ask("GET", f"{base}/connector-plugins?connectorsOnly=false", None, {})
        if not isinstance(listed.body, list):
            raise PeerError(f"{base} did not list its plugins", listed.status)
        return frozenset(str(item["class"]) for item in listed.body if isinstance(item, dict) and "class" in item)

    async def _tell(
        self,
        method: str,
        leader_url: str | None,
        connector: str,
        what: str,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> None:
        if leader_url is None or not leader_url.strip():
            raise PeerError(
                f"Request to the leader of the group about connector {connector} failed: "
                "the URL of its REST interface is not known"
            )
        # a bare semicolon would end the name there
        path = f"connectors/{quote(connector, safe=SEGMENT_CHARACTERS.replace(';', ''))}/{what}"
        reply = await self._client.ask(method, f"{leader_url.rstrip('/')}/{path}", body, headers)
        if _is_starting(reply):
            raise PeerError(f"The leader of the group is starting ({leader_url})")
        if reply.status >= 400:
            raise PeerError(reply.refusal[1] or "no reason was given", reply.status)
