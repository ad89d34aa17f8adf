"""A queue manager that is running somewhere: what ``--mq-url`` says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

__all__ = ["MqUrl"]


@dataclass(frozen=True, slots=True)
class MqUrl:
    """Where it is and what tests may use there; they empty its queues.

    Attributes:
        name: of the queue manager.
        address: ``host(port)``.
        channel: a server connection channel.
        user: None for a connection without credentials.
        password: of the user.
        queues: local queues, at least two.
    """

    name: str
    address: str
    channel: str
    user: str | None
    password: str
    queues: tuple[str, ...]

    @classmethod
    def read(cls, text: str) -> Self:
        """From ``mq://user:password@host:port/QMGR/CHANNEL?queues=A,B``.

        Raises:
            ValueError: a part is missing.
        """
        url = urlsplit(text)
        path = [unquote(part) for part in url.path.strip("/").split("/")]
        queues = tuple(parse_qs(url.query).get("queues", [""])[0].split(","))
        if url.scheme != "mq" or not url.hostname or len(path) != 2 or len(queues) < 2:
            raise ValueError("--mq-url is mq://user:password@host:port/QMGR/CHANNEL?queues=A,B with two queues or more")
        user = None if url.username is None else unquote(url.username)
        address = f"{url.hostname}({url.port or 1414})"
        return cls(path[0], address, path[1], user, unquote(url.password or ""), queues)
