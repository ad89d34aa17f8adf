"""Every way to the MQI does the same, on the same library."""

from __future__ import annotations

import pytest

from linkspan_connectors.ibmmq.mqi import constants as mq
from linkspan_connectors.ibmmq.mqi.binding import Mqi
from linkspan_connectors.ibmmq.mqi.structures import (
    Parameters,
    channel_definition,
    get_options,
    message_descriptor,
    object_descriptor,
    put_options,
    tls_options,
    unpack_descriptor,
)

pytestmark = pytest.mark.integration

QM1 = b"QM1".ljust(48)
PUT = mq.PUT_SYNCPOINT | mq.PUT_NEW_MSG_ID
GET = mq.GET_SYNCPOINT | mq.GET_PROPERTIES_FORCE_MQRFH2


@pytest.fixture
def mqi(way: Mqi) -> Mqi:
    return way


def parameters(**more) -> Parameters:
    made = Parameters(mq.CLIENT_BINDING | mq.HANDLE_SHARE_BLOCK, "app", **more)
    made.channel = channel_definition(made, "CH", "localhost(1414)", peer="CN=QM1")
    return made


def connected(mqi: Mqi) -> int:
    connection, completion, reason = mqi.connect(QM1, parameters())
    assert (completion, reason) == (0, 0)
    return connection


def test_messages_go_out_and_in(mqi, queue_manager):
    connection = connected(mqi)
    handle, *codes = mqi.open(connection, object_descriptor("Q1"), mq.OUTPUT | mq.INPUT_AS_Q_DEF)
    assert codes == [0, 0]
    for body in (b"one", b"x" * 100_000, b""):
        descriptor = message_descriptor(format=mq.FORMAT_STRING)
        assert mqi.put(connection, handle, descriptor, put_options(PUT), body)[2:] == (0, 0)
    assert tuple(mqi.commit(connection)) == (0, 0)
    data, md, _, length, completion, reason = mqi.get(connection, handle, message_descriptor(), get_options(GET), 4096)
    assert (data, length, completion, reason) == (b"one", 3, 0, 0)
    assert unpack_descriptor(md).format == mq.FORMAT_STRING
    answer = mqi.get(connection, handle, message_descriptor(), get_options(GET), 4096)
    assert answer[3:] == (100_000, 1, mq.R_TRUNCATED)
    assert mqi.get(connection, handle, message_descriptor(), get_options(GET), 100_000)[0] == b"x" * 100_000
    assert mqi.get(connection, handle, message_descriptor(), get_options(GET), 4096)[0] == b""
    assert mqi.get(connection, handle, message_descriptor(), get_options(GET), 4096)[4:] == (2, mq.R_NO_MSG_AVAILABLE)
    assert tuple(mqi.backout(connection)) == (0, 0)
    assert queue_manager.depth("Q1").visible == 3
    assert tuple(mqi.close(connection, handle)) == (0, 0)
    assert tuple(mqi.disconnect(connection)) == (0, 0)
    assert queue_manager.connections() == []


def test_a_single_put_is_in_the_unit_of_work(mqi, queue_manager):
    connection = connected(mqi)
    codes = mqi.put1(connection, object_descriptor("Q1"), message_descriptor(), put_options(PUT), b"one")
    assert tuple(codes) == (0, 0)
    assert queue_manager.depth("Q1").putting == 1
    mqi.commit(connection)
    assert queue_manager.bodies("Q1") == [b"one"]
    mqi.disconnect(connection)


def test_attributes_are_numbers_and_names(mqi, queue_manager):
    queue_manager.define_queue("Q1", backout_threshold=7, backout_queue="BACK")
    connection = connected(mqi)
    handle, *_ = mqi.open(connection, object_descriptor("Q1"), mq.INQUIRE)
    found = mqi.inquire(connection, handle, [mq.BACKOUT_THRESHOLD, mq.BACKOUT_REQ_Q_NAME])
    assert found == ({mq.BACKOUT_THRESHOLD: 7, mq.BACKOUT_REQ_Q_NAME: b"BACK"}, 0, 0)
    only_name = mqi.inquire(connection, handle, [mq.BACKOUT_REQ_Q_NAME])
    assert only_name.values == {mq.BACKOUT_REQ_Q_NAME: b"BACK"}
    refused = mqi.inquire(connection, handle, [mq.DEAD_LETTER_Q_NAME])
    assert (refused.values, refused.completion, refused.reason) == ({}, 2, 2067)
    mqi.disconnect(connection)


def test_conditions_are_codes(mqi, queue_manager):
    assert mqi.connect(b"OTHER".ljust(48), parameters())[1:] == (2, 2058)
    connection = connected(mqi)
    assert mqi.open(connection, object_descriptor("NOTHING"), mq.OUTPUT)[1:] == (2, 2085)
    queue_manager.cut()
    assert tuple(mqi.commit(connection)) == (2, 2009)
    mqi.disconnect(connection)


def test_everything_that_is_configured_arrives(mqi, queue_manager):
    queue_manager.define_user("app", "sécret")
    given = parameters(user="app", password="sécret")
    given.tls = tls_options(given, "/keys/app.p12", "pw", "mine")
    connection, *codes = mqi.connect(QM1, given)
    assert codes == [0, 0]
    request = queue_manager.last_connect()
    assert (request.user, request.password, request.peer_name) == (b"app", "sécret".encode(), "CN=QM1")
    assert request.tls is not None
    assert (request.tls.key_repository, request.tls.certificate_label) == ("/keys/app.p12", "mine")
    assert request.key_password == b"pw"
    assert request.options & mq.CLIENT_BINDING
    if mqi.name != "pymqi":
        assert request.application == "app"
    mqi.disconnect(connection)
