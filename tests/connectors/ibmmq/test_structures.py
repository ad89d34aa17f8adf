from __future__ import annotations

import ctypes
import struct

import pytest

from linkspan_connectors.ibmmq.mqi import constants as mq
from linkspan_connectors.ibmmq.mqi import structures
from linkspan_connectors.ibmmq.mqi.reasons import REASONS, reason_text


def _int(packed: bytes, offset: int) -> int:
    return int(struct.unpack_from("=i", packed, offset)[0])


def _pointed(packed: bytes, offset: int, length: int) -> bytes:
    return ctypes.string_at(struct.unpack_from("=Q", packed, offset)[0], length)


def test_every_structure_has_the_size_that_the_client_expects() -> None:
    parameters = structures.Parameters(0, user="u", password="p")
    sizes = {
        "MQMD": len(structures.message_descriptor()),
        "MQGMO": len(structures.get_options(0)),
        "MQPMO": len(structures.put_options(0)),
        "MQOD": len(structures.object_descriptor("Q")),
        "MQCNO": len(structures.connect_options(parameters)),
        "MQCSP": len(structures.security_parameters(parameters) or b""),
        "MQSCO": len(structures.tls_options(parameters, "/r")),
        "MQCD": len(structures.channel_definition(parameters, "C", "h(1)")),
    }
    assert sizes == {
        "MQMD": 364,
        "MQGMO": 112,
        "MQPMO": 184,
        "MQOD": 424,
        "MQCNO": 272,
        "MQCSP": 104,
        "MQSCO": 672,
        "MQCD": 2000,
    }


def test_fields_of_a_descriptor_lie_at_their_offsets() -> None:
    packed = structures.message_descriptor(
        report=1,
        msg_type=2,
        expiry=3,
        feedback=4,
        encoding=5,
        ccsid=6,
        format=b"MQSTR   ",
        priority=7,
        persistence=8,
        msg_id=b"m" * 24,
        correl_id=b"c" * 24,
        backout_count=9,
        reply_to_q=b"rq",
        reply_to_qmgr=b"rm",
        user_identifier=b"user",
        accounting_token=b"t" * 32,
        put_appl_type=10,
        put_date=b"20240102",
        put_time=b"03040506",
        group_id=b"g" * 24,
        msg_seq_number=11,
        msg_flags=12,
    )
    assert packed[:4] == b"MD  "
    numbers = {4: 2, 8: 1, 12: 2, 16: 3, 20: 4, 24: 5, 28: 6, 40: 7, 44: 8, 96: 9, 272: 10, 348: 11, 356: 12, 360: -1}
    assert {offset: _int(packed, offset) for offset in numbers} == numbers
    assert packed[32:40] == b"MQSTR   "
    assert packed[48:72] == b"m" * 24
    assert packed[72:96] == b"c" * 24
    assert packed[100:102] == b"rq"
    assert packed[148:150] == b"rm"
    assert packed[196:200] == b"user"
    assert packed[208:240] == b"t" * 32
    assert packed[304:320] == b"2024010203040506"
    assert packed[324:348] == b"g" * 24
    assert structures.pack_descriptor(structures.unpack_descriptor(packed)) == packed


def test_a_copy_of_a_template_has_memory_of_its_own() -> None:
    template = structures.get_options(1)
    copy = structures.fresh(template)
    assert copy == template
    assert copy is not template
    ctypes.memset(id(copy) + bytes.__basicsize__ - 1, 0, 4)
    assert template[:4] == b"GMO "


def test_get_options_match_every_message() -> None:
    packed = structures.get_options(mq.GET_SYNCPOINT, 250)
    assert (packed[:4], _int(packed, 4), _int(packed, 8), _int(packed, 12), _int(packed, 72)) == (b"GMO ", 2, 2, 250, 0)


def test_connect_options_name_the_application_and_point_to_the_ccdt() -> None:
    parameters = structures.Parameters(mq.CLIENT_BINDING, "orders-0", "file:///x.json")
    packed = structures.connect_options(parameters)
    assert (_int(packed, 4), _int(packed, 8)) == (7, 0x800)
    assert packed[224:252] == b"orders-0".ljust(28)
    assert _pointed(packed, 200, _int(packed, 212)) == b"file:///x.json"


def test_user_and_password_are_pointed_to() -> None:
    parameters = structures.Parameters(0, user="app", password="sécret")
    packed = structures.security_parameters(parameters)
    assert packed is not None
    assert _int(packed, 8) == 1
    assert _pointed(packed, 16, _int(packed, 28)) == b"app"
    assert _pointed(packed, 40, _int(packed, 52)) == "sécret".encode()


def test_without_a_user_there_are_no_security_parameters() -> None:
    assert structures.security_parameters(structures.Parameters(0)) is None


def test_a_channel_names_hosts_cipher_and_peer() -> None:
    parameters = structures.Parameters(0)
    packed = structures.channel_definition(
        parameters, "DEV.APP.SVRCONN", "a(1414),b(1415)", cipher="ANY_TLS12", peer="CN=QM1", heartbeat=30
    )
    assert packed[:20] == b"DEV.APP.SVRCONN".ljust(20)
    assert packed[1024:1288] == b"a(1414),b(1415)".ljust(264)
    assert packed[1688:1720] == b"ANY_TLS12".ljust(32)
    assert _pointed(packed, 1720, _int(packed, 1728)) == b"CN=QM1"
    numbers = {20: 11, 24: 6, 28: 2, 844: 104857600, 1480: 30, 1492: 1984, 1884: 1}
    assert {offset: _int(packed, offset) for offset in numbers} == numbers


@pytest.mark.parametrize(("password", "version"), [(None, 5), ("pw", 6)])
def test_a_repository_with_a_password_needs_version_6(password: str | None, version: int) -> None:
    parameters = structures.Parameters(0)
    packed = structures.tls_options(parameters, "/keys/app.p12", password)
    assert _int(packed, 4) == version
    assert packed[8:21] == b"/keys/app.p12"
    if password is not None:
        assert _pointed(packed, 632, _int(packed, 644)) == b"pw"


def test_reasons_are_shown_with_their_names() -> None:
    assert reason_text(2035) == "2035 MQRC_NOT_AUTHORIZED"
    assert reason_text(2033) == "2033 MQRC_NO_MSG_AVAILABLE"
    assert reason_text(1) == "1"
    assert len(REASONS) > 500
