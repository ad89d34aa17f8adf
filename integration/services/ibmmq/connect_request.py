"""What an application said when it connected."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

__all__ = ["ChannelDefinition", "ConnectRequest", "TlsOptions"]

_OPTIONS: Final = 8


@dataclass(frozen=True, slots=True)
class ChannelDefinition:
    """The fields of an MQCD that a client connection has."""

    channel: str
    version: int
    channel_type: int
    transport_type: int
    max_message_length: int
    connection_name: str
    remote_user: str
    remote_password: str
    heartbeat_interval: int
    cipher_spec: str
    sharing_conversations: int
    certificate_label: str

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """From the 2000 bytes of the structure."""
        return cls(
            _text(data, 0, 20),
            _number(data, 20),
            _number(data, 24),
            _number(data, 28),
            _number(data, 844),
            _text(data, 1024, 264),
            _text(data, 1288, 12),
            _text(data, 1300, 12),
            _number(data, 1480),
            _text(data, 1688, 32),
            _number(data, 1884),
            _text(data, 1920, 64),
        )


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """The fields of an MQSCO that matter."""

    version: int
    key_repository: str
    certificate_label: str

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """From the 672 bytes of the structure."""
        return cls(_number(data, 4), _text(data, 8, 256), _text(data, 564, 64))


@dataclass(frozen=True, slots=True)
class ConnectRequest:
    """An MQCONNX: the structures, and the texts they point to.

    Attributes:
        queue_manager: name that was asked for.
        application: name of the application.
        version: of the MQCNO.
        options: of the MQCNO.
        channel: the MQCD, if there was one.
        tls: the MQSCO, if there was one.
        authentication_type: of the MQCSP; None without one.
        user: of the MQCSP.
        password: of the MQCSP.
        token: of the MQCSP.
        ccdt_url: of the MQCNO.
        peer_name: of the MQCD.
        key_password: of the MQSCO.
    """

    queue_manager: str
    application: str
    version: int
    options: int
    channel: ChannelDefinition | None
    tls: TlsOptions | None
    authentication_type: int | None
    user: bytes | None
    password: bytes | None
    token: bytes | None
    ccdt_url: str | None
    peer_name: str | None
    key_password: bytes | None

    @classmethod
    def read(cls, answer: Mapping[str, str]) -> Self:
        """From the answer of the stand-in."""
        parts = {key: bytes.fromhex(value) for key, value in answer.items()}
        return cls(
            _text(parts["queue-manager"], 0, 48),
            _text(parts["application"], 0, 28),
            _number(parts["cno"], 4),
            _number(parts["cno"], _OPTIONS),
            ChannelDefinition.unpack(parts["cd"]) if "cd" in parts else None,
            TlsOptions.unpack(parts["sco"]) if "sco" in parts else None,
            _number(parts["csp"], 8) if "csp" in parts else None,
            parts.get("user"),
            parts.get("password"),
            parts.get("token"),
            _decoded(parts.get("ccdt-url")),
            _decoded(parts.get("peer-name")),
            parts.get("key-password"),
        )


def _text(data: bytes, offset: int, width: int) -> str:
    return data[offset : offset + width].split(b"\0", 1)[0].rstrip(b" ").decode("latin-1")


def _number(data: bytes, offset: int) -> int:
    (number,) = struct.unpack_from("<i", data, offset)
    return int(number)


def _decoded(value: bytes | None) -> str | None:
    return None if value is None else value.decode()
