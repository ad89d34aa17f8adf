"""Properties that JMS knows of a received message, as headers of a record (spec/mq.md 1.7)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Final

from linkspan.api import DataError, Header, Headers, Schema, schema
from linkspan_connectors.ibmmq.charsets import charset_name
from linkspan_connectors.ibmmq.mqi import constants as mq
from linkspan_connectors.ibmmq.mqi.structures import Descriptor
from linkspan_connectors.ibmmq.received import Received
from linkspan_connectors.ibmmq.rfh2 import property_of

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
    found: dict[str, Header] = {}
    rfh2 = message.content.rfh2
    for element in () if rfh2 is None else rfh2.properties:
        try:
            found[element.name] = Header(*property_of(element))
        except DataError as error:
            log.warning("A property of message %s is left out: %s", message.message_id, error.message)
    found.update((header.key, header) for header in _of_jms(message, is_jms=is_jms))
    if with_descriptor:
        found.update((header.key, header) for header in _of_descriptor(message))
    return Headers(found.values())


def _text(data: bytes) -> str:
    """A text field with its blanks; MQ may fill with NULs instead."""
    return data.replace(b"\0", b" ").decode("utf-8", "replace")


def _number(name: str, value: int) -> Header:
    return Header(name, value, schema.INT32)


def _string(name: str, value: str | None, kind: Schema = schema.STRING) -> Header:
    return Header(name, value, kind)


def _of_jms(message: Received, *, is_jms: bool) -> Iterator[Header]:
    descriptor = message.descriptor
    described = message.content if is_jms else descriptor
    yield _number("JMSXDeliveryCount", descriptor.backout_count + 1)
    yield _string("JMSXUserID", _text(descriptor.user_identifier))
    yield _string("JMSXAppID", _text(descriptor.put_appl_name))
    group = message.group_id
    if group is not None:
        yield _string("JMSXGroupID", group)
    sequence = message.group_sequence
    if sequence is not None:
        yield _number("JMSXGroupSeq", sequence)
    yield _string("JMS_IBM_Format", _text(described.format))
    yield _number("JMS_IBM_MsgType", descriptor.msg_type)
    yield _string("JMS_IBM_Character_Set", charset_name(described.ccsid))
    yield _number("JMS_IBM_Encoding", described.encoding)
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
