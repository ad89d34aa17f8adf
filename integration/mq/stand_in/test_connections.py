"""Connections to the stand-in: who may connect, what it was told, threads, faults."""

from __future__ import annotations

import gc
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from integration.mq.conftest import Connect, reason_of
from integration.services.ibmmq.application import SHARE_BLOCK, Application, MQError
from integration.services.ibmmq.control import Verb
from integration.services.ibmmq.memory import MemoryQueueManager

pytestmark = pytest.mark.integration

INPUT, OUTPUT = 1, 0x10
SHARE_NONE, SHARE_NO_BLOCK, CLIENT = 0x20, 0x80, 0x800


def test_only_known_users_with_their_password_connect(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    queue_manager.define_user("app", "secret")
    connect(user="app", password="secret")
    connect(RemoteUserIdentifier=b"app", RemotePassword=b"secret")
    assert reason_of(connect, user="app", password="wrong") == 2035
    assert reason_of(connect, user="other", password="secret") == 2035
    assert reason_of(connect) == 2035


def test_name_of_the_queue_manager_must_be_right(connect: Connect) -> None:
    assert reason_of(connect, name="QM2") == 2058
    connect(name="")
    connect(name="*QM1")


def test_queue_managers_are_apart(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    other = MemoryQueueManager("QM2")
    other.define_queue("Q1")
    first, second = connect(), connect(name="QM2")
    first.put(first.open("Q1", OUTPUT), b"one", 4)
    assert (queue_manager.depth("Q1").visible, other.depth("Q1").visible) == (1, 0)
    second.put(second.open("Q1", OUTPUT), b"two", 4)
    assert other.bodies("Q1") == [b"two"]
    other.reset()


def test_what_was_said_at_connect_can_be_read(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    application = connect(
        user="app", password="secret", channel="DEV.TLS", address="one(1414),two(1415)", HeartbeatInterval=30,
        SharingConversations=1, SSLCipherSpec=b"ANY_TLS12_OR_HIGHER", MaxMsgLength=104857600, CertificateLabel=b"mine",
    )  # fmt: skip
    said = queue_manager.last_connect()
    assert (said.queue_manager, said.options) == ("QM1", SHARE_BLOCK | CLIENT)
    assert (said.authentication_type, said.user, said.password) == (1, b"app", b"secret")
    assert said.channel is not None
    assert (said.channel.channel, said.channel.connection_name) == ("DEV.TLS", "one(1414),two(1415)")
    assert (said.channel.channel_type, said.channel.transport_type) == (6, 2)
    assert (said.channel.heartbeat_interval, said.channel.sharing_conversations) == (30, 1)
    assert (said.channel.cipher_spec, said.channel.certificate_label) == ("ANY_TLS12_OR_HIGHER", "mine")
    assert said.channel.max_message_length == 104857600
    assert said.tls is None
    application.disconnect()


def test_texts_beside_the_structures_can_be_read(queue_manager: MemoryQueueManager, binding: str) -> None:
    if binding == "pymqi":
        pytest.skip("pymqi passes neither a CCDT URL nor the password of a key repository")
    import ibmmq

    manager = ibmmq.QueueManager(None, disconnect_on_exit=False)
    cno = ibmmq.CNO(Version=7, CCDTUrl="file:///etc/ccdt.json", ApplName=b"connector-1")
    cno.Options = SHARE_BLOCK
    sco = ibmmq.SCO(Version=6, KeyRepository=b"/keys/one.p12", KeyRepoPassword="hidden", CertificateLabel=b"label")
    manager.connect_with_options("QM1", cno=cno, sco=sco, user="app", password="secret")
    said = queue_manager.last_connect()
    assert (said.ccdt_url, said.application, said.channel) == ("file:///etc/ccdt.json", "connector-1", None)
    assert said.tls is not None
    assert (said.tls.key_repository, said.tls.certificate_label) == ("/keys/one.p12", "label")
    assert said.key_password == b"hidden"
    manager.disconnect()
    cd = ibmmq.CD(ChannelName=b"DEV.APP", ConnectionName=b"h(1)", SSLCipherSpec=b"ANY", SSLPeerNamePtr="CN=QM1")
    manager.connect_with_options("QM1", cd=cd, user="app", password="secret")
    assert queue_manager.last_connect().peer_name == "CN=QM1"
    manager.disconnect()


def test_second_key_repository_is_a_warning(connect: Connect) -> None:
    first = connect()
    repositories = [first.package.SCO(KeyRepository=name).pack() for name in (b"/one", b"/two")]
    kept = connect(sco=repositories[0])
    assert kept.warning == 0
    assert connect(sco=repositories[0]).warning == 0
    other = connect(sco=repositories[1])
    assert other.warning == 2391
    other.open("Q1", OUTPUT)


def test_channel_counts_its_instances(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    queue_manager.define_channel("DEV.APP.SVRCONN", max_instances=2)
    queue_manager.define_channel("OTHER", max_instances_of_client=1)
    assert reason_of(connect, channel="NOWHERE") == 2540
    first, _ = connect(), connect()
    assert queue_manager.instances("DEV.APP.SVRCONN") == 2
    assert reason_of(connect) == 2537
    connect(channel="OTHER")
    assert reason_of(connect, channel="OTHER") == 2537
    first.disconnect()
    assert queue_manager.instances("DEV.APP.SVRCONN") == 1
    connect()


def test_queue_manager_counts_its_connections(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    queue_manager.alter_queue_manager(max_connections=1)
    first = connect(channel=None)
    assert reason_of(connect) == 2025
    first.disconnect()
    connect()


def test_wrong_cipher_does_not_connect(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    queue_manager.define_channel("TLS", cipher="TLS_AES_256_GCM_SHA384")
    assert reason_of(connect, channel="TLS", SSLCipherSpec=b"TLS_RSA_WITH_AES_128_CBC_SHA256") == 2393
    connect(channel="TLS", SSLCipherSpec=b"TLS_AES_256_GCM_SHA384")
    connect(channel="TLS", SSLCipherSpec=b"ANY_TLS13_OR_HIGHER")


def test_quiescing_and_stopped_queue_manager(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    application = connect()
    handle = application.open("Q1", INPUT | OUTPUT)
    timer = threading.Timer(0.1, queue_manager.set_state, ["quiescing"])
    timer.start()
    assert reason_of(application.get, handle, 2 | 0x2000, wait=20_000) == 2161
    timer.join()
    assert reason_of(application.put, handle, b"x", 2 | 0x2000) == 2161
    application.put(handle, b"x")
    assert reason_of(connect) == 2161
    queue_manager.set_state("stopped")
    assert reason_of(application.commit) == 2009
    assert reason_of(connect) == 2059
    queue_manager.set_state("running")
    connect()
    assert queue_manager.depth("Q1").all == 0


def in_thread(call: Any) -> int:
    reasons: list[int] = []

    def run() -> None:
        try:
            call()
            reasons.append(0)
        except MQError as error:
            reasons.append(error.reason)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return reasons[0]


def test_handle_that_is_not_shared_belongs_to_its_thread(connect: Connect) -> None:
    application = connect(options=SHARE_NONE | CLIENT)
    assert in_thread(application.commit) == 2018
    application.commit()
    assert in_thread(connect().commit) == 0


def test_second_call_waits_or_is_refused(connect: Connect) -> None:
    refusing, waiting = connect(options=SHARE_NO_BLOCK | CLIENT), connect()
    for application, reason in ((refusing, 2219), (waiting, 0)):
        handle = application.open("Q1", INPUT)
        getter = threading.Thread(target=lambda a=application, h=handle: reason_of(a.get, h, wait=300))
        getter.start()
        time.sleep(0.1)
        assert in_thread(application.commit) == reason
        getter.join()


def test_ended_handle_is_known_no_more(connect: Connect) -> None:
    application = connect()
    application.disconnect()
    connect()
    assert reason_of(application.commit) == 2018
    other = connect()
    handle = other.open("Q1", OUTPUT)
    other.close(handle)
    assert reason_of(other.put, handle, b"x") == 2019


def test_forgotten_connection_commits(queue_manager: MemoryQueueManager, binding: str) -> None:
    package = Application(binding).package
    manager = package.QueueManager(None)
    cd = package.CD(ChannelName=b"DEV.APP.SVRCONN", ConnectionName=b"127.0.0.1(1414)")
    manager.connect_with_options("QM1", cd=cd, user="app", password="secret")
    queue = package.Queue(manager, "Q1")
    queue.put(b"x", package.MD(), package.PMO(Options=2))
    assert queue_manager.depth("Q1").visible == 0
    del queue, manager
    gc.collect()
    assert queue_manager.depth("Q1").visible == 1


def test_class_interface_retries_with_a_larger_buffer(queue_manager: MemoryQueueManager, binding: str) -> None:
    package = Application(binding).package
    body = bytes(300_000)
    queue_manager.put("Q1", body)
    manager = package.QueueManager(None)
    cd = package.CD(ChannelName=b"DEV.APP.SVRCONN", ConnectionName=b"127.0.0.1(1414)")
    manager.connect_with_options("QM1", cd=cd, user="app", password="secret")
    assert package.Queue(manager, "Q1", INPUT).get() == body
    manager.disconnect()


# faults


@pytest.mark.parametrize(
    ("verb", "reason"),
    [("PUT", 2195), ("PUT", 2053), ("GET", 2016), ("OPEN", 2035), ("CMIT", 2195), ("INQ", 2035), ("CONNX", 2059)],
)
def test_fault_answers_once_after_so_many_calls(
    queue_manager: MemoryQueueManager, connect: Connect, verb: Verb, reason: int
) -> None:
    application = connect()
    handle = application.open("Q1", INPUT | OUTPUT | 0x20)
    calls = {
        "PUT": lambda: application.put(handle, b"x", 4),
        "GET": lambda: application.get(handle),
        "OPEN": lambda: application.open("Q1", OUTPUT),
        "CMIT": application.commit,
        "INQ": lambda: application.inquire(handle, 3),
        "CONNX": connect,
    }
    for _ in range(3):
        queue_manager.put("Q1", b"x")
    number = queue_manager.fault(verb, reason, skip=2)
    for _ in range(2):
        calls[verb]()
    assert reason_of(calls[verb]) == reason
    calls[verb]()
    (fault,) = queue_manager.faults()
    assert (fault.number, fault.hits, fault.left) == (number, 1, 0)


def test_fault_2003_backs_out(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    queue_manager.put("Q1", b"one")
    application = connect()
    handle = application.open("Q1", INPUT | OUTPUT)
    application.get(handle)
    queue_manager.fault("GET", 2003)
    assert reason_of(application.get, handle) == 2003
    assert reason_of(application.put, handle, b"two") == 2003
    assert queue_manager.messages("Q1")[0].descriptor.backout_count == 1
    application.back_out()
    assert application.get(handle).body == b"one"
    queue_manager.fault("CMIT", 2003, completion=1)
    with pytest.raises(MQError) as rolled_back:
        application.commit()
    assert (rolled_back.value.completion, rolled_back.value.reason) == (1, 2003)
    assert queue_manager.messages("Q1")[0].descriptor.backout_count == 2
    assert application.get(handle).body == b"one"


def test_fault_for_one_queue_or_one_application(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    queue_manager.define_queue("Q2")
    application = connect()
    first, second = application.open("Q1", OUTPUT), application.open("Q2", OUTPUT)
    queue_manager.fault("PUT", 2053, queue="Q2", times=-1)
    queue_manager.fault("PUT", 2051, application="nobody", times=-1)
    application.put(first, b"x")
    assert [reason_of(application.put, second, b"x") for _ in range(2)] == [2053, 2053]
    queue_manager.clear_fault()
    application.put(second, b"x")


def test_answer_of_a_commit_may_be_lost(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    application = connect()
    application.put(application.open("Q1", OUTPUT), b"x")
    queue_manager.fault("CMIT", action="break", after=True)
    assert reason_of(application.commit) == 2009
    assert queue_manager.bodies("Q1") == [b"x"]
    other = connect()
    other.put(other.open("Q1", OUTPUT), b"y")
    queue_manager.fault("CMIT", action="break")
    assert reason_of(other.commit) == 2009
    assert queue_manager.bodies("Q1") == [b"x"]


def test_call_is_held_until_it_is_released(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    application = connect()
    application.put(application.open("Q1", OUTPUT), b"x")
    committer = threading.Thread(target=application.commit)
    with queue_manager.pause("CMIT") as number:
        committer.start()
        queue_manager.await_fault(number)
        assert [fault.paused for fault in queue_manager.faults()] == [1]
        assert queue_manager.depth("Q1").putting == 1
    committer.join(10)
    assert queue_manager.bodies("Q1") == [b"x"]


def test_held_call_hears_of_a_cut_connection(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    application = connect()
    number = queue_manager.fault("CMIT", action="pause")
    reasons: list[int] = []
    committer = threading.Thread(target=lambda: reasons.append(reason_of(application.commit)))
    committer.start()
    queue_manager.await_fault(number)
    queue_manager.cut()
    committer.join(10)
    assert reasons == [2009]


def test_binding_that_was_imported_too_early_is_noticed(tmp_path: Path) -> None:
    import subprocess
    import sys

    (tmp_path / "ibmmq.py").write_text("")
    code = "import ibmmq; from integration.services.ibmmq.memory import MemoryQueueManager; MemoryQueueManager()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": f"{tmp_path}:{Path.cwd()}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "ibmmq was imported before the stand-in was loaded" in done.stderr
