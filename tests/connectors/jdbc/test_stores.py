"""Stores of Java as Python's TLS takes them (spec/jdbc.md 2.2)."""

from __future__ import annotations

import datetime
import ssl

import jks
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from linkspan.api import ConfigError
from linkspan_connectors.jdbc.stores import StoreFile, tls_context

DER = serialization.Encoding.DER


@pytest.fixture(scope="module")
def identity():
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "me")])
    begin = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(7).not_valid_before(begin).not_valid_after(begin + datetime.timedelta(days=36500))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return key, builder.sign(key, hashes.SHA256())


@pytest.fixture
def stores(tmp_path, identity):
    """Files by kind, all with the password ``secret``."""
    key, certificate = identity
    pkcs8 = key.private_bytes(DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    entry = jks.PrivateKeyEntry.new("mine", [certificate.public_bytes(DER)], pkcs8, "pkcs8")
    jks.KeyStore.new("jks", [entry]).save(str(tmp_path / "keys.jks"), "secret")
    trusted = jks.TrustedCertEntry.new("ca", certificate.public_bytes(DER))
    jks.KeyStore.new("jks", [trusted]).save(str(tmp_path / "trust.jks"), "secret")
    secret = serialization.BestAvailableEncryption(b"secret")
    (tmp_path / "keys.p12").write_bytes(pkcs12.serialize_key_and_certificates(b"me", key, certificate, None, secret))
    (tmp_path / "trust.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return {path.name: str(path) for path in tmp_path.iterdir()}


@pytest.mark.parametrize("name", ["trust.jks", "trust.pem", "keys.p12", "keys.jks"])
@pytest.mark.parametrize("prefix", ["", "file:", "file://"])
def test_who_is_trusted_is_read_from_any_store(stores, name, prefix):
    context = tls_context(StoreFile(prefix + stores[name], "secret"), check_hostname=True)
    assert [found["serialNumber"] for found in context.get_ca_certs()] == ["07"]
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize("name", ["keys.jks", "keys.p12"])
def test_our_own_key_is_read_and_left_nowhere(stores, name, tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    tls_context(StoreFile(stores["trust.jks"], "secret"), StoreFile(stores[name], "secret"), check_hostname=False)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", ["trust.jks", "keys.p12"])
def test_a_wrong_password_is_named_without_showing_it(stores, name):
    with pytest.raises(ConfigError, match="check its password") as caught:
        tls_context(StoreFile(stores[name], "hush"), check_hostname=True)
    assert "hush" not in str(caught.value)
    assert caught.value.key == "connection.url"


def test_a_store_that_lacks_what_it_is_for_is_refused(stores, tmp_path):
    with pytest.raises(ConfigError, match="no private key"):
        tls_context(None, StoreFile(stores["trust.jks"], "secret"), check_hostname=True)
    with pytest.raises(ConfigError, match="No such file"):
        tls_context(StoreFile(str(tmp_path / "nowhere")), check_hostname=True)
