"""Numbers of the MQI, under their names without the prefix that says what they belong to (spec/mq.md 3 and 4.6)."""

from __future__ import annotations

import sys
from typing import Final

OK: Final = 0
WARNING: Final = 1
FAILED: Final = 2

# connecting
CLIENT_BINDING: Final = 0x800
LOCAL_BINDING: Final = 0x400
HANDLE_SHARE_BLOCK: Final = 0x40
RECONNECT_AS_DEF: Final = 0
RECONNECT: Final = 0x0100_0000
RECONNECT_DISABLED: Final = 0x0200_0000
RECONNECT_Q_MGR: Final = 0x0400_0000
TRANSPORT_TCP: Final = 2
CHANNEL_CLNTCONN: Final = 6
AUTH_USER_ID_AND_PWD: Final = 1

# opening
OT_Q: Final = 1
OT_Q_MGR: Final = 5
INPUT_AS_Q_DEF: Final = 0x1
INPUT_EXCLUSIVE: Final = 0x4
OPEN_BROWSE: Final = 0x8
OUTPUT: Final = 0x10
INQUIRE: Final = 0x20
SAVE_ALL_CONTEXT: Final = 0x80
OPEN_SET_IDENTITY_CONTEXT: Final = 0x400
OPEN_SET_ALL_CONTEXT: Final = 0x800
OPEN_PASS_ALL_CONTEXT: Final = 0x200
OPEN_FAIL_IF_QUIESCING: Final = 0x2000
BIND_NOT_FIXED: Final = 0x8000

# getting
GET_WAIT: Final = 0x1
GET_SYNCPOINT: Final = 0x2
GET_BROWSE_FIRST: Final = 0x10
GET_BROWSE_NEXT: Final = 0x20
GET_FAIL_IF_QUIESCING: Final = 0x2000
MATCH_MSG_ID: Final = 0x1
GET_PROPERTIES_FORCE_MQRFH2: Final = 0x0200_0000

# putting
PUT_SYNCPOINT: Final = 0x2
PUT_NEW_MSG_ID: Final = 0x40
PUT_PASS_ALL_CONTEXT: Final = 0x200
PUT_SET_IDENTITY_CONTEXT: Final = 0x400
PUT_SET_ALL_CONTEXT: Final = 0x800
PUT_FAIL_IF_QUIESCING: Final = 0x2000

# attributes
BACKOUT_THRESHOLD: Final = 22
Q_TYPE: Final = 20
QT_LOCAL: Final = 1
QT_ALIAS: Final = 3
BACKOUT_REQ_Q_NAME: Final = 2019
BASE_OBJECT_NAME: Final = 2002
DEAD_LETTER_Q_NAME: Final = 2006
NAME_LENGTH: Final = 48

# messages
MT_REQUEST: Final = 1
MT_REPLY: Final = 2
MT_REPORT: Final = 4
MT_DATAGRAM: Final = 8
NOT_PERSISTENT: Final = 0
PERSISTENT: Final = 1
NO_EXPIRY: Final = -1
MSG_IN_GROUP: Final = 0x8
LAST_MSG_IN_GROUP: Final = 0x10
RO_DISCARD_MSG: Final = 0x0800_0000
FORMAT_NONE: Final = b"        "
FORMAT_STRING: Final = b"MQSTR   "
FORMAT_RFH2: Final = b"MQHRF2  "
FORMAT_DEAD: Final = b"MQDEAD  "
CCSID_UTF8: Final = 1208
ENCODING_BIG: Final = 273
"""Big-endian integers and IEEE numbers, as JMS senders write."""
ENCODING_LITTLE: Final = 546
ENCODING_NATIVE: Final = ENCODING_LITTLE if sys.byteorder == "little" else ENCODING_BIG

# reasons that the code looks at
R_NONE: Final = 0
R_BACKED_OUT: Final = 2003
R_CONNECTION_BROKEN: Final = 2009
R_UNEXPECTED: Final = 2195
R_NO_MSG_AVAILABLE: Final = 2033
R_NOT_AUTHORIZED: Final = 2035
R_SYNCPOINT_LIMIT: Final = 2024
R_PUT_INHIBITED: Final = 2051
R_Q_FULL: Final = 2053
R_TRUNCATED: Final = 2080
R_SSL_ALREADY_INITIALIZED: Final = 2391
