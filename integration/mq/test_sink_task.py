"""The sink task on the stand-in, through the unmodified binding."""

from __future__ import annotations

import pytest

from integration.mq.tasks import records, sink, source, values
from integration.services.ibmmq.descriptor import Descriptor
from linkspan.api import (
    BatchError,
    ConfigError,
    ConnectError,
    CredentialsError,
    Header,
    Headers,
    OutageError,
    RetriableError,
    SinkRecord,
    ThrottledError,
    UnreachableError,
)

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("way")]


def test_a_batch_is_one_unit_of_work_in_order(queue_manager):
    with sink() as task:
        commits = queue_manager.fault("CMIT", 0, completion=0, times=-1, action="answer", after=True)
        task.put(records(*"abcde"))
        assert queue_manager.bodies("Q1") == [b"a", b"b", b"c", b"d", b"e"]
        (fault,) = [each for each in queue_manager.faults() if each.number == commits]
        assert fault.hits == 1
        task.put(records())
        (fault,) = [each for each in queue_manager.faults() if each.number == commits]
        assert fault.hits == 1
    assert queue_manager.connections() == []


def test_a_message_has_a_format_an_id_and_the_defaults_of_jms(queue_manager, way):
    with sink() as task:
        task.put(records("text", b"\x00", None))
    messages = queue_manager.messages("Q1")
    assert [message.descriptor.format.strip() for message in messages] == ["MQSTR", "", ""]
    assert [message.body for message in messages] == [b"text", b"\x00", b""]
    assert len({message.descriptor.msg_id for message in messages}) == 3
    assert {(m.descriptor.persistence, m.descriptor.priority, m.descriptor.encoding) for m in messages} == {(1, 4, 273)}
    if way.name != "pymqi":  # which cannot say how the application is called
        assert {message.descriptor.put_appl_name.strip() for message in messages} == {"orders-0"}


@pytest.mark.usefixtures("queue_manager")
@pytest.mark.parametrize("is_jms", ["true", "false"])
def test_what_the_sink_writes_the_source_reads(is_jms):
    given = ["grüß", b"\x00\xff", None if is_jms == "true" else "x"]
    with sink(mq_message_body_jms=is_jms) as writer:
        writer.put(records(*given))
    with source(mq_message_body_jms="true") as reader:
        assert values(reader.poll()) == given


@pytest.mark.usefixtures("queue_manager")
def test_headers_and_key_arrive_at_the_other_end():
    headers = Headers([Header("color", "blue"), Header("n", 7), Header("bad-name", "x")])
    with sink(
        mq_message_body_jms="true",
        mq_kafka_headers_copy_to_jms_properties="true",
        mq_message_builder_key_header="JMSCorrelationID",
        mq_message_builder_topic_property="topic",
    ) as writer:
        writer.put(records(SinkRecord("orders", 0, 0, "x", key="order 17", headers=headers)))
    with source(
        mq_message_body_jms="true",
        mq_jms_properties_copy_to_kafka_headers="true",
        mq_record_builder_key_header="JMSCorrelationID",
    ) as reader:
        (record,) = reader.poll() or ()
    assert record.key == "order 17"
    found = {header.key: header.value for header in record.headers or ()}
    assert {name: found.get(name) for name in ("color", "n", "bad-name", "topic", "JMSXUserID")} == {
        "color": "blue",
        "n": 7,
        "bad-name": None,
        "topic": "orders",
        "JMSXUserID": found["JMSXUserID"],
    }
    assert len(found["JMSXUserID"]) == 12  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("context", "sets_user", "sets_application"),
    [(None, False, False), ("identity", True, False), ("ALL", True, True)],
)
def test_headers_set_the_context_that_they_may(queue_manager, context, sets_user, sets_application):
    headers = Headers([Header("JMS_IBM_MQMD_UserIdentifier", "somebody"), Header("JMS_IBM_MQMD_PutApplName", "other")])
    more = {} if context is None else {"mq_message_mqmd_context": context}
    with sink(mq_kafka_headers_copy_to_jms_properties="true", mq_message_mqmd_write="true", **more) as task:
        task.put(records(SinkRecord("t", 0, 0, "x", headers=headers)))
    descriptor: Descriptor = queue_manager.messages("Q1")[0].descriptor
    assert (descriptor.put_appl_name.strip() == "other") is sets_application
    assert (descriptor.user_identifier.strip() == "somebody") is sets_user


def test_the_right_to_set_the_context_is_asked_for_at_the_start(queue_manager):
    queue_manager.define_queue("Q1", deny="setall")
    with (
        pytest.raises(CredentialsError, match="2035 MQRC_NOT_AUTHORIZED"),
        sink(mq_message_mqmd_write="true", mq_message_mqmd_context="all"),
    ):
        pass


def test_an_id_that_a_header_sets_is_that_of_the_message(queue_manager):
    headers = Headers([Header("JMS_IBM_MQMD_MsgId", b"m" * 24)])
    with sink(mq_kafka_headers_copy_to_jms_properties="true", mq_message_mqmd_write="true") as task:
        task.put(records(SinkRecord("t", 0, 0, "x", headers=headers)))
    assert queue_manager.messages("Q1")[0].descriptor.msg_id == b"m" * 24


# --- failures ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "kind", "kept"),
    [
        (2003, RetriableError, True),
        (2009, UnreachableError, False),
        (2035, OutageError, False),
        (2051, OutageError, True),
        (2053, OutageError, True),
        (2059, UnreachableError, False),
        (2161, UnreachableError, False),
        (2162, UnreachableError, False),
        (2195, UnreachableError, False),
        (2537, ThrottledError, False),
        (2538, UnreachableError, False),
    ],
)
def test_a_put_that_fails_leaves_nothing_behind_and_is_done_again(queue_manager, reason, kind, kept):
    with sink() as task:
        before = queue_manager.connections()[0].id
        queue_manager.fault("PUT", reason, queue="Q1", skip=2)
        with pytest.raises(kind, match=f"{reason} MQRC_") as failed:
            task.put(records(*"abc"))
        assert type(failed.value) is kind
        assert queue_manager.depth("Q1").all == 0
        task.put(records(*"abc"))
        assert queue_manager.bodies("Q1") == [b"a", b"b", b"c"]
        assert (queue_manager.connections()[0].id == before) is kept


@pytest.mark.parametrize("reason", [2085, 2330])
def test_any_other_failure_of_a_put_fails_the_task(queue_manager, reason):
    with sink() as task:
        queue_manager.fault("PUT", reason, queue="Q1")
        with pytest.raises(ConnectError) as failed:
            task.put(records("a"))
        assert not isinstance(failed.value, RetriableError)
    assert queue_manager.depth("Q1").all == 0


def test_a_full_queue_takes_all_of_a_batch_or_nothing(queue_manager):
    queue_manager.define_queue("Q1", max_depth=4)
    with sink() as task:
        task.put(records("a", "b"))
        for _ in range(3):
            with pytest.raises(OutageError, match="2053 MQRC_Q_FULL"):
                task.put(records("c", "d", "e"))
        assert queue_manager.bodies("Q1") == [b"a", b"b"]
        queue_manager.clear("Q1")
        task.put(records("c", "d", "e"))
    assert queue_manager.bodies("Q1") == [b"c", b"d", b"e"]


@pytest.mark.parametrize("after", [False, True])
def test_a_commit_that_is_not_known_to_have_happened_is_done_again(queue_manager, after):
    with sink() as task:
        queue_manager.fault("CMIT", 2009, action="break", after=after)
        with pytest.raises(UnreachableError, match="it may have been done all the same"):
            task.put(records("a"))
        task.put(records("a"))
    assert queue_manager.bodies("Q1") == [b"a"] * (2 if after else 1)


def test_units_of_work_get_smaller_when_the_queue_manager_takes_no_more(queue_manager, caplog):
    queue_manager.alter_queue_manager(max_uncommitted=700)
    given = [str(number) for number in range(2000)]
    refusals: list[str] = []
    depths: list[int] = []
    with sink() as task:
        for _ in range(10):
            try:
                task.put(records(*given))
            except RetriableError as error:
                refusals.append(str(error))
                depths.append(queue_manager.depth("Q1").all)
            else:
                break
    assert queue_manager.bodies("Q1") == [text.encode() for text in given]
    assert "Units of work get smaller" in caplog.text
    assert len(refusals) == 2
    assert all("2024 MQRC_SYNCPOINT_LIMIT_REACHED" in each for each in refusals)
    assert depths == [0, 0]


def test_the_configured_pause_is_that_of_the_next_attempt(queue_manager):
    queue_manager.define_queue("Q1", put_inhibited=True)
    with sink(mq_retry_backoff_ms="1500") as task:
        with pytest.raises(ThrottledError, match="2051 MQRC_PUT_INHIBITED") as failed:
            task.put(records("a"))
        assert failed.value.retry_after == 1.5
    with sink() as task, pytest.raises(OutageError) as own:
        task.put(records("a"))
    assert type(own.value) is OutageError
    assert own.value.__cause__ is None


def test_a_queue_manager_that_is_down_at_the_start_is_waited_for(queue_manager):
    queue_manager.set_state("stopped")
    with sink() as task:
        with pytest.raises(OutageError):
            task.put(records("a"))
        queue_manager.set_state("running")
        task.put(records("a"))
    assert queue_manager.bodies("Q1") == [b"a"]


@pytest.mark.parametrize("tolerance", ["none", "all"])
def test_a_message_that_is_too_large_is_the_fault_of_its_record(queue_manager, tolerance):
    queue_manager.define_queue("Q1", max_length=10)
    with sink(errors_tolerance=tolerance) as task:
        with pytest.raises(BatchError, match="2030 MQRC_MSG_TOO_BIG_FOR_Q") as failed:
            task.put(records("a", "x" * 11, "b"))
        assert list(failed.value.failures) == [1]
    assert queue_manager.bodies("Q1") == ([b"a", b"b"] if tolerance == "all" else [])


@pytest.mark.parametrize(("reason", "header"), [(2050, "Priority"), (2047, "Persistence"), (2013, "Expiry")])
def test_a_header_that_mq_does_not_take_is_the_fault_of_its_record(queue_manager, reason, header):
    queue_manager.fault("PUT", reason, queue="Q1")
    headers = Headers([Header(f"JMS_IBM_MQMD_{header}", 99)])
    keys = {"mq_message_mqmd_write": "true", "mq_kafka_headers_copy_to_jms_properties": "true"}
    with sink(**keys, errors_tolerance="all") as task, pytest.raises(BatchError, match=f"{reason} MQRC_") as failed:
        task.put(records(SinkRecord("t", 0, 0, "x", headers=headers), "b"))
    assert list(failed.value.failures) == [0]
    assert queue_manager.bodies("Q1") == [b"b"]


def test_what_cannot_be_in_an_mqrfh2_is_left_out_or_the_fault_of_its_record(queue_manager, caplog):
    keys = {"mq_message_body_jms": "true", "mq_kafka_headers_copy_to_jms_properties": "true"}
    headers = Headers([Header("bad", "a\x01b"), Header("JMS_IBM_MQMD_CorrelId", "\x00"), Header("good", "x")])
    with sink(**keys, mq_message_builder_key_header="JMSCorrelationID", errors_tolerance="all") as task:
        task.put(records(SinkRecord("t", 0, 0, "one", headers=headers)))
        with pytest.raises(BatchError, match="cannot be in an MQRFH2") as failed:
            task.put(records(SinkRecord("t", 0, 1, "two", key="a\x02"), SinkRecord("t", 0, 2, "three", key="a")))
        assert list(failed.value.failures) == [0]
    assert "A header is left out of the message" in caplog.text
    with source(mq_message_body_jms="true", mq_jms_properties_copy_to_kafka_headers="true") as reader:
        found = reader.poll() or ()
    assert values(found) == ["one", "three"]
    names = {header.key for header in found[0].headers or ()}
    assert ("bad" in names, "good" in names) == (False, True)
    assert queue_manager.depth("Q1").all == 2


@pytest.mark.parametrize("tolerance", ["none", "all"])
def test_a_record_that_becomes_no_message_is_named(queue_manager, tolerance):
    with sink(mq_message_builder="JsonMessageBuilder", errors_tolerance=tolerance) as task:
        with pytest.raises(BatchError) as failed:
            task.put(records({"a": 1}, None, {"a": 2}))
        assert list(failed.value.failures) == [1]
    assert queue_manager.bodies("Q1") == ([b'{"a":1}', b'{"a":2}'] if tolerance == "all" else [])


@pytest.mark.parametrize(
    ("changes", "kind", "key"),
    [
        ({"mq_queue_manager": "OTHER"}, ConfigError, "mq.queue.manager"),
        ({"mq_queue": "NOTHING"}, ConfigError, "mq.queue"),
    ],
)
def test_what_a_person_has_to_correct_fails_the_start(queue_manager, changes, kind, key):
    with pytest.raises(kind, match=r"\d{4} MQRC_") as failed, sink(**changes):
        pass
    assert failed.value.key == key
    assert queue_manager.connections() == []
