"""Properties that JMS knows of a received message, as headers of a record (spec/mq.md 1.7)."""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from linkspan.api import DataError, Header, Headers, Schema, schema
from linkspan_connectors.ibmmq.charsets import charset_name
from linkspan_connectors.ibmmq.mqi import constants as mq
from linkspan_connectors.ibmmq.received import IN_GROUP, Received
from linkspan_connectors.ibmmq.rfh2 import Rfh2, header_of

__all__ = ["record_headers"]

log = logging.getLogger(__name__)

_REPORTS: Final = (
    ("Exception", 0x0700_0000),
    ("Expiration", 0x00E0_0000),
    ("COA", 0x0700),
    ("COD", 0x3800),
    ("PAN", 0x1),
    ("NAN", 0x2),
    ("Pass_Msg_ID", 0x80),
    ("Pass_Correl_ID", 0x40),
    ("Discard_Msg", mq.RO_DISCARD_MSG),
)
"""Property after ``JMS_IBM_Report_``, and the bits of Report that it has as its value."""

_NUMBERS: Final = (
    ("Report", "report"),
    ("MsgType", "msg_type"),
    ("Expiry", "expiry"),
    ("Feedback", "feedback"),
    ("Encoding", "encoding"),
    ("CodedCharSetId", "ccsid"),
    ("Priority", "priority"),
    ("Persistence", "persistence"),
    ("BackoutCount", "backout_count"),
    ("PutApplType", "put_appl_type"),
    ("MsgSeqNumber", "msg_seq_number"),
    ("Offset", "offset"),
    ("MsgFlags", "msg_flags"),
    ("OriginalLength", "original_length"),
)
_TEXTS: Final = (
    ("Format", "format"),
    ("ReplyToQ", "reply_to_q"),
    ("ReplyToQMgr", "reply_to_qmgr"),
    ("UserIdentifier", "user_identifier"),
    ("ApplIdentityData", "appl_identity_data"),
    ("PutApplName", "put_appl_name"),
    ("PutDate", "put_date"),
    ("PutTime", "put_time"),
    ("ApplOriginData", "appl_origin_data"),
)
_BYTES: Final = (("AccountingToken", "accounting_token"), ("GroupId", "group_id"))


def record_headers(message: Received, *, is_jms: bool, with_descriptor: bool) -> Headers:
    """All properties of a message, each once.

    Args:
        message: whose.
        is_jms: whether its body is taken as JMS takes it; format, encoding and character set are those of the whole
            message otherwise, of which an MQRFH2 is a part.
        with_descriptor: whether the fields of the descriptor are among them (``mq.message.mqmd.read``).

    Raises:
        DataError: a header of the message is broken.
    """
    md, rfh2 = message.md, message.content.rfh2
    own: Sequence[Header] = () if rfh2 is None or not rfh2.properties else _of_application(message, rfh2)
    described = message.content if is_jms else message.descriptor
    sender, form, rest, in_group = _of_jms(
        md[8:16] + md[20:24] + md[96:100] + md[196:208] + md[272:312] + md[356:360],
        described.format,
        described.encoding,
        described.ccsid,
    )
    headers = Headers(own)
    headers += sender
    if in_group or (rfh2 is not None and ("Gid" in rfh2.fields or "Seq" in rfh2.fields)):
        headers += _of_group(message)
    headers += form
    headers.append(_string("JMS_IBM_PutTime", _text(md[312:320])))
    headers += rest
    if with_descriptor:
        headers += _of_descriptor(message)
    if any([header.key.startswith("JMS") for header in own]):  # noqa: C419 - faster than a generator
        return Headers({header.key: header for header in headers}.values())
    return headers


def _of_application(message: Received, rfh2: Rfh2) -> list[Header]:
    found = []
    for element in rfh2.properties:
        try:
            found.append(header_of(element))
        except DataError as error:
            log.warning("A property of message %s is left out: %s", message.message_id, error.message)
    return found


def _text(data: bytes) -> str:
    """A text field with its blanks; MQ may fill with NULs instead."""
    return data.replace(b"\0", b" ").decode("utf-8", "replace")


def _number(name: str, value: int) -> Header:
    return Header(name, value, schema.INT32)


def _string(name: str, value: str | None, kind: Schema = schema.STRING) -> Header:
    return Header(name, value, kind)


class _OfJms(NamedTuple):
    """Headers that are before those of a group, between these and JMS_IBM_PutTime, and behind that."""

    sender: Sequence[Header]
    form: Sequence[Header]
    rest: Sequence[Header]
    in_group: bool


_FIELDS: Final = struct.Struct("=iiii12si28s8si")
"""Report, MsgType, Feedback, BackoutCount, UserIdentifier, PutApplType, PutApplName, PutDate, MsgFlags."""


@lru_cache(maxsize=128)
def _of_jms(fields: bytes, form: bytes, encoding: int, ccsid: int) -> _OfJms:
    """By all that these headers depend on, which the messages of an application have in common."""
    report, msg_type, feedback, backouts, user, kind, application, date, flags = _FIELDS.unpack(fields)
    return _OfJms(
        (
            _number("JMSXDeliveryCount", backouts + 1),
            _string("JMSXUserID", _text(user)),
            _string("JMSXAppID", _text(application)),
        ),
        (
            _string("JMS_IBM_Format", _text(form)),
            _number("JMS_IBM_MsgType", msg_type),
            _string("JMS_IBM_Character_Set", charset_name(ccsid)),
            _number("JMS_IBM_Encoding", encoding),
            _string("JMS_IBM_PutDate", _text(date)),
        ),
        (_number("JMS_IBM_PutApplType", kind), *_of_reports(report, feedback, flags)),
        bool(flags & IN_GROUP),
    )


def _of_group(message: Received) -> Iterator[Header]:
    group, sequence = message.group_id, message.group_sequence
    if group is not None:
        yield _string("JMSXGroupID", group)
    if sequence is not None:
        yield _number("JMSXGroupSeq", sequence)


def _of_reports(report: int, feedback: int, flags: int) -> Iterator[Header]:
    for name, bits in _REPORTS:
        value = report & bits
        if value:
            yield _number(f"JMS_IBM_Report_{name}", value)
    if feedback:
        yield _number("JMS_IBM_Feedback", feedback)
    if flags & mq.LAST_MSG_IN_GROUP:
        yield Header("JMS_IBM_Last_Msg_In_Group", True, schema.BOOLEAN)


def _of_descriptor(message: Received) -> Iterator[Header]:
    descriptor = message.descriptor
    for name, field in _NUMBERS:
        yield _number(f"JMS_IBM_MQMD_{name}", getattr(descriptor, field))
    for name, field in _TEXTS:
        yield _string(f"JMS_IBM_MQMD_{name}", _text(getattr(descriptor, field)))
    for name, field in _BYTES:
        yield Header(f"JMS_IBM_MQMD_{name}", getattr(descriptor, field), schema.BYTES)
    # these two are not the bytes of the descriptor, but what JMS makes of them
    yield _string("JMS_IBM_MQMD_MsgId", message.message_id)
    correlation = message.correlation_id
    kind = schema.STRING if correlation is not None else schema.OPTIONAL_STRING
    yield _string("JMS_IBM_MQMD_CorrelId", correlation, kind)
