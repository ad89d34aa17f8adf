"""The stand-in as a server: deaths of clients, of connections and of itself, and what its journal keeps."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from integration.mq.stand_in.conftest import Client
from integration.services.ibmmq.control import ControlError
from integration.services.ibmmq.descriptor import Descriptor
from integration.services.ibmmq.remote import RemoteApplication
from integration.services.ibmmq.server import QueueManagerServer
from integration.services.proxy import Proxy

pytestmark = pytest.mark.integration


def eventually(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)


def counts(server: QueueManagerServer) -> list[tuple[bytes, int]]:
    return [(message.body, message.descriptor.backout_count) for message in server.messages("Q1")]


@pytest.mark.parametrize("binding", ["ibmmq", "pymqi"])
def test_verbs_work_through_the_wire(server: QueueManagerServer, client: Client, binding: str) -> None:
    server.define_queue("Q1", backout_threshold=3, backout_queue="BACK")
    server.define_queue("BACK")
    application = client(binding)
    application.run("a.put(h, b'one'); a.put1('Q1', bytes(300_000)); a.commit()")
    assert application.run("a.get(h).body") == b"one"
    assert application.run("a.get(h, room=10).reason") == 2080
    assert application.run("len(a.get(h, room=300_000).body)") == 300_000
    assert application.reason("a.get(h, wait=50)") == 2033
    application.run("a.back_out(); a.close(h); h = a.open('Q1', 0x29)")
    assert application.run("(a.inquire(h, 22), a.inquire(h, 2019))") == (3, "BACK")
    assert application.run("a.get(h, 0x10).body") == b"one"
    assert application.reason("a.put(h, b'x')") == 2039
    assert application.reason("a.open('NOWHERE', 0x10)") == 2085
    assert application.reason("a.open('Q1', 0x10, ObjectQMgrName=b'FAR')") == 2087
    said = server.last_connect()
    assert said.channel is not None
    assert said.channel.connection_name == server.address
    application.run("a.disconnect()")
    assert server.connections() == []


def test_attributes_properties_and_status_through_the_wire(server: QueueManagerServer, client: Client) -> None:
    application = client()
    application.run("c, p = a.calls, a.package")
    application.run("n = a.checked('CRTMH', bytes(bytearray(p.CMHO().pack())))[0]")
    application.run("a.checked('SETMP', n, p.SMPO().pack(), b'color', p.PD().pack(), 1024, 'blue', 4)")
    application.run("a.put(h, b'x', pmo={'OriginalMsgHandle': n}); a.commit()")
    application.run("a.get(h, 2 | 0x08000000, gmo={'MsgHandle': n})")
    inquired = "a.checked('INQMP', n, bytes(bytearray(p.IMPO().pack())), b'%', p.PD().pack(), 0, 100)"
    assert application.run(inquired)[0] == "blue"
    application.run("a.checked('DLTMP', n, bytes(bytearray(p.DMPO().pack())), b'color')")
    assert application.reason(inquired) == 2471
    application.run("a.checked('DLTMH', n, p.DMHO().pack())")
    assert application.reason(inquired) == 2460
    application.run("q = a.open('Q1', 0x50); a.checked('SET', q, [10], [1], b'')")
    application.run("a.put(q, b'x', 2 | 0x10000)")
    application.run("s = p.STS(); s.unpack(a.checked('STAT', 0, bytes(bytearray(s.pack())))[0])")
    assert application.run("(s.CompCode, s.Reason, s.PutFailureCount)") == (2, 2051, 1)
    server.restart()
    with pytest.raises(ControlError):
        server.depth("NOWHERE")
    again = client()
    assert again.reason("a.put(h, b'x')") == 2051


def test_killed_client_is_backed_out(server: QueueManagerServer, client: Client) -> None:
    for body in (b"one", b"two", b"three"):
        server.put("Q1", body)
    application = client()
    application.run("[a.get(h).body for _ in range(2)] and a.put(h, b'never')")
    assert server.instances("DEV.APP.SVRCONN") == 1
    application.kill()
    eventually(lambda: server.instances("DEV.APP.SVRCONN") == 0)
    assert counts(server) == [(b"one", 1), (b"two", 1), (b"three", 0)]
    other = client()
    assert other.run("a.get(h).body") == b"one"


def test_killed_client_does_not_leave_a_waiting_get_behind(server: QueueManagerServer, client: Client) -> None:
    application = client()
    application.begin("a.get(h, wait=600_000)")
    eventually(lambda: server.depth("Q1").waiting == 1)
    application.kill()
    eventually(lambda: server.depth("Q1").waiting == 0)
    assert server.connections() == []
    server.put("Q1", b"one")
    assert counts(server) == [(b"one", 0)]


def test_client_killed_while_its_commit_is_held(server: QueueManagerServer, client: Client) -> None:
    application = client()
    application.run("a.put(h, b'one')")
    for after, bodies in ((False, []), (True, [b"two"])):
        number = server.fault("CMIT", action="pause", after=after)
        application.begin("a.commit()")
        server.await_fault(number)
        application.kill()
        eventually(lambda: server.instances("DEV.APP.SVRCONN") == 0)
        assert server.bodies("Q1") == bodies
        application = client()
        application.run("a.put(h, b'two')")


def test_killed_server_keeps_what_was_committed(server: QueueManagerServer, client: Client) -> None:
    application = client()
    application.run("a.put(h, b'kept'); a.put(h, b'got'); a.commit()")
    application.run("a.put(h, b'brief', Persistence=0); a.commit()")
    application.run("a.put(h, b'open')")
    getter = client()
    assert getter.run("a.get(h).body") == b"kept"
    getter.run("a.back_out()")
    getter.run("[a.get(h) for _ in range(2)]")
    server.kill()
    assert application.reason("a.put(h, b'x')") == 2009
    assert application.reason("a.commit()") == 2009
    assert getter.reason("a.commit()") == 2009
    assert application.reason(f"Application('ibmmq', address={server.address!r})") == 2538
    server.start()
    assert counts(server) == [(b"kept", 1), (b"got", 0)]
    again = client()
    assert again.run("[a.get(h).body for _ in range(2)]") == [b"kept", b"got"]
    again.run("a.commit()")
    server.restart()
    assert counts(server) == []


def test_definitions_survive_a_restart(server: QueueManagerServer) -> None:
    server.define_queue("Q1", max_depth=7, backout_threshold=2)
    server.define_channel("C1", max_instances=1)
    server.define_user("app", "secret word")
    server.put("Q1", b"x", Descriptor(persistence=1, correl_id=b"c" * 24, expiry=6000))
    server.restart()
    server.restart()
    (message,) = server.messages("Q1")
    assert message.descriptor.correl_id == b"c" * 24
    with pytest.raises(ControlError, match="no such queue"):
        server.depth("Q2")
    with RemoteApplication(server.environment) as application:
        connect = f"Application('ibmmq', channel='C1', address={server.address!r}, user='app', password="
        assert application.reason(connect + "'wrong')") == 2035
        application.run("a = " + connect + "'secret word')")
        assert application.reason(connect + "'secret word')") == 2537
        application.run("h = a.open('Q1', 0x30)")
        assert application.run("(a.inquire(h, 15), a.inquire(h, 22))") == (7, 2)


def test_server_killed_at_a_commit_has_all_of_it_or_nothing(server: QueueManagerServer, client: Client) -> None:
    application = client()
    for after, expected in ((False, []), (True, [b"one", b"two"])):
        server.fault("CMIT", action="exit", after=after)
        application.run("a.put(h, b'one'); a.put(h, b'two')")
        assert application.reason("a.commit()") == 2009
        assert server.wait() == -9
        server.start()
        assert server.bodies("Q1") == expected
        application = client()


def test_journal_that_ends_in_the_middle_of_a_record_is_read_up_to_it(
    server: QueueManagerServer, client: Client
) -> None:
    application = client()
    application.run("a.put(h, b'one'); a.commit()")
    whole = server.journal.stat().st_size
    application.run("a.put(h, b'two'); a.put(h, b'three'); a.commit()")
    server.kill()
    content = server.journal.read_bytes()
    for length in (whole + 1, whole + 20, len(content) - 1):
        server.journal.write_bytes(content[:length])
        server.start()
        assert server.bodies("Q1") == [b"one"]
        server.kill()
    server.journal.write_bytes(content)
    server.start()
    assert server.bodies("Q1") == [b"one", b"two", b"three"]


def test_journal_is_written_anew_when_little_of_it_is_still_true(client: Client, server: QueueManagerServer) -> None:
    server.journal.with_name(f"{server.journal.name}.new").write_bytes(b"left by a death while it was written")
    application = client()
    application.run("a.put(h, b'kept'); a.put(h, b'brief', Persistence=0); a.commit()")
    application.run("b = a.open('Q1', 1); big = bytes(4_000_000)")
    for _ in range(18):
        application.run("m = a.put(h, big, 4, Priority=9); a.get(b, room=4_000_000); a.commit()")
    assert server.journal.stat().st_size < 20_000_000
    assert server.bodies("Q1") == [b"kept", b"brief"]
    server.restart()
    assert server.bodies("Q1") == [b"kept"]


def test_connection_names_are_tried_in_order(server: QueueManagerServer, client: Client, tmp_path: Path) -> None:
    with QueueManagerServer(tmp_path / "other", "QM2") as other:
        other.define_queue("Q1")
        application = client(address=f"127.0.0.1(1),{other.address},{server.address}")
        application.run("a.put(h, b'one', 4)")
        assert (server.depth("Q1").visible, other.depth("Q1").visible) == (1, 0)
        assert application.reason(f"Application('ibmmq', address={other.address!r})") == 2058
        application.run(f"b = Application('ibmmq', 'QM2', address={other.address!r})")
        application.run("b.put1('Q1', b'two', 4)")
        assert other.bodies("Q1") == [b"two"]


def test_cut_network_is_the_end_of_the_connection(server: QueueManagerServer, client: Client) -> None:
    server.put("Q1", b"one")
    with Proxy() as proxy:
        proxy.target = f"127.0.0.1:{server.port}"
        host, port = proxy.address.split(":")
        application = client(address=f"{host}({port})")
        assert application.run("a.get(h).body") == b"one"
        proxy.cut()
        eventually(lambda: server.connections() == [])
        assert counts(server) == [(b"one", 1)]
        assert application.reason("a.commit()") == 2009
        assert application.reason(f"Application('ibmmq', address='{host}({port})')") == 2538


def test_connections_without_a_channel_definition(server: QueueManagerServer) -> None:
    with RemoteApplication(server.environment) as application:
        application.run("a = Application('ibmmq', channel=None, options=0x440)")
        assert [connection.channel for connection in server.connections()] == [""]
    named = {**server.environment, "MQSERVER": f"DEV.APP/TCP/{server.address}", "STAND_IN_ADDRESS": ""}
    with RemoteApplication(named) as application:
        application.run("a = Application('ibmmq', channel=None)")
        assert server.instances("DEV.APP") == 1
        assert application.reason("Application('ibmmq', channel=None, options=0x440)") == 2538


def test_several_clients_share_a_queue_without_loss_or_doubles(server: QueueManagerServer, client: Client) -> None:
    with suppress(ControlError):
        server.define_queue("Q1", max_depth=10_000)
    writers, readers = [client() for _ in range(2)], [client() for _ in range(2)]
    for number, writer in enumerate(writers):
        writer.run("put = lambda n: [a.put(h, b'%d-%d' % (n, i)) and (i % 10 == 9 and a.commit()) for i in range(500)]")
        writer.begin(f"put({number}) and None")
    for reader in readers:
        reader.run("take = lambda: [(a.get(h, wait=5000).body, i % 50 == 49 and a.commit())[0] for i in range(500)]")
        reader.begin("take()")
    for writer in writers:
        writer.end()
    taken = [reader.end() for reader in readers]
    assert sorted(taken[0] + taken[1]) == sorted(b"%d-%d" % (n, i) for n in range(2) for i in range(500))
    for bodies in taken:
        for number in range(2):
            mine = [int(body.split(b"-")[1]) for body in bodies if body.startswith(b"%d-" % number)]
            assert mine == sorted(mine)
    assert server.depth("Q1").all == 0


def test_what_is_asked_of_any_queue_manager_is_true_of_the_server(server: QueueManagerServer) -> None:
    server.define_user("app", "pass word")
    server.define_queue("Q2")
    url = f"mq://app:pass%20word@127.0.0.1:{server.port}/QM1/DEV.APP.SVRCONN?queues=Q1,Q2"
    file = str(Path(__file__).parents[1] / "test_any_queue_manager.py")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", file, "--mq-url", url]
    environment = {**os.environ, **server.environment, "PYTEST_ADDOPTS": ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "skipped" not in done.stdout
    assert server.connections() == []
