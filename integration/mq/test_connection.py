"""What the queue manager is told when a task connects: one row for each key of the configuration."""

from __future__ import annotations

import datetime
import os
from pathlib import Path

import jks
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12

from integration.mq.tasks import sink, source
from linkspan.api import ConfigError, CredentialsError
from linkspan_connectors.ibmmq.mqi.library import DATA_PATH

pytestmark = pytest.mark.integration

CLIENT, LOCAL, SHARED = 0x800, 0x400, 0x40


def asked(queue_manager, **changes):
    with source(**changes):
        return queue_manager.last_connect()


def test_a_client_names_itself_its_channel_and_hosts(queue_manager):
    request = asked(queue_manager)
    assert (request.queue_manager, request.application, request.version) == ("QM1", "orders-0", 7)
    assert request.options == CLIENT | SHARED
    channel = request.channel
    assert channel is not None
    assert (channel.channel, channel.connection_name) == ("DEV.APP.SVRCONN", "localhost(1414)")
    assert (channel.channel_type, channel.transport_type, channel.sharing_conversations) == (6, 2, 1)
    assert (channel.max_message_length, channel.heartbeat_interval) == (104857600, 300)
    assert (request.user, request.tls, request.ccdt_url) == (None, None, None)


@pytest.mark.parametrize("direction", [source, sink])
def test_a_connection_that_died_is_noticed_early_where_its_messages_are_waited_for(queue_manager, direction):
    queue_manager.define_queue("STATE")
    with direction(mq_exactly_once_state_queue="STATE", mq_client_reconnect_options="QMGR"):
        channel = queue_manager.last_connect().channel
    assert channel is not None
    assert channel.heartbeat_interval == 30


def test_several_hosts_go_as_they_are(queue_manager):
    channel = asked(queue_manager, mq_connection_name_list="a(1414),b(1415)").channel
    assert channel is not None
    assert channel.connection_name == "a(1414),b(1415)"


def test_bindings_go_without_a_channel(queue_manager):
    request = asked(queue_manager, mq_connection_mode="bindings")
    assert (request.options, request.channel) == (LOCAL | SHARED, None)


def test_a_ccdt_is_taken_in_place_of_channel_and_hosts(queue_manager):
    request = asked(queue_manager, mq_ccdt_url="file:///etc/ccdt.json")
    assert (request.ccdt_url, request.channel) == ("file:///etc/ccdt.json", None)


@pytest.mark.parametrize(
    "url",
    [
        "https://me:secret@files/ccdt.json",
        "https://me:p@secret@files/ccdt.json",
        "https://files/ccdt.json?sv=1&sig=secret",
        "https://me:se?secret@files/ccdt.json?sig=//secret@x",
    ],
)
def test_what_is_secret_in_the_url_of_a_ccdt_is_in_no_message(queue_manager, url):
    with pytest.raises(ConfigError, match=r"at https://files/ccdt\.json\b") as failed:
        asked(queue_manager, mq_ccdt_url=url, mq_queue="NOTHING")
    assert "secret" not in str(failed.value)
    assert queue_manager.last_connect().ccdt_url == url


@pytest.mark.parametrize(
    ("option", "bits"),
    [("ASDEF", 0), ("any", 0x0100_0000), ("QMGR", 0x0400_0000), ("disabled", 0x0200_0000)],
)
def test_reconnection_is_that_of_the_configuration(queue_manager, option, bits):
    assert asked(queue_manager, mq_client_reconnect_options=option).options == CLIENT | SHARED | bits


@pytest.mark.parametrize("direction", [source, sink])
def test_user_and_password_are_security_parameters(queue_manager, direction):
    queue_manager.define_user("app", "sécret")
    with direction(mq_user_name="app", mq_password="sécret"):
        request = queue_manager.last_connect()
    assert (request.authentication_type, request.user, request.password) == (1, b"app", "sécret".encode())
    assert request.channel is not None
    assert request.channel.remote_user == ""


def test_old_queue_managers_get_them_with_the_channel(queue_manager):
    request = asked(queue_manager, mq_user_name="app", mq_password="secret", mq_user_authentication_mqcsp="false")
    assert request.user is None
    assert request.channel is not None
    assert (request.channel.remote_user, request.channel.remote_password) == ("app", "secret")


def test_a_cipher_of_java_is_that_of_the_channel(queue_manager):
    queue_manager.define_channel("DEV.APP.SVRCONN", cipher="ECDHE_RSA_AES_256_GCM_SHA384")
    request = asked(
        queue_manager, mq_ssl_cipher_suite="TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", mq_ssl_peer_name="CN=QM1"
    )
    assert request.channel is not None
    assert (request.channel.cipher_spec, request.peer_name) == ("ECDHE_RSA_AES_256_GCM_SHA384", "CN=QM1")


@pytest.mark.parametrize("direction", [source, sink])
def test_a_key_store_is_the_repository_with_its_password_and_label(queue_manager, tmp_path, direction):
    store = tmp_path / "app.p12"
    store.write_bytes(b"\x30\x82")
    keys = {"mq_ssl_keystore_location": str(store), "mq_ssl_keystore_password": "pw"}
    with direction(**keys, mq_ssl_certificate_label="mine", mq_ssl_cipher_suite="*TLS12"):
        request = queue_manager.last_connect()
    assert request.tls is not None
    assert (request.tls.key_repository, request.tls.certificate_label) == (str(store), "mine")
    assert request.key_password == b"pw"


def test_without_a_store_there_is_no_repository(queue_manager):
    assert asked(queue_manager, mq_ssl_cipher_suite="*TLS12").tls is None


@pytest.mark.parametrize("direction", [source, sink])
def test_a_key_store_of_java_is_there_in_another_form_while_the_task_runs(queue_manager, tmp_path, direction):
    key = rsa.generate_private_key(65537, 2048)
    data = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "app")])
    begin = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, begin, begin + datetime.timedelta(days=36500))
    own = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
    store = tmp_path / "app.jks"
    jks.KeyStore.new("jks", [jks.PrivateKeyEntry.new("app", [own], data, "pkcs8")]).save(str(store), "secret")
    with direction(mq_ssl_keystore_location=str(store), mq_ssl_keystore_password="secret"):
        request = queue_manager.last_connect()
        assert request.tls is not None
        made = Path(request.tls.key_repository)
        content = pkcs12.load_pkcs12(made.read_bytes(), request.key_password)
        assert content.key is not None
        assert content.key.private_numbers() == key.private_numbers()
    assert not made.exists()


def test_what_a_ccdt_says_itself_is_told(queue_manager, caplog):
    url = "file:///etc/ccdt.json"
    asked(queue_manager, mq_ccdt_url=url, mq_ssl_cipher_suite="*TLS12", mq_ssl_peer_name="CN=QM1")
    for key in ("mq.ssl.cipher.suite", "mq.ssl.peer.name"):
        assert f"{key} is not looked at: with mq.ccdt.url it is that of the channel in the table" in caplog.text
    caplog.clear()
    asked(queue_manager, mq_ssl_cipher_suite="*TLS12", mq_ssl_peer_name="CN=QM1")
    assert "is not looked at" not in caplog.text


def test_another_tls_configuration_in_the_same_process_is_refused(queue_manager):
    queue_manager.fault("CONNX", 2391, completion=1, after=True)
    with pytest.raises(ConfigError, match="2391 MQRC_SSL_ALREADY_INITIALIZED") as failed, source():
        pass
    assert failed.value.key == "mq.ssl.keystore.location"
    assert queue_manager.connections() == []


@pytest.mark.usefixtures("queue_manager")
def test_the_data_path_is_set_before_the_client_is_called(tmp_path, monkeypatch):
    monkeypatch.delenv(DATA_PATH, raising=False)
    folder = tmp_path / "mq"
    with source(mq_client_data_path=str(folder)):
        assert os.environ[DATA_PATH] == str(folder)
        assert folder.is_dir()
    monkeypatch.delenv(DATA_PATH, raising=False)


@pytest.mark.usefixtures("queue_manager")
def test_a_data_path_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError) as refused, source(mq_client_data_path=str(tmp_path / "file" / "mq")):
        pass
    assert refused.value.key == "mq.client.data.path"


def test_a_refused_password_is_told_with_its_reason(queue_manager):
    queue_manager.define_user("app", "right")
    with (
        pytest.raises(CredentialsError, match=r"2035 MQRC_NOT_AUTHORIZED \(check mq\.user\.name, mq\.password"),
        source(mq_user_name="app", mq_password="wrong"),
    ):
        pass
