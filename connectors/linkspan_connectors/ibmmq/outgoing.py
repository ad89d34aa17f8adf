"""A message on its way into a queue: what JMS would say of it, as MQMD and MQRFH2 (spec/mq.md 3.3)."""

from __future__ import annotations

import re
import time
from functools import lru_cache
from typing import Final, Literal, NamedTuple
from unicodedata import category

from linkspan.api import DataError
from linkspan_connectors.ibmmq.charsets import encoded
from linkspan_connectors.ibmmq.folders import escaped
from linkspan_connectors.ibmmq.mqi import constants as mq
from linkspan_connectors.ibmmq.mqi.structures import Descriptor, pack_descriptor
from linkspan_connectors.ibmmq.rfh2 import Property, folder, property_text, rfh2_bytes

__all__ = ["Body", "Draft", "Packed", "Sending", "expiry_tenths", "is_property_name"]

_NOTHING: Final = bytes(24)
_LONGEST_EXPIRY_MS: Final = 214_748_364_700
_ID: Final = re.compile(r"ID:((?:[0-9A-Fa-f]{2})*)")
_BEGINS_NAME: Final = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Nl", "Sc", "Pc"})
_IN_NAME: Final = _BEGINS_NAME | {"Mn", "Mc", "Nd"}
"""Categories of characters in identifiers of Java: letters, currency signs and connectors; then digits and marks."""
_LAST_BASIC: Final = "\uffff"
_ENCODED_TYPES: Final = {"text": "jms_text", "bytes": "jms_bytes", "none": "jms_none"}

_CONTEXTS: Final = {"identity": 1, "all": 2}

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
        context: what headers may set of the descriptor: None for nothing, empty for what needs no right, ``identity``,
            or ``all``.
    """

    queue: str
    has_rfh2: bool
    persistent: bool
    time_to_live: int
    reply: tuple[str, str] | None
    context: str | None = None

    @property
    def destination(self) -> str:
        """Destination as JMS names it, with what differs from the defaults of a queue of JMS."""
        options = ["messageBody=0"]
        if self.context:
            options.append(f"mdMessageContext={_CONTEXTS[self.context]}")
        if self.context is not None:
            options.append("mdWriteEnabled=true")
        return f"queue:///{self.queue}?{'&'.join(options)}"

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
    """Expiry of a descriptor for a time to live: whole tenths of a second, at least one; -1 for no end."""
    if milliseconds <= 0 or milliseconds >= _LONGEST_EXPIRY_MS:
        return mq.NO_EXPIRY
    return max(1, milliseconds // 100)


@lru_cache(maxsize=4096)
def is_property_name(name: str) -> bool:
    """Whether JMS takes it as the name of a user's property: as Java takes identifiers, without the prefix ``JMS``."""
    if not name or name.startswith("JMS") or max(name) > _LAST_BASIC:
        return False
    kinds = [category(character) for character in name]
    return kinds[0] in _BEGINS_NAME and _IN_NAME.issuperset(kinds)


def _binary(identifier: str) -> bytes:
    """Bytes of an identifier, as JMS takes it for that of a message."""
    if not identifier.startswith("ID:"):
        return identifier.encode("utf-8", "replace")
    found = _ID.fullmatch(identifier)
    if found is None:
        raise DataError("Behind ID: there have to be pairs of hexadecimal digits")
    return bytes.fromhex(found[1])


@lru_cache(maxsize=64)
def _packed(descriptor: Descriptor, form: bytes, encoding: int, ccsid: int) -> bytes:
    """A descriptor before something of this format; most messages of a task have the same one."""
    return pack_descriptor(descriptor._replace(format=form, encoding=encoding, ccsid=ccsid))


@lru_cache(maxsize=8)
def _type_folder(kind: str) -> str:
    return folder("mcd", {"Msd": _ENCODED_TYPES[kind]})


class Draft:
    """A message that is being made: begin with the task's descriptor, change, and pack.

    Args:
        sending: what all messages of the task have in common.
        descriptor: of :attr:`Sending.descriptor`, made once.
    """

    __slots__ = ("_correlation", "_descriptor", "_form", "_group", "_sending", "_sequence", "_usr", "keeps_id")

    def __init__(self, sending: Sending, descriptor: Descriptor) -> None:
        self._sending = sending
        self._descriptor = descriptor
        self._form: tuple[bytes | None, int, int] = (None, descriptor.encoding, descriptor.ccsid)
        self._correlation: str | None = None
        self._group: str | None = None
        self._sequence: int | None = None
        self._usr: dict[str, str] = {}
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
            DataError: the text cannot be in an MQRFH2, or there is something else behind ``ID:``.
        """
        if isinstance(identifier, bytes):
            text, binary = f"ID:{identifier.hex()}", identifier
        else:
            text, binary = identifier, _binary(identifier)
        if self._sending.has_rfh2:
            escaped(text)
        self._correlation = None if identifier == _NOTHING else text
        self.set(correl_id=binary[:24].ljust(24, b"\0"))

    def join_group(self, *, identifier: str | None = None, sequence: int | None = None) -> None:
        """Make the message one of a group; raises as :meth:`correlate`."""
        if sequence is not None:
            self._sequence = sequence
            self.set(msg_seq_number=sequence)
        if identifier is not None:
            binary = _binary(identifier)
            if self._sending.has_rfh2:
                escaped(identifier)
            self._group = identifier
            self.set(group_id=binary[:24].ljust(24, b"\0"))
        self.add("msg_flags", mq.MSG_IN_GROUP)

    def add_property(self, each: Property) -> None:
        """Set a property of the user; raises DataError when JMS does not take its name, or MQ its text."""
        if not is_property_name(each.name):
            raise DataError(f"{each.name!r} cannot be the name of a property of a JMS message")
        self._usr[each.name] = property_text(each)

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
            return Packed(_packed(self._descriptor, form, encoding, ccsid), content, self.keeps_id)
        header = rfh2_bytes(self._folders(body.kind), form, encoding, ccsid)
        md = _packed(self._descriptor, mq.FORMAT_RFH2, mq.ENCODING_BIG, mq.CCSID_UTF8)
        return Packed(md, header + content, self.keeps_id)

    def _folders(self, kind: str) -> list[str]:
        """What the task asks for; what headers set in the descriptor is not repeated here."""
        now = int(time.time() * 1000)
        sending = self._sending
        jms = {"Dst": sending.destination}
        if sending.reply is not None:
            queue, manager = sending.reply
            jms["Rto"] = f"queue://{manager}/{queue}"
        jms["Tms"] = str(now)
        if sending.time_to_live:
            jms["Exp"] = str(now + sending.time_to_live)
        if self._correlation is not None:
            jms["Cid"] = self._correlation
        if not sending.persistent:
            jms["Dlv"] = "1"
        if self._group is not None:
            jms["Gid"] = self._group
        if self._sequence is not None:
            jms["Seq"] = str(self._sequence)
        folders = [_type_folder(kind), folder("jms", jms)]
        if self._usr:
            folders.append(f"<usr>{''.join(self._usr.values())}</usr>")
        return folders
