"""Security settings as Java's clients take them, on a real broker: every mechanism, kind of store and refusal."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from integration.bench.footprint import tree
from integration.runtime.test_file_to_file import pipeline
from integration.runtime.test_standalone_process import lines, wait_until
from integration.services.certificates import Authority
from integration.services.kafka import request, write_properties
from integration.services.linkspan import LinkspanWorker
from integration.services.secured import KEY_PASSWORD, PASSWORDS, STORE_PASSWORD, SecuredBroker, jaas, prefixed
from integration.services.server import free_ports
from linkspan.api.records import TopicPartition
from linkspan.log.kafka import KafkaLog
from linkspan.log.port import OutgoingBatch, TopicSpec

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("secured")]

WRONG: Final = "pass-that-is-wrong"
CLIENTS: Final = ("producer.", "consumer.", "admin.")
Settings = dict[str, str]
Making = Callable[[SecuredBroker], Settings]


# --- settings of each way in ----------------------------------------------------------------------------------------


def tls(secured: SecuredBroker, kind: str = "JKS") -> Settings:
    return {"bootstrap.servers": secured.address("TLS"), "security.protocol": "SSL", **secured.trust(kind)}


def mutual(secured: SecuredBroker, kind: str = "JKS") -> Settings:
    settings = {**tls(secured, kind), "bootstrap.servers": secured.address("MUTUAL"), "ssl.keystore.type": kind}
    if kind == "PKCS12":
        store = {"ssl.keystore.location": str(secured.stores["key.p12"]), "ssl.keystore.password": STORE_PASSWORD}
    elif kind == "JKS":
        store = {
            "ssl.keystore.location": str(secured.stores["key.jks"]),
            "ssl.keystore.password": STORE_PASSWORD,
            "ssl.key.password": KEY_PASSWORD,
        }
    else:
        store = {"ssl.keystore.location": str(secured.stores["key.pem"]), "ssl.key.password": KEY_PASSWORD}
    return settings | store


def mutual_inline(secured: SecuredBroker, ends_of_lines: str = "\n") -> Settings:
    settings = {
        "ssl.truststore.certificates": secured.authority.pem,
        "ssl.keystore.key": secured.client.key_pem(KEY_PASSWORD),
        "ssl.keystore.certificate.chain": secured.client.chain_pem,
    }
    return {
        "bootstrap.servers": secured.address("MUTUAL"),
        "security.protocol": "SSL",
        "ssl.truststore.type": "PEM",
        "ssl.keystore.type": "PEM",
        "ssl.key.password": KEY_PASSWORD,
        **{name: value.replace("\n", ends_of_lines) for name, value in settings.items()},
    }


def sasl(secured: SecuredBroker, mechanism: str, password: str | None = None) -> Settings:
    return {
        "bootstrap.servers": secured.address("SASL_TLS"),
        "security.protocol": "SASL_SSL",
        **secured.trust(),
        **secured.login(mechanism, "worker", password),
    }


def sasl_in_the_open(secured: SecuredBroker) -> Settings:
    return {
        "bootstrap.servers": secured.address("SASL_OPEN"),
        "security.protocol": "SASL_PLAINTEXT",
        **secured.login("PLAIN", "worker"),
    }


def unsecured_token(secured: SecuredBroker) -> Settings:
    login = {"sasl.jaas.config": jaas("OAUTHBEARER", unsecuredLoginStringClaim_sub="worker")}
    return {**sasl(secured, "PLAIN"), "sasl.mechanism": "OAUTHBEARER", **login}


def oidc(secured: SecuredBroker, password: str | None = None) -> Settings:
    return {
        "bootstrap.servers": secured.address("OIDC"),
        "security.protocol": "SASL_PLAINTEXT",
        **secured.token_login("worker", password),
    }


def misnamed(secured: SecuredBroker) -> Settings:
    return {**tls(secured), "bootstrap.servers": secured.address("MISNAMED")}


WAYS_IN: Final[dict[str, Making]] = {
    "SSL, JKS": tls,
    "SSL, name of the broker not checked": lambda secured: {
        **misnamed(secured),
        "ssl.endpoint.identification.algorithm": "",
    },
    "mutual, JKS": mutual,
    "mutual, PKCS12": lambda secured: mutual(secured, "PKCS12"),
    "mutual, PEM file": lambda secured: mutual(secured, "PEM"),
    "mutual, PEM inline": mutual_inline,
    "mutual, PEM in one line": lambda secured: mutual_inline(secured, " "),
    "SASL_SSL, PLAIN": lambda secured: sasl(secured, "PLAIN"),
    "SASL_SSL, SCRAM-SHA-256": lambda secured: sasl(secured, "SCRAM-SHA-256"),
    "SASL_SSL, SCRAM-SHA-512": lambda secured: sasl(secured, "SCRAM-SHA-512"),
    "SASL_SSL, OAUTHBEARER unsecured": unsecured_token,
    "SASL_PLAINTEXT, PLAIN": sasl_in_the_open,
    "SASL_PLAINTEXT, OAUTHBEARER from a token server": oidc,
}


class Nothing:
    """Takes the news of rebalances."""

    def on_assigned(self, partitions: object) -> None: ...
    def on_revoked(self, partitions: object) -> None: ...
    def on_lost(self, partitions: object) -> None: ...


@pytest.mark.parametrize("way", WAYS_IN)
def test_all_three_clients_get_in_with_javas_settings(secured: SecuredBroker, way: str) -> None:
    name = f"open-{list(WAYS_IN).index(way)}"
    settings, log = WAYS_IN[way](secured), KafkaLog()
    admin = log.admin(settings)
    try:
        assert admin.cluster_id(60) is not None
        assert admin.create_topic(TopicSpec(name, 1, 1))
    finally:
        admin.close()
    writer = log.writer(settings)
    delivery = writer.send(OutgoingBatch(name, [b"a record"]))
    assert writer.flush(60)
    writer.close(0)
    assert not delivery.failures
    reader = log.reader({**settings, "group.id": f"connect-{name}", "auto.offset.reset": "earliest"})
    try:
        reader.subscribe([name], Nothing())
        deadline = time.monotonic() + 60
        while not (batches := reader.poll(0.2, 10)):
            assert time.monotonic() < deadline, "nothing was read"
        assert list(batches[0].values) == [b"a record"]
        reader.commit({TopicPartition(name, 0): 1})
    finally:
        reader.close()


# --- whole workers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "way", ["mutual, PEM inline", "SASL_SSL, SCRAM-SHA-512", "SASL_PLAINTEXT, OAUTHBEARER from a token server"]
)
def test_a_worker_moves_records_and_leaves_no_secret_on_the_disk_or_in_its_log(
    secured: SecuredBroker, tmp_path: Path, way: str
) -> None:
    topic = f"open-worker-{list(WAYS_IN).index(way)}"
    settings = WAYS_IN[way](secured)
    bootstrap = settings.pop("bootstrap.servers")
    (tmp_path / "in.txt").write_text("one\ntwo\n")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    worker = LinkspanWorker(
        tmp_path / "w",
        bootstrap,
        {name: in_file(value) for name, value in prefixed(settings, *CLIENTS).items()},
        pipeline(tmp_path, topic),
        {"TMPDIR": str(temporary)},
    )
    with created_in(temporary) as created:
        worker.start()
        try:
            wait_until(lambda: lines(tmp_path / "out.txt") == ["one", "two"], "both lines arrive")
            held = [text for pid in tree(worker.pid) for text in open_files(pid)]
        finally:
            status = worker.stop()
        assert created() == []
    assert status == 0
    written = [path.read_text(errors="replace") for path in (tmp_path / "w").iterdir() if path.is_file()]
    written.remove((tmp_path / "w" / "worker.properties").read_text())
    for text in (*written, *held):
        assert "PRIVATE KEY" not in text
        assert not [password for password in (*PASSWORDS.values(), STORE_PASSWORD, KEY_PASSWORD) if password in text]


def in_file(value: str) -> str:
    """A value as it is written in a properties file."""
    return value.replace("\n", "\\n")


@contextlib.contextmanager
def created_in(folder: Path) -> Iterator[Callable[[], list[str]]]:
    """What is created in a folder meanwhile, even if it is gone again."""
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(os.O_NONBLOCK)
    assert libc.inotify_add_watch(watch, str(folder).encode(), 0x100 | 0x80) >= 0  # created, moved in

    def names() -> list[str]:
        found, at = [], 0
        try:
            news = os.read(watch, 1 << 16)
        except BlockingIOError:
            return []
        while at < len(news):
            _, _, _, length = struct.unpack_from("iIII", news, at)
            found.append(news[at + 16 : at + 16 + length].rstrip(b"\0").decode())
            at += 16 + length
        return found

    try:
        yield names
    finally:
        os.close(watch)


def open_files(pid: int) -> Iterator[str]:
    """Contents of files that a process holds open, deleted ones and those in memory too."""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            if link.is_file() and not str(link.readlink()).endswith("worker.properties"):
                yield link.read_text(errors="replace")


def test_the_control_of_the_test_above_notices_files(tmp_path: Path) -> None:
    with created_in(tmp_path) as created:
        (tmp_path / "passing").touch()
        (tmp_path / "passing").unlink()
        assert created() == ["passing"]


# --- refusals -------------------------------------------------------------------------------------------------------


def foreign(secured: SecuredBroker) -> Settings:
    return {**tls(secured), "ssl.truststore.type": "PEM", "ssl.truststore.certificates": Authority("somebody else").pem}


def without(settings: Settings, *names: str) -> Settings:
    return {name: value for name, value in settings.items() if name not in names}


SASL_REFUSED: Final = ["refused: SASL", "sasl.jaas.config"]
TLS_REFUSED: Final = ["refused: SSL handshake failed", "certificate verify failed", "ssl.truststore."]
REFUSALS: Final[dict[str, tuple[Making, list[str]]]] = {
    "wrong password, PLAIN": (lambda s: sasl(s, "PLAIN", WRONG), SASL_REFUSED),
    "wrong password, SCRAM": (lambda s: sasl(s, "SCRAM-SHA-512", WRONG), SASL_REFUSED),
    "wrong client secret": (lambda s: oidc(s, WRONG), ["refused", "invalid_client", "sasl.jaas.config"]),
    "mechanism the broker has not": (
        lambda s: {**sasl_in_the_open(s), **s.login("SCRAM-SHA-256", "worker")},
        ["supported mechanisms: PLAIN", "sasl.mechanism"],
    ),
    "certificate of an unknown authority": (foreign, TLS_REFUSED),
    "certificate for another name": (misnamed, [*TLS_REFUSED, "ssl.endpoint.identification.algorithm"]),
    "no certificate of ours": (
        lambda s: {**tls(s), "bootstrap.servers": s.address("MUTUAL")},
        ["refused", "bad certificate", "ssl.keystore."],
    ),
    "trust store that is not there": (
        lambda s: {**tls(s), "ssl.truststore.location": "/nowhere/trust.jks"},
        ["ssl.truststore.location", "/nowhere/trust.jks", "No such file"],
    ),
    "wrong password of a trust store": (
        lambda s: {**tls(s, "PKCS12"), "ssl.truststore.password": WRONG},
        ["ssl.truststore.location", "trust.p12", "check ssl.truststore.password"],
    ),
    "wrong password of a key store": (
        lambda s: {**mutual(s), "ssl.keystore.password": WRONG},
        ["ssl.keystore.location", "key.jks", "check ssl.keystore.password"],
    ),
    "wrong password of a key in JKS": (
        lambda s: {**mutual(s), "ssl.key.password": WRONG},
        ["ssl.keystore.location", "key.jks", "ssl.key.password"],
    ),
    "wrong password of a key in PEM": (
        lambda s: {**mutual(s, "PEM"), "ssl.key.password": WRONG},
        ["ssl.keystore.*", "check ssl.key.password"],
    ),
    "no password for an encrypted key": (
        lambda s: without(mutual_inline(s), "ssl.key.password"),
        ["ssl.keystore.*", "check ssl.key.password"],
    ),
    "no password in the login": (
        lambda s: {**sasl(s, "PLAIN"), "sasl.jaas.config": jaas("PLAIN", username="worker")},
        ['"password" is missing', "sasl.jaas.config"],
    ),
    "malformed login": (
        lambda s: {**sasl(s, "PLAIN"), "sasl.jaas.config": f'x.PlainLoginModule required password="{WRONG}"'},
        ["sasl.jaas.config", "semicolon"],
    ),
    "GSSAPI": (
        lambda s: {**sasl_in_the_open(s), "sasl.mechanism": "GSSAPI", "sasl.kerberos.service.name": "kafka"},
        ["GSSAPI", "sasl.mechanism", "libsasl2", "pip install"],
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_worker_that_cannot_get_in_ends_with_2_and_one_message_without_secrets(
    secured: SecuredBroker, tmp_path: Path, case: str
) -> None:
    make, words = REFUSALS[case]
    done = run_worker(tmp_path, make(secured))
    assert done.returncode == 2, done.stdout + done.stderr
    (message,) = [line for line in done.stderr.splitlines() if line.startswith("connect-standalone: ")]
    assert not [word for word in words if word not in message], message
    assert "Traceback" not in done.stdout + done.stderr
    passwords = (*PASSWORDS.values(), STORE_PASSWORD, KEY_PASSWORD, WRONG)
    assert not [password for password in passwords if password in done.stdout + done.stderr]
    assert "PRIVATE KEY" not in done.stdout + done.stderr


def run_worker(folder: Path, settings: Settings) -> subprocess.CompletedProcess[str]:
    (port,) = free_ports(1)
    text = "org.apache.kafka.connect.storage.StringConverter"
    properties = {
        "key.converter": text,
        "value.converter": text,
        "offset.storage.file.filename": folder / "offsets",
        "listeners": f"http://127.0.0.1:{port}",
        **{name: in_file(value) for name, value in settings.items()},
    }
    command = str(Path(sys.executable).with_name("connect-standalone"))
    file = write_properties(folder / "worker.properties", properties)
    return subprocess.run([command, str(file)], capture_output=True, text=True, timeout=90, check=False)


def test_an_unknown_client_setting_is_reported_once_by_name(secured: SecuredBroker, tmp_path: Path) -> None:
    settings = prefixed(sasl_in_the_open(secured), *CLIENTS)
    source, _ = pipeline(tmp_path, "open-unknown")
    (tmp_path / "in.txt").write_text("one\n")
    worker = LinkspanWorker(
        tmp_path / "w",
        settings["bootstrap.servers"],
        {**settings, "producer.made.up.setting": WRONG},
        [source],
    )
    worker.start()
    try:
        wait_until(
            lambda: (
                request("GET", f"{worker.url}/connectors/{source['name']}/topics")[1]
                == {source["name"]: {"topics": ["open-unknown"]}}
            ),
            "the record is written",
        )
    finally:
        worker.stop()
    log = worker.log.read_text()
    (line,) = [line for line in log.splitlines() if "made.up.setting" in line]
    assert "Settings given to the producer that it does not know: made.up.setting" in line
    assert WRONG not in log
