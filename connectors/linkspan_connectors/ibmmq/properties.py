"""Properties that JMS knows of a received message, as headers of a record (spec/mq.md 1.7)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from linkspan.api import Header, Headers, Schema, schema
from linkspan_connectors.ibmmq.charsets import charset_name
from linkspan_connectors.ibmmq.mqi import constants as mq
from linkspan_connectors.ibmmq.mqi.structures import Descriptor
from linkspan_connectors.ibmmq.received import Received

__all__ = ["record_headers"]

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


def record_headers(message: Received, *, with_descriptor: bool) -> Headers:
    """All properties of a message.

    Args:
        message: whose.
        with_descriptor: whether the fields of the descriptor are among them (``mq.message.mqmd.read``).

    Raises:
        DataError: a header of the message is broken.
    """
    headers = Headers()
    rfh2 = message.content.rfh2
    if rfh2 is not None:
        headers += [Header(name, value, kind) for name, value, kind in rfh2.properties]
    headers += _of_jms(message)
    if with_descriptor:
        headers += _of_descriptor(message)
    return headers


def _text(data: bytes) -> str:
    """A text field with its blanks; MQ may fill with NULs instead."""
    return data.replace(b"\0", b" ").decode("utf-8", "replace")


def _number(name: str, value: int) -> Header:
    return Header(name, value, schema.INT32)


def _string(name: str, value: str | None, kind: Schema = schema.STRING) -> Header:
    return Header(name, value, kind)


def _of_jms(message: Received) -> Iterator[Header]:
    descriptor, content = message.descriptor, message.content
    yield _number("JMSXDeliveryCount", descriptor.backout_count + 1)
    yield _string("JMSXUserID", _text(descriptor.user_identifier))
    yield _string("JMSXAppID", _text(descriptor.put_appl_name))
    group = message.group_id
    if group is not None:
        yield _string("JMSXGroupID", group)
    sequence = message.group_sequence
    if sequence is not None:
        yield _number("JMSXGroupSeq", sequence)
    yield _string("JMS_IBM_Format", _text(content.format))
    yield _number("JMS_IBM_MsgType", descriptor.msg_type)
    yield _string("JMS_IBM_Character_Set", charset_name(content.ccsid))
    yield _number("JMS_IBM_Encoding", content.encoding)
    yield _string("JMS_IBM_PutDate", _text(descriptor.put_date))
    yield _string("JMS_IBM_PutTime", _text(descriptor.put_time))
    yield _number("JMS_IBM_PutApplType", descriptor.put_appl_type)
    yield from _of_reports(descriptor)


def _of_reports(descriptor: Descriptor) -> Iterator[Header]:
    for name, bits in _REPORTS:
        value = descriptor.report & bits
        if value:
            yield _number(f"JMS_IBM_Report_{name}", value)
    if descriptor.feedback:
        yield _number("JMS_IBM_Feedback", descriptor.feedback)
    if descriptor.msg_flags & mq.LAST_MSG_IN_GROUP:
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
