"""What must be true of a real queue manager too: with ``--mq-url`` these tests run against it, else on the stand-in.

First calls of the MQI, then both connectors. They leave their queues empty, and need no rights beyond get, put, browse
and inquire.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from integration.conftest import missing
from integration.mq.conftest import reason_of
from integration.mq.tasks import acknowledge, records, sink, source, values
from integration.services.ibmmq.application import Application, MQError
from integration.services.ibmmq.descriptor import Descriptor
from integration.services.ibmmq.memory import MemoryQueueManager
from integration.services.ibmmq.url import MqUrl
from integration.services.maven import UnavailableError
from linkspan.api import Header, Headers, SinkRecord

pytestmark = pytest.mark.integration

INPUT, SHARED, EXCLUSIVE, BROWSE, OUTPUT, INQUIRE = 1, 2, 4, 8, 0x10, 0x20
SYNCPOINT, NO_SYNCPOINT, BROWSE_FIRST, BROWSE_NEXT, UNDER_CURSOR, LOCK = 2, 4, 0x10, 0x20, 0x100, 0x200
FORCE_RFH2, CONVERT = 0x02000000, 0x4000


class Place:
    """A queue manager with two empty queues."""

    def __init__(self, url: MqUrl) -> None:
        self.url = url
        self.first, self.second = url.queues[:2]
        self._opened: list[Application] = []

    def connect(self) -> Application:
        """A new connection."""
        url = self.url
        application = Application(
            "ibmmq", url.name, channel=url.channel, address=url.address, user=url.user, password=url.password
        )
        self._opened.append(application)
        return application

    def empty(self) -> None:
        """Takes everything from the queues."""
        application = self.connect()
        for queue in (self.first, self.second):
            handle = application.open(queue, SHARED)
            with suppress(MQError):
                while True:
                    application.get(handle, NO_SYNCPOINT | 0x40, room=0)
            application.close(handle)

    def end(self) -> None:
        """Ends all connections; what they have not committed is backed out."""
        for application in self._opened:
            with suppress(Exception):
                application.__exit__()
        self._opened.clear()

    def keys(self, queue: str, **changes: str) -> dict[str, str]:
        """Keys that lead a connector here."""
        url = self.url
        connection = {
            "mq_queue_manager": url.name,
            "mq_queue": queue,
            "mq_connection_name_list": url.address,
            "mq_channel_name": url.channel,
        }
        credentials = {} if url.user is None else {"mq_user_name": url.user, "mq_password": url.password}
        return {**connection, **credentials, **changes}


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    given = request.config.getoption("--mq-url")
    if not given:
        try:
            manager = MemoryQueueManager("QM1")
        except UnavailableError as error:
            missing(str(error))
        for queue in ("Q1", "Q2"):
            manager.define_queue(queue)
    found = Place(MqUrl.read(given or "mq://app:secret@127.0.0.1:1414/QM1/DEV.APP.SVRCONN?queues=Q1,Q2"))
    found.empty()
    yield found
    found.end()
    found.empty()
    found.end()


def described(md: bytes) -> Descriptor:
    return Descriptor.unpack(md)


def test_put_is_seen_after_commit_and_never_after_backout(place: Place) -> None:
    writer, reader = place.connect(), place.connect()
    out, into = writer.open(place.first, OUTPUT), reader.open(place.first, INPUT)
    writer.put(out, b"one")
    assert reason_of(reader.get, into) == 2033
    writer.back_out()
    writer.put(out, b"two")
    writer.commit()
    assert reader.get(into).body == b"two"
    assert reason_of(reader.get, into) == 2033


def test_backout_restores_order_and_counts(place: Place) -> None:
    application = place.connect()
    handle = application.open(place.first, INPUT | OUTPUT)
    for number in range(4):
        application.put(handle, b"%d" % number)
    application.commit()
    assert [application.get(handle).body for _ in range(2)] == [b"0", b"1"]
    application.back_out()
    answers = [application.get(handle) for _ in range(4)]
    assert [answer.body for answer in answers] == [b"0", b"1", b"2", b"3"]
    assert [described(answer.md).backout_count for answer in answers] == [1, 1, 0, 0]


def test_disconnect_commits(place: Place) -> None:
    application = place.connect()
    application.put(application.open(place.first, OUTPUT), b"one")
    application.disconnect()
    other = place.connect()
    assert other.get(other.open(place.first, INPUT)).body == b"one"


def test_both_queues_share_a_unit_of_work(place: Place) -> None:
    application = place.connect()
    application.put1(place.first, b"one", NO_SYNCPOINT)
    handle = application.open(place.first, INPUT)
    application.put1(place.second, application.get(handle).body)
    application.back_out()
    assert reason_of(application.get, application.open(place.second, INPUT)) == 2033
    assert application.get(handle).body == b"one"


def test_higher_priority_comes_first(place: Place) -> None:
    application = place.connect()
    handle = application.open(place.first, INPUT | OUTPUT)
    for body, priority in ((b"a", 1), (b"b", 9), (b"c", 1)):
        application.put(handle, body, Priority=priority)
    application.commit()
    assert [application.get(handle).body for _ in range(3)] == [b"b", b"a", b"c"]


def test_wait_ends_with_2033_or_a_message(place: Place) -> None:
    reader, writer = place.connect(), place.connect()
    into, out = reader.open(place.first, INPUT), writer.open(place.first, OUTPUT)
    begin = time.monotonic()
    assert reason_of(reader.get, into, wait=300) == 2033
    assert time.monotonic() - begin >= 0.25
    timer = threading.Timer(0.2, writer.put, [out, b"late", NO_SYNCPOINT])
    timer.start()
    assert reader.get(into, wait=20_000).body == b"late"
    timer.join()


def test_locked_message_is_skipped_by_others_and_got_under_the_cursor(place: Place) -> None:
    first, second = place.connect(), place.connect()
    mine = first.open(place.first, BROWSE | SHARED | OUTPUT)
    for body in (b"one", b"two"):
        first.put(mine, body)
    first.commit()
    other = second.open(place.first, BROWSE | SHARED)
    assert first.get(mine, BROWSE_FIRST | LOCK).body == b"one"
    assert second.get(other, BROWSE_FIRST).body == b"two"
    assert first.get(mine, SYNCPOINT | UNDER_CURSOR).body == b"one"
    first.commit()
    assert second.get(other, BROWSE_FIRST).body == b"two"
    assert reason_of(second.get, other, BROWSE_NEXT) == 2033


def test_truncation_is_refused_then_accepted(place: Place) -> None:
    application = place.connect()
    handle = application.open(place.first, INPUT | OUTPUT)
    application.put(handle, b"0123456789")
    application.commit()
    short = application.get(handle, room=4)
    assert (short.reason, short.length) == (2080, 10)
    accepted = application.get(handle, SYNCPOINT | 0x40, room=4)
    assert (accepted.reason, accepted.length, accepted.body) == (2079, 10, b"0123")


def test_message_is_got_by_its_identifier(place: Place) -> None:
    application = place.connect()
    handle = application.open(place.first, INPUT | OUTPUT)
    identifiers = [described(application.put(handle, b"%d" % n, SYNCPOINT | 0x40)).msg_id for n in range(3)]
    application.commit()
    assert application.get(handle, match=1, MsgId=identifiers[1]).body == b"1"
    assert reason_of(application.get, handle, match=1, MsgId=identifiers[1]) == 2033
    assert all(identifier.startswith(b"AMQ ") for identifier in identifiers)


def test_expired_message_is_not_delivered(place: Place) -> None:
    application = place.connect()
    handle = application.open(place.first, INPUT | OUTPUT)
    application.put(handle, b"short", NO_SYNCPOINT, Expiry=1)
    time.sleep(0.5)
    assert reason_of(application.get, handle) == 2033


def test_default_context_is_filled_in(place: Place) -> None:
    application = place.connect()
    handle = application.open(place.first, INPUT | OUTPUT)
    application.put(handle, b"x", Format=b"MQSTR", ReplyToQ=b"REPLY", Priority=-1)
    application.commit()
    found = described(application.get(handle).md)
    assert (len(found.put_date), len(found.put_time)) == (8, 8)
    assert found.put_date.isdigit()
    assert found.put_time.isdigit()
    assert found.user_identifier
    assert found.put_appl_name
    assert (found.format, found.reply_to_qmgr) == ("MQSTR", place.url.name)
    assert 0 <= found.priority <= 9
    assert found.ccsid > 0


def test_text_is_converted_and_other_formats_are_not(place: Place) -> None:
    application = place.connect()
    handle = application.open(place.first, INPUT | OUTPUT)
    text = "Grüße"
    application.put(handle, text.encode("cp500"), Format=b"MQSTR", CodedCharSetId=500)
    application.put(handle, b"\xc1", Format=b"", CodedCharSetId=500)
    application.commit()
    wanted = {"CodedCharSetId": 1208, "Encoding": 546}
    assert application.get(handle, SYNCPOINT | CONVERT, **wanted).body.decode() == text
    other = application.get(handle, SYNCPOINT | CONVERT, **wanted)
    assert (other.completion, other.reason, other.body) == (1, 2110, b"\xc1")


def test_properties_of_a_handle_are_stored_as_a_header(place: Place) -> None:
    application = place.connect()
    package = application.package
    number = application.checked("CRTMH", bytes(bytearray(package.CMHO().pack())))[0]
    for name, kind, value, length in (("color", 1024, "blue", 4), ("n", 0x40, 7, 4)):
        given = (package.SMPO().pack(), name.encode(), package.PD().pack(), kind, value, length)
        application.checked("SETMP", number, *given)
    handle = application.open(place.first, INPUT | OUTPUT)
    application.put(handle, b"text", pmo={"OriginalMsgHandle": number}, Format=b"MQSTR", CodedCharSetId=1208)
    application.put(handle, b"bare", Format=b"MQSTR", CodedCharSetId=1208)
    application.commit()
    headed = application.get(handle, SYNCPOINT | FORCE_RFH2)
    assert described(headed.md).format == "MQHRF2"
    assert headed.body.startswith(b"RFH ")
    assert b"<color>blue</color>" in headed.body
    assert headed.body.endswith(b"text")
    bare = application.get(handle, SYNCPOINT | FORCE_RFH2)
    assert (described(bare.md).format, bare.body) == ("MQSTR", b"bare")


def test_exclusive_open_keeps_others_out(place: Place) -> None:
    first, second = place.connect(), place.connect()
    handle = first.open(place.first, EXCLUSIVE)
    assert reason_of(second.open, place.first, SHARED) == 2042
    first.close(handle)
    second.open(place.first, SHARED)


def test_names_that_are_not_there(place: Place) -> None:
    application = place.connect()
    assert reason_of(application.open, "NO.SUCH.QUEUE", OUTPUT) == 2085
    assert reason_of(application.open, place.first, OUTPUT, ObjectQMgrName=b"NO.SUCH.QMGR") == 2087
    assert reason_of(application.put1, "NO.SUCH.QUEUE", b"x") == 2085
    with pytest.raises(MQError) as wrong:
        Application("ibmmq", "NO.SUCH.QMGR", channel=place.url.channel, address=place.url.address,
                    user=place.url.user, password=place.url.password)  # fmt: skip
    assert wrong.value.reason == 2058


def test_attributes_are_inquired(place: Place) -> None:
    application = place.connect()
    handle = application.open(place.first, OUTPUT | INQUIRE)
    application.put(handle, b"x", NO_SYNCPOINT)
    assert application.inquire(handle, 3) == 1
    assert application.inquire(handle, 2016) == place.first
    assert int(application.inquire(handle, 22)) >= 0


def test_broken_header_is_refused(place: Place) -> None:
    application = place.connect()
    handle = application.open(place.first, OUTPUT)
    assert reason_of(application.put, handle, b"no header", Format=b"MQHRF2") == 2334


@pytest.mark.parametrize("is_jms", ["true", "false"])
def test_what_the_sink_writes_the_source_reads(place: Place, is_jms: str) -> None:
    given = ["grüß", "b" * 100_000, "c"]
    with sink(**place.keys(place.first, mq_message_body_jms=is_jms)) as writer:
        writer.put(records(*given))
    with source(**place.keys(place.first, mq_message_body_jms="true")) as reader:
        found = reader.poll()
        assert values(found) == given
        acknowledge(reader, found)
        assert reader.poll() is None


def test_headers_pass_through_both_connectors(place: Place) -> None:
    headers = Headers([Header("color", "blue & green"), Header("n", 7), Header("ok", True)])
    changes = {"mq_message_body_jms": "true", "mq_kafka_headers_copy_to_jms_properties": "true"}
    with sink(**place.keys(place.first, **changes)) as writer:
        writer.put(records(SinkRecord("t", 0, 0, "x", headers=headers)))
    wanted = {"mq_message_body_jms": "true", "mq_jms_properties_copy_to_kafka_headers": "true"}
    with source(**place.keys(place.first, **wanted)) as reader:
        (record,) = reader.poll() or ()
    found = {header.key: header.value for header in record.headers or ()}
    assert {key: found[key] for key in ("color", "n", "ok")} == {"color": "blue & green", "n": 7, "ok": True}
    assert found["JMSXDeliveryCount"] == 1


def test_source_gives_back_what_was_not_acknowledged(place: Place) -> None:
    with sink(**place.keys(place.first)) as writer:
        writer.put(records("one", "two"))
    with source(**place.keys(place.first)) as reader:
        reader.poll()
    with source(**place.keys(place.first, mq_jms_properties_copy_to_kafka_headers="true")) as reader:
        found = reader.poll() or ()
    assert values(found) == [b"one", b"two"]
    counts = [header.value for each in found for header in each.headers or () if header.key == "JMSXDeliveryCount"]
    assert counts == [2, 2]


def test_sink_with_a_state_queue_leaves_out_what_it_has_written(place: Place) -> None:
    keys = place.keys(place.first, mq_exactly_once_state_queue=place.second)
    for given in (records("one", "two"), records("two", "three", first=1)):
        with sink(**keys) as writer:
            writer.put(given)
    with source(**place.keys(place.first)) as reader:
        assert values(reader.poll()) == [b"one", b"two", b"three"]
