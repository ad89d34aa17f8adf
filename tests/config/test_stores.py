"""Stores become texts in memory."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path

import pytest

from linkspan.api.errors import ConfigError
from linkspan.config.stores import certificates

jks = pytest.importorskip("jks")
x509 = pytest.importorskip("cryptography.x509")


@pytest.fixture(scope="module")
def identity() -> tuple[object, object, bytes, bytes, str, str]:
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "linkspan")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    encoding, plain = serialization.Encoding, serialization.NoEncryption()
    pkcs8 = serialization.PrivateFormat.PKCS8
    return (
        key,
        certificate,
        key.private_bytes(encoding.DER, pkcs8, plain),
        certificate.public_bytes(encoding.DER),
        key.private_bytes(encoding.PEM, pkcs8, plain).decode(),
        certificate.public_bytes(encoding.PEM).decode(),
    )


def test_jks(tmp_path: Path, identity: tuple) -> None:
    _, _, key, certificate, key_pem, certificate_pem = identity
    entry = jks.PrivateKeyEntry.new("me", [certificate], key, "pkcs8")
    entry.encrypt("inner")
    jks.KeyStore.new("jks", [entry]).save(str(tmp_path / "key.jks"), "outer")
    trusted = jks.TrustedCertEntry.new("ca", certificate)
    jks.KeyStore.new("jks", [trusted]).save(str(tmp_path / "trust.jks"), "outer")
    found = certificates(
        {
            "ssl.keystore.location": str(tmp_path / "key.jks"),
            "ssl.keystore.password": "outer",
            "ssl.key.password": "inner",
            "ssl.truststore.location": str(tmp_path / "trust.jks"),
            "ssl.truststore.password": "outer",
        }
    )
    assert found == {"ssl.key.pem": key_pem, "ssl.certificate.pem": certificate_pem, "ssl.ca.pem": certificate_pem}


def test_pkcs12_under_javas_default_type(tmp_path: Path, identity: tuple) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.serialization import pkcs12

    key, certificate, _, _, key_pem, certificate_pem = identity
    store = pkcs12.serialize_key_and_certificates(
        b"me", key, certificate, None, serialization.BestAvailableEncryption(b"pw")
    )
    (tmp_path / "k").write_bytes(store)
    found = certificates({"ssl.keystore.location": str(tmp_path / "k"), "ssl.keystore.password": "pw"})
    assert found == {"ssl.key.pem": key_pem, "ssl.certificate.pem": certificate_pem}


def test_pem_in_one_file_and_inline(tmp_path: Path, identity: tuple) -> None:
    key_pem, certificate_pem = identity[4:]
    (tmp_path / "both.pem").write_text(key_pem + certificate_pem)
    found = certificates({"ssl.keystore.type": "PEM", "ssl.keystore.location": str(tmp_path / "both.pem")})
    assert found == {"ssl.key.pem": key_pem, "ssl.certificate.pem": certificate_pem}
    assert certificates({"ssl.truststore.type": "PEM", "ssl.truststore.certificates": certificate_pem}) == {
        "ssl.ca.pem": certificate_pem
    }


def test_a_wrong_password_names_the_file_and_no_password(tmp_path: Path, identity: tuple) -> None:
    jks.KeyStore.new("jks", [jks.TrustedCertEntry.new("ca", identity[3])]).save(str(tmp_path / "t"), "right")
    with pytest.raises(ConfigError) as raised:
        certificates({"ssl.truststore.location": str(tmp_path / "t"), "ssl.truststore.password": "mistake"})
    assert str(tmp_path / "t") in raised.value.message
    assert "mistake" not in raised.value.message


def test_a_missing_extra_says_how_to_install_it(
    tmp_path: Path, identity: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    jks.KeyStore.new("jks", [jks.TrustedCertEntry.new("ca", identity[3])]).save(str(tmp_path / "t"), "right")
    monkeypatch.setitem(sys.modules, "jks", None)
    with pytest.raises(ConfigError, match=r"pip install 'linkspan\[tls\]'"):
        certificates({"ssl.truststore.location": str(tmp_path / "t"), "ssl.truststore.password": "right"})
