"""Headers of a record as properties of a message: which goes where, and what it may be (spec/mq.md 2.6)."""

from __future__ import annotations

import base64
import binascii
import logging
import math
from collections.abc import Callable, Mapping
from typing import Final

from linkspan.api import DataError, Header, Headers, Schema, schema
from linkspan.api.schema import Type
from linkspan.api.text import java_text
from linkspan_connectors.ibmmq.charsets import ccsid_of
from linkspan_connectors.ibmmq.mqi import constants as mq
from linkspan_connectors.ibmmq.outgoing import Draft
from linkspan_connectors.ibmmq.rfh2 import Property

__all__ = ["copy_headers", "property_of"]

log = logging.getLogger(__name__)

_MQMD: Final = "JMS_IBM_MQMD_"
_Setter = Callable[[Draft, object], None]


def copy_headers(headers: Headers, draft: Draft, *, writes_descriptor: bool) -> None:
    """Set properties of a message; a header that cannot be one is skipped with a warning.

    Args:
        headers: of the record.
        draft: the message.
        writes_descriptor: whether headers may set the fields of the descriptor (``mq.message.mqmd.write``).
    """
    for header in headers:
        try:
            _copy(header, draft, writes_descriptor=writes_descriptor)
        except DataError as error:
            log.warning("A header is left out of the message, %s: %s", header.key, error.message)


def _copy(header: Header, draft: Draft, *, writes_descriptor: bool) -> None:
    name = header.key
    if name in _WITHOUT_EFFECT:
        return
    if name.startswith(_MQMD):
        setter = _DESCRIPTOR.get(name.removeprefix(_MQMD))
        if setter is None:
            raise DataError(f"{name} is no property of JMS")
        allowed = writes_descriptor or name == "JMS_IBM_MQMD_CorrelId"
        if allowed and header.value is not None:
            setter(draft, header.value)
        return
    special = _JMS.get(name)
    if special is None:
        draft.add_property(property_of(header))
    elif header.value is not None:
        special(draft, header.value)


def property_of(header: Header) -> Property:
    """A user's property of a header: numbers, truth values and texts as they are, everything else as its text."""
    name, value, kind = header
    if value is None:
        return Property(name, None, schema.OPTIONAL_STRING)
    if isinstance(value, bool):
        return Property(name, value, schema.BOOLEAN)
    if isinstance(value, int) and (kind is None or kind.type in _WHOLE):
        return Property(name, value, _plain(kind, schema.INT64))
    if isinstance(value, float):
        return Property(name, value, _plain(kind, schema.FLOAT64))
    return Property(name, value if isinstance(value, str) else java_text(value, kind), schema.STRING)


_WHOLE: Final = frozenset({Type.INT8, Type.INT16, Type.INT32, Type.INT64})


def _plain(kind: Schema | None, default: Schema) -> Schema:
    return default if kind is None else kind


# --- what a value may be --------------------------------------------------------------------------------------------


def _int(value: object) -> int:
    number: int | None = None
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        number = int(value)
    elif isinstance(value, str):
        try:
            number = int(value.strip())
        except ValueError:
            number = None
    if number is None or not -(1 << 31) <= number < 1 << 31:
        raise DataError("its value is not a whole number of 32 bits")
    return number


def _bool(value: object) -> bool:
    text = str(value).strip().lower()
    if text not in ("true", "false", "1", "0"):
        raise DataError("its value is neither true nor false")
    return text in ("true", "1")


def _bytes(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return base64.b64decode(java_text(value), validate=True)
    except (binascii.Error, ValueError) as error:
        raise DataError("its value is neither bytes nor base64") from error


def _padded(size: int) -> Callable[[object], bytes]:
    def text(value: object) -> bytes:
        return java_text(value).encode("utf-8", "replace")[:size].ljust(size)

    return text


def _binary(size: int) -> Callable[[object], bytes]:
    def content(value: object) -> bytes:
        return _bytes(value)[:size].ljust(size, b"\0")

    return content


# --- where it goes --------------------------------------------------------------------------------------------------


def _field(name: str, convert: Callable[[object], int | bytes]) -> _Setter:
    def setter(draft: Draft, value: object) -> None:
        draft.set(**{name: convert(value)})

    return setter


def _report(bits: int) -> _Setter:
    def setter(draft: Draft, value: object) -> None:
        draft.add("report", _int(value) & bits)

    return setter


def _message_id(draft: Draft, value: object) -> None:
    if isinstance(value, bytes):
        content = value
    else:
        text = java_text(value)
        try:
            content = bytes.fromhex(text.removeprefix("ID:"))
        except ValueError as error:
            raise DataError("its value is no message id: ID: and hexadecimal digits") from error
    draft.set(msg_id=content[:24].ljust(24, b"\0"))
    draft.keeps_id = True


def _correlation(draft: Draft, value: object) -> None:
    draft.correlate(value if isinstance(value, bytes) else java_text(value))


def _format(draft: Draft, value: object) -> None:
    draft.set_form(_padded(8)(value))


def _encoding(draft: Draft, value: object) -> None:
    draft.set_form(encoding=_int(value))


def _ccsid(draft: Draft, value: object) -> None:
    found = ccsid_of(java_text(value))
    if found is None:
        raise DataError("its value is no CCSID and no name of a character set")
    draft.set_form(ccsid=found)


def _group(draft: Draft, value: object) -> None:
    draft.join_group(identifier=java_text(value))


def _sequence(draft: Draft, value: object) -> None:
    draft.join_group(sequence=_int(value))


def _last_in_group(draft: Draft, value: object) -> None:
    if _bool(value):
        draft.add("msg_flags", mq.LAST_MSG_IN_GROUP)


def _nothing(_draft: Draft, _value: object) -> None:
    """The count of backouts is never set."""


_WITHOUT_EFFECT: Final = frozenset(
    {
        "JMSXUserID",
        "JMSXAppID",
        "JMSXDeliveryCount",
        "JMS_IBM_PutDate",
        "JMS_IBM_PutTime",
        "JMS_IBM_PutApplType",
    }
)
"""The queue manager sets these when somebody receives the message."""

_DESCRIPTOR: Final[Mapping[str, _Setter]] = {
    "Report": _field("report", _int),
    "MsgType": _field("msg_type", _int),
    "Expiry": _field("expiry", _int),
    "Feedback": _field("feedback", _int),
    "Encoding": _encoding,
    "CodedCharSetId": _ccsid,
    "Format": _format,
    "Priority": _field("priority", _int),
    "Persistence": _field("persistence", _int),
    "MsgId": _message_id,
    "CorrelId": _correlation,
    "BackoutCount": _nothing,
    "ReplyToQ": _field("reply_to_q", _padded(48)),
    "ReplyToQMgr": _field("reply_to_qmgr", _padded(48)),
    "UserIdentifier": _field("user_identifier", _padded(12)),
    "AccountingToken": _field("accounting_token", _binary(32)),
    "ApplIdentityData": _field("appl_identity_data", _padded(32)),
    "PutApplType": _field("put_appl_type", _int),
    "PutApplName": _field("put_appl_name", _padded(28)),
    "PutDate": _field("put_date", _padded(8)),
    "PutTime": _field("put_time", _padded(8)),
    "ApplOriginData": _field("appl_origin_data", _padded(4)),
    "GroupId": _field("group_id", _binary(24)),
    "MsgSeqNumber": _field("msg_seq_number", _int),
    "Offset": _field("offset", _int),
    "MsgFlags": _field("msg_flags", _int),
    "OriginalLength": _field("original_length", _int),
}
_JMS: Final[Mapping[str, _Setter]] = {
    "JMS_IBM_Report_Exception": _report(0x0700_0000),
    "JMS_IBM_Report_Expiration": _report(0x00E0_0000),
    "JMS_IBM_Report_COA": _report(0x0700),
    "JMS_IBM_Report_COD": _report(0x3800),
    "JMS_IBM_Report_PAN": _report(0x1),
    "JMS_IBM_Report_NAN": _report(0x2),
    "JMS_IBM_Report_Pass_Msg_ID": _report(0x80),
    "JMS_IBM_Report_Pass_Correl_ID": _report(0x40),
    "JMS_IBM_Report_Discard_Msg": _report(mq.RO_DISCARD_MSG),
    "JMS_IBM_MsgType": _field("msg_type", _int),
    "JMS_IBM_Feedback": _field("feedback", _int),
    "JMS_IBM_Last_Msg_In_Group": _last_in_group,
    "JMS_IBM_Format": _format,
    "JMS_IBM_Encoding": _encoding,
    "JMS_IBM_Character_Set": _ccsid,
    "JMSXGroupID": _group,
    "JMSXGroupSeq": _sequence,
}
