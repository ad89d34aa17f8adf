from __future__ import annotations

import datetime
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import jks
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from linkspan.api import ConfigError
from linkspan_connectors.ibmmq.private_folder import PrivateFolder
from linkspan_connectors.ibmmq.stores import Store, Stores

DER = serialization.Encoding.DER


@pytest.fixture(scope="module")
def identity():
    """A key, its certificate, and a certificate that is trusted."""
    key = rsa.generate_private_key(65537, 2048)
    return key, _certificate("app", key), _certificate("authority", rsa.generate_private_key(65537, 2048))


def _certificate(name: str, key: rsa.RSAPrivateKey) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    begin = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(days=36500))
        .sign(key, hashes.SHA256())
    )


@pytest.fixture
def key_store(tmp_path, identity):
    key, own, _ = identity
    path = tmp_path / "keys.jks"
    data = key.private_bytes(DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    entry = jks.PrivateKeyEntry.new("mine", [own.public_bytes(DER)], data, "pkcs8")
    jks.KeyStore.new("jks", [entry]).save(str(path), "secret")
    return Store("mq.ssl.keystore.location", str(path), "secret")


@pytest.fixture
def trust_store(tmp_path, identity):
    path = tmp_path / "trust.jks"
    jks.KeyStore.new("jks", [jks.TrustedCertEntry.new("ca", identity[2].public_bytes(DER))]).save(str(path), "other")
    return Store("mq.ssl.truststore.location", str(path), "other")


def _content(path: str, password: str) -> pkcs12.PKCS12KeyAndCertificates:
    return pkcs12.load_pkcs12(Path(path).read_bytes(), password.encode())


def test_without_stores_there_is_no_repository():
    assert Stores(None, None).repository() is None


def test_a_pkcs12_goes_as_it_is(tmp_path, identity):
    key, own, _ = identity
    path = tmp_path / "app.p12"
    path.write_bytes(
        pkcs12.serialize_key_and_certificates(b"app", key, own, None, serialization.BestAvailableEncryption(b"pw"))
    )
    store = Store("mq.ssl.keystore.location", str(path), "pw")
    assert Stores(store, None, "mine").repository() == (str(path), "pw", "mine")
    assert Stores(store, store._replace(key="mq.ssl.truststore.location")).repository() == (str(path), "pw", "")


def test_a_key_database_goes_without_its_ending(tmp_path):
    path = tmp_path / "app.kdb"
    path.write_bytes(b"")
    store = Store("mq.ssl.keystore.location", str(path), None)
    assert Stores(store, None).repository() == (str(tmp_path / "app"), None, "")


def test_two_jks_become_one_pkcs12_that_goes_away_with_the_task(key_store, trust_store, identity):
    key, own, authority = identity
    stores = Stores(key_store, trust_store)
    made = stores.repository()
    assert made is not None
    assert stores.repository() is made
    content = _content(made.path, made.password or "")
    assert content.key is not None
    assert content.cert is not None
    assert content.cert.certificate == own
    assert content.cert.friendly_name == made.label.encode() == b"linkspan"
    assert [each.certificate for each in content.additional_certs] == [authority]
    assert content.key.private_numbers() == key.private_numbers()
    assert Path(made.path).parent.stat().st_mode & 0o077 == 0
    stores.close()
    assert not Path(made.path).parent.exists()


@pytest.fixture
def two_keys(tmp_path, identity):
    """A JKS with two keys: of the same certificate twice, which their aliases tell apart."""
    key, own, authority = identity
    data = key.private_bytes(DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    entries = [
        jks.PrivateKeyEntry.new("first", [authority.public_bytes(DER)], data, "pkcs8"),
        jks.PrivateKeyEntry.new("second", [own.public_bytes(DER)], data, "pkcs8"),
    ]
    path = tmp_path / "two.jks"
    jks.KeyStore.new("jks", entries).save(str(path), "secret")
    return Store("mq.ssl.keystore.location", str(path), "secret")


def test_the_label_chooses_among_the_keys_of_a_jks(two_keys, identity):
    stores = Stores(two_keys, None, "Second")
    made = stores.repository()
    assert made is not None
    content = _content(made.path, made.password or "")
    assert content.cert is not None
    assert (content.cert.certificate, content.cert.friendly_name, made.label) == (identity[1], b"Second", "Second")
    stores.close()


def test_a_label_that_no_key_has_is_told_with_those_there_are(two_keys):
    with pytest.raises(ConfigError, match="has no key of this name, but first, second") as refused:
        Stores(two_keys, None, "third").repository()
    assert refused.value.key == "mq.ssl.certificate.label"


@pytest.mark.parametrize("part", [5, 40, 500, -30])
def test_a_store_that_is_cut_off_is_told_with_its_key(key_store, part):
    path = Path(key_store.path)
    path.write_bytes(path.read_bytes()[:part])
    with pytest.raises(ConfigError, match=r"keys\.jks") as refused:
        Stores(key_store, None).repository()
    assert refused.value.key == "mq.ssl.keystore.location"


def test_without_a_place_for_files_the_message_says_so(key_store, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/proc/nowhere")
    with pytest.raises(ConfigError, match="Set TMPDIR") as refused:
        Stores(key_store, None).repository()
    assert refused.value.key == "mq.ssl.keystore.location"


def test_what_a_killed_task_has_left_is_removed_by_the_next_one(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code = (
        "import os, signal, sys, tempfile; tempfile.tempdir = sys.argv[1]\n"
        "from linkspan_connectors.ibmmq.private_folder import PrivateFolder\n"
        "made = PrivateFolder(); (made.path / 'keys').write_text('x')\n"
        "print(made.path, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, capture_output=True, text=True)
    left = Path(killed.stdout.strip())
    mine = PrivateFolder()
    assert left.exists(), "it is too young"
    for folder in (left, mine.path):
        os.utime(folder, (1, 1))
    other = PrivateFolder()
    assert [each.exists() for each in (left, mine.path, other.path)] == [False, True, True]
    assert {each.path.stat().st_mode & 0o077 for each in (mine, other)} == {0}
    mine.close()
    other.close()
    assert list(tmp_path.iterdir()) == []


def test_a_trust_store_alone_is_no_identity(trust_store, identity):
    stores = Stores(None, trust_store)
    made = stores.repository()
    assert made is not None
    content = _content(made.path, made.password or "")
    assert (content.key, content.cert, made.label) == (None, None, "")
    assert [each.certificate for each in content.additional_certs] == [identity[2]]
    stores.close()


@pytest.mark.parametrize("password", ["wrong", None])
def test_a_wrong_password_is_told_with_its_key(key_store, password):
    with pytest.raises(ConfigError, match="check its password") as refused:
        Stores(key_store._replace(password=password), None).repository()
    assert refused.value.key == "mq.ssl.keystore.location"


def test_a_file_that_is_no_store_is_told_with_its_key(tmp_path):
    path = tmp_path / "x.jks"
    path.write_bytes(b"hello")
    with pytest.raises(ConfigError, match="neither a JKS nor a PKCS12") as refused:
        Stores(None, Store("mq.ssl.truststore.location", str(path), None)).repository()
    assert refused.value.key == "mq.ssl.truststore.location"


def test_a_key_database_is_not_joined_with_another_file(tmp_path, trust_store):
    path = tmp_path / "app.kdb"
    path.write_bytes(b"")
    with pytest.raises(ConfigError, match="cannot be joined"):
        Stores(Store("mq.ssl.keystore.location", str(path), None), trust_store).repository()


def test_without_the_libraries_the_message_says_how_to_convert(key_store, trust_store, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "jks", None)
    with pytest.raises(ConfigError, match=r"keytool -importkeystore -srckeystore .*keys\.jks"):
        Stores(key_store, trust_store).repository()
