"""Structures of the MQI, packed as the C client lays them out: 64 bits, the machine's own byte order (spec/mq.md 4.6).

The client writes into the very memory it is given, constants of Python included. Whoever calls with a template gives it
away for good, or a copy: :func:`fresh`.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Mapping
from typing import Final, NamedTuple

from linkspan_connectors.ibmmq.mqi import constants as mq

__all__ = [
    "MD_SIZE",
    "Descriptor",
    "Parameters",
    "channel_definition",
    "connect_options",
    "fresh",
    "get_options",
    "message_descriptor",
    "object_descriptor",
    "pack_descriptor",
    "put_options",
    "security_parameters",
    "tls_options",
    "unpack_descriptor",
]

_GMO_SIZE: Final = 112
_PMO_SIZE: Final = 184
_OD_SIZE: Final = 424
_CNO_SIZE: Final = 272
_CSP_SIZE: Final = 104
_SCO_SIZE: Final = 672
_CD_SIZE: Final = 2000

_CD_SIZE_OF_VERSION_11: Final = 1984
_LARGEST_MESSAGE: Final = 100 << 20
"""What a queue manager takes at most; the channel there may set a lower limit."""

_MD: Final = struct.Struct("=4siiiiiii8sii24s24si48s48s12s32s32si28s8s8s4s24siiii")
MD_SIZE: Final = _MD.size

_Value = int | bytes


class Descriptor(NamedTuple):
    """A message descriptor (MQMD of version 2); texts are padded as MQ pads them."""

    struc_id: bytes = b"MD  "
    version: int = 2
    report: int = 0
    msg_type: int = mq.MT_DATAGRAM
    expiry: int = mq.NO_EXPIRY
    feedback: int = 0
    encoding: int = mq.ENCODING_NATIVE
    ccsid: int = mq.CCSID_UTF8
    format: bytes = mq.FORMAT_NONE
    priority: int = -1
    persistence: int = 2
    msg_id: bytes = b""
    correl_id: bytes = b""
    backout_count: int = 0
    reply_to_q: bytes = b""
    reply_to_qmgr: bytes = b""
    user_identifier: bytes = b""
    accounting_token: bytes = b""
    appl_identity_data: bytes = b""
    put_appl_type: int = 0
    put_appl_name: bytes = b""
    put_date: bytes = b""
    put_time: bytes = b""
    appl_origin_data: bytes = b""
    group_id: bytes = b""
    msg_seq_number: int = 1
    offset: int = 0
    msg_flags: int = 0
    original_length: int = -1


def unpack_descriptor(packed: bytes) -> Descriptor:
    """All fields of a descriptor."""
    return Descriptor._make(_MD.unpack(packed))


def pack_descriptor(descriptor: Descriptor) -> bytes:
    """A new descriptor; texts that are too short are filled with NULs, which MQ takes as blanks."""
    return _MD.pack(*descriptor)


def message_descriptor(**fields: int | bytes) -> bytes:
    """A new descriptor with these fields and defaults."""
    return pack_descriptor(Descriptor(**fields))  # type: ignore[arg-type]  # by name


def fresh(template: bytes) -> bytes:
    """A copy of a structure, in memory of its own."""
    return bytes(bytearray(template))


def _filled(size: int, fields: Mapping[int, _Value]) -> bytearray:
    """A structure with these fields, by their offsets."""
    packed = bytearray(size)
    for offset, value in fields.items():
        if isinstance(value, int):
            struct.pack_into("=i", packed, offset, value)
        else:
            packed[offset : offset + len(value)] = value
    return packed


def get_options(options: int, wait_ms: int = 0, match: int = 0) -> bytes:
    """MQGMO of version 2, for MatchOptions: of any message, unless ``match`` says by which fields of the MQMD."""
    fields: dict[int, _Value] = {0: b"GMO ", 4: 2, 8: options, 12: wait_ms, 72: match, 76: b"   "}
    return bytes(_filled(_GMO_SIZE, fields))


def put_options(options: int, context: int = 0) -> bytes:
    """MQPMO of version 1.

    Args:
        options: as a sum.
        context: handle of the queue whose last message's context is passed on.
    """
    return bytes(_filled(_PMO_SIZE, {0: b"PMO ", 4: 1, 8: options, 12: -1, 16: context}))


def object_descriptor(name: str, kind: int = mq.OT_Q, queue_manager: str = "") -> bytes:
    """MQOD of version 1 for a queue, or the queue manager itself."""
    fields: dict[int, _Value] = {
        0: b"OD  ",
        4: 1,
        8: kind,
        12: _name(name),
        60: _name(queue_manager),
        108: b"AMQ.*".ljust(mq.NAME_LENGTH),
    }
    return bytes(_filled(_OD_SIZE, fields))


def _name(text: str) -> bytes:
    return text.encode()[: mq.NAME_LENGTH].ljust(mq.NAME_LENGTH)


class Parameters:
    """What MQCONNX is called with, and the memory that its pointers point to.

    Attributes:
        options: of the MQCNO.
        application: name shown by the queue manager.
        ccdt_url: of a channel definition table, or None.
        channel: packed MQCD, or None.
        user: user for MQCSP, or None.
        password: its password.
        tls: packed MQSCO, or None.
    """

    def __init__(
        self,
        options: int,
        application: str = "",
        ccdt_url: str | None = None,
        channel: bytes | None = None,
        user: str | None = None,
        password: str = "",
        tls: bytes | None = None,
    ) -> None:
        self.options = options
        self.application = application
        self.ccdt_url = ccdt_url
        self.channel = channel
        self.user = user
        self.password = password
        self.tls = tls
        self._kept: list[object] = []

    def keep(self, content: bytes) -> int:
        """Address of a copy of ``content`` that lives as long as this object."""
        buffer = ctypes.create_string_buffer(content, max(len(content), 1))
        self._kept.append(buffer)
        return ctypes.addressof(buffer)

    def packed_options(self) -> bytearray:
        """MQCNO, without the pointers to other structures."""
        return connect_options(self)


def connect_options(parameters: Parameters) -> bytearray:
    """MQCNO: version 7 names the application; the pointers to MQCD, MQSCO and MQCSP are left to the caller."""
    name = parameters.application.encode()[:28].ljust(28)
    packed = _filled(_CNO_SIZE, {0: b"CNO ", 4: 7, 8: parameters.options, 224: name})
    if parameters.ccdt_url is not None:
        url = parameters.ccdt_url.encode()
        struct.pack_into("=Qii", packed, 200, parameters.keep(url), 0, len(url))
    return packed


def security_parameters(parameters: Parameters) -> bytes | None:
    """MQCSP with user and password, or None without a user."""
    if parameters.user is None:
        return None
    user, password = parameters.user.encode(), parameters.password.encode()
    packed = _filled(_CSP_SIZE, {0: b"CSP ", 4: 1, 8: mq.AUTH_USER_ID_AND_PWD})
    struct.pack_into("=Qii", packed, 16, parameters.keep(user), 0, len(user))
    struct.pack_into("=Qii", packed, 40, parameters.keep(password), 0, len(password))
    return bytes(packed)


def tls_options(parameters: Parameters, repository: str, password: str | None = None, label: str = "") -> bytes:
    """MQSCO: version 5, or 6 with a password of the key repository."""
    fields: dict[int, _Value] = {
        0: b"SCO ",
        4: 5 if password is None else 6,
        8: repository.encode()[:256],
        544: struct.pack("=iiii", 1, 0, 0, 0),
        564: label.encode()[:64].ljust(64),
    }
    packed = _filled(_SCO_SIZE, fields)
    if password is not None:
        secret = password.encode()
        struct.pack_into("=Qii", packed, 632, parameters.keep(secret), 0, len(secret))
    return bytes(packed)


def channel_definition(
    parameters: Parameters,
    name: str,
    connection: str,
    *,
    cipher: str = "",
    peer: str = "",
    label: str = "",
    heartbeat: int = 300,
    user: str = "",
    password: str = "",
) -> bytes:
    """MQCD of version 11: a client connection over TCP that has its socket for itself.

    Args:
        parameters: keep what the structure points to.
        name: of the channel.
        connection: ``host(port)``, or several with commas.
        cipher: CipherSpec, empty for none.
        peer: pattern of the queue manager's distinguished name, empty for any.
        label: of the client's certificate, empty for the default one.
        heartbeat: seconds.
        user: of a queue manager that knows no MQCSP.
        password: its password.
    """
    fields: dict[int, _Value] = {
        0: name.encode()[:20].ljust(20),
        20: 11,
        24: mq.CHANNEL_CLNTCONN,
        28: mq.TRANSPORT_TCP,
        844: _LARGEST_MESSAGE,
        1020: 1,
        1024: connection.encode()[:264].ljust(264),
        1288: user.encode()[:12].ljust(12),
        1300: password.encode()[:12].ljust(12),
        1480: heartbeat,
        1492: _CD_SIZE_OF_VERSION_11,
        1688: cipher.encode()[:32].ljust(32),
        1736: -1,
        1792: struct.pack("=2i", 0, -1),
        1800: struct.pack("=16i", 0, *[-1] * 15),
        1884: 1,
        1892: 999_999_999,
        1896: 999_999_999,
        1904: 1,
        1920: label.encode()[:64].ljust(64),
    }
    packed = _filled(_CD_SIZE, fields)
    if peer:
        text = peer.encode()
        struct.pack_into("=Qi", packed, 1720, parameters.keep(text), len(text))
    return bytes(packed)
