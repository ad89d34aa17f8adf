"""A message on its way into a queue: what JMS would say of it, as MQMD and MQRFH2 (spec/mq.md 3.3)."""

from __future__ import annotations

import re
import time
from typing import Final, Literal, NamedTuple

from linkspan.api import DataError
from linkspan_connectors.ibmmq.charsets import encoded
from linkspan_connectors.ibmmq.mqi import constants as mq
from linkspan_connectors.ibmmq.mqi.structures import Descriptor, pack_descriptor
from linkspan_connectors.ibmmq.rfh2 import Property, escaped, folder, property_text, rfh2_bytes

__all__ = ["Body", "Draft", "Packed", "Sending", "expiry_tenths", "is_property_name"]

_LONGEST_EXPIRY_MS: Final = 214_748_364_700
_ID: Final = re.compile(r"ID:((?:[0-9A-Fa-f]{2})*)")
_NAME: Final = re.compile(r"[^\W\d]\w*")
_RESERVED: Final = frozenset({"NULL", "TRUE", "FALSE", "NOT", "AND", "OR", "BETWEEN", "LIKE", "IN", "IS", "ESCAPE"})
_ENCODED_TYPES: Final = {"text": "jms_text", "bytes": "jms_bytes", "none": "jms_none"}

_Number = Literal["report", "msg_type", "msg_flags"]


class Body(NamedTuple):
    """What a builder makes of a value.

    Attributes:
        kind: text, bytes, or none for no body.
        content: a text, or bytes.
    """

    kind: str
    content: str | bytes


class Sending(NamedTuple):
    """What is the same for all messages of a task.

    Attributes:
        queue: where they go.
        has_rfh2: whether they carry an MQRFH2.
        persistent: whether they survive a restart of the queue manager.
        time_to_live: milliseconds, 0 for ever.
        reply: queue and queue manager for answers, or None.
    """

    queue: str
    has_rfh2: bool
    persistent: bool
    time_to_live: int
    reply: tuple[str, str] | None

    @property
    def descriptor(self) -> Descriptor:
        """Descriptor of a message without properties."""
        plain = Descriptor(
            encoding=mq.ENCODING_BIG,
            priority=4,
            persistence=mq.PERSISTENT if self.persistent else mq.NOT_PERSISTENT,
            expiry=expiry_tenths(self.time_to_live),
        )
        if self.reply is None:
            return plain
        queue, manager = self.reply
        return plain._replace(
            msg_type=mq.MT_REQUEST, reply_to_q=queue.encode()[:48], reply_to_qmgr=manager.encode()[:48]
        )


class Packed(NamedTuple):
    """A message as MQPUT takes it.

    Attributes:
        md: packed descriptor.
        data: everything after it.
        keeps_id: whether its MsgId is to be kept; the queue manager makes one otherwise.
    """

    md: bytes
    data: bytes
    keeps_id: bool


def expiry_tenths(milliseconds: int) -> int:
    """Expiry of a descriptor for a time to live: tenths of a second, at least one; -1 for no end."""
    if milliseconds <= 0 or milliseconds >= _LONGEST_EXPIRY_MS:
        return mq.NO_EXPIRY
    return max(1, -(-milliseconds // 100))


def is_property_name(name: str) -> bool:
    """Whether JMS takes it as the name of a user's property, and MQ as that of an element."""
    return _NAME.fullmatch(name) is not None and name.upper() not in _RESERVED and not name.startswith("JMS")


class Draft:
    """A message that is being made: begin with the task's descriptor, change, and pack.

    Args:
        sending: what all messages of the task have in common.
        descriptor: of :attr:`Sending.descriptor`, made once.
    """

    __slots__ = ("_correlation", "_descriptor", "_form", "_sending", "_usr", "keeps_id")

    def __init__(self, sending: Sending, descriptor: Descriptor) -> None:
        self._sending = sending
        self._descriptor = descriptor
        self._form: tuple[bytes | None, int, int] = (None, descriptor.encoding, descriptor.ccsid)
        self._correlation: str | None = None
        self._usr: dict[str, Property] = {}
        self.keeps_id = False

    def set(self, **fields: int | bytes) -> None:
        """Set fields of the descriptor."""
        self._descriptor = self._descriptor._replace(**fields)  # type: ignore[arg-type]  # by name

    def add(self, field: _Number, bits: int) -> None:
        """Set bits of a field of the descriptor."""
        self.set(**{field: getattr(self._descriptor, field) | bits})

    def set_form(self, form: bytes | None = None, *, encoding: int | None = None, ccsid: int | None = None) -> None:
        """Say what the body is, in place of what its kind says."""
        old = self._form
        self._form = (form or old[0], old[1] if encoding is None else encoding, old[2] if ccsid is None else ccsid)

    def correlate(self, identifier: str | bytes) -> None:
        """Set the correlation: 24 bytes, ``ID:`` with hexadecimal digits, or a text of the application.

        Raises:
            DataError: the text cannot be in an MQRFH2.
        """
        if isinstance(identifier, str):
            binary = _ID.fullmatch(identifier)
            if binary is None:
                if self._sending.has_rfh2:
                    escaped(identifier)
                self._correlation = identifier
                identifier = identifier.encode("utf-8", "replace")
            else:
                self._correlation = None
                identifier = bytes.fromhex(binary[1])
        else:
            self._correlation = None
        self.set(correl_id=identifier[:24].ljust(24, b"\0"))

    def join_group(self, *, identifier: str | None = None, sequence: int | None = None) -> None:
        """Make the message one of a group."""
        self.add("msg_flags", mq.MSG_IN_GROUP)
        if sequence is not None:
            self.set(msg_seq_number=sequence)
        if identifier is not None:
            binary = _ID.fullmatch(identifier)
            content = identifier.encode("utf-8", "replace") if binary is None else bytes.fromhex(binary[1])
            self.set(group_id=content[:24].ljust(24, b"\0"))

    def add_property(self, each: Property) -> None:
        """Set a property of the user; raises DataError when JMS does not take its name, or MQ its text."""
        if not is_property_name(each.name):
            raise DataError(f"{each.name!r} cannot be the name of a property of a JMS message")
        if isinstance(each.value, str):
            escaped(each.value)
        self._usr[each.name] = each

    def packed(self, body: Body) -> Packed:
        """The message.

        Raises:
            DataError: its text cannot be written in the CCSID asked for.
        """
        form, encoding, ccsid = self._form
        if form is None:
            form = mq.FORMAT_STRING if body.kind == "text" else mq.FORMAT_NONE
        content = body.content if isinstance(body.content, bytes) else encoded(body.content, ccsid, encoding)
        if not self._sending.has_rfh2:
            descriptor = self._descriptor._replace(format=form, encoding=encoding, ccsid=ccsid)
            return Packed(pack_descriptor(descriptor), content, self.keeps_id)
        header = rfh2_bytes(self._folders(body.kind), form, encoding, ccsid)
        descriptor = self._descriptor._replace(format=mq.FORMAT_RFH2, encoding=mq.ENCODING_BIG, ccsid=mq.CCSID_UTF8)
        return Packed(pack_descriptor(descriptor), header + content, self.keeps_id)

    def _folders(self, kind: str) -> list[str]:
        now = int(time.time() * 1000)
        descriptor, sending = self._descriptor, self._sending
        jms = {"Dst": f"queue:///{sending.queue}"}
        reply = descriptor.reply_to_q.decode("utf-8", "replace").strip("\0 ")
        if reply:
            manager = descriptor.reply_to_qmgr.decode("utf-8", "replace").strip("\0 ")
            jms["Rto"] = f"queue://{manager}/{reply}"
        jms["Tms"] = str(now)
        if descriptor.expiry != mq.NO_EXPIRY:
            jms["Exp"] = str(now + (sending.time_to_live or descriptor.expiry * 100))
        if self._correlation is not None:
            jms["Cid"] = self._correlation
        jms["Dlv"] = "2" if descriptor.persistence == mq.PERSISTENT else "1"
        if descriptor.priority != 4:
            jms["Pri"] = str(descriptor.priority)
        folders = [folder("mcd", {"Msd": _ENCODED_TYPES[kind]}), folder("jms", jms)]
        if self._usr:
            folders.append(f"<usr>{''.join(map(property_text, self._usr.values()))}</usr>")
        return folders
