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


def test_a_pem_text_in_one_line_is_read_as_java_reads_it(identity: tuple) -> None:
    key_pem, certificate_pem = identity[4:]
    found = certificates(
        {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.key": " ".join(key_pem.split("\n")),
            "ssl.keystore.certificate.chain": " ".join((certificate_pem * 2).split("\n")),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.certificates": " ".join(certificate_pem.split("\n")),
        }
    )
    assert found == {
        "ssl.key.pem": key_pem,
        "ssl.certificate.pem": certificate_pem * 2,
        "ssl.ca.pem": certificate_pem,
    }


def test_a_key_store_may_serve_as_trust_store_without_the_password_of_its_key(tmp_path: Path, identity: tuple) -> None:
    entry = jks.PrivateKeyEntry.new("me", [identity[3]], identity[2], "pkcs8")
    entry.encrypt("inner")
    jks.KeyStore.new("jks", [entry]).save(str(tmp_path / "key.jks"), "outer")
    trust = {"ssl.truststore.location": str(tmp_path / "key.jks"), "ssl.truststore.password": "outer"}
    assert certificates(trust) == {"ssl.ca.pem": identity[5]}


@pytest.mark.parametrize(
    ("settings", "key", "reason"),
    [
        ({"ssl.truststore.certificates": "junk"}, "ssl.truststore.certificates", "no certificate"),
        ({"ssl.truststore.type": "PEM", "ssl.truststore.location": "EMPTY"}, "ssl.truststore.location", "no certi"),
        ({"ssl.keystore.type": "PEM", "ssl.keystore.location": "EMPTY"}, "ssl.keystore.location", "no private key"),
        ({"ssl.keystore.key": "KEY"}, "ssl.keystore.certificate.chain", "no certificate"),
        ({"ssl.keystore.certificate.chain": "CERTIFICATE"}, "ssl.keystore.key", "no private key"),
        ({"ssl.truststore.type": "BCFKS", "ssl.truststore.location": "EMPTY"}, "ssl.truststore.type", "use JKS"),
        ({"ssl.truststore.location": "MISSING"}, "ssl.truststore.location", "No such file"),
    ],
)
def test_stores_that_hold_nothing_of_use_are_refused_by_key(
    tmp_path: Path, identity: tuple, settings: dict[str, str], key: str, reason: str
) -> None:
    (tmp_path / "empty").write_text("nothing\n")
    stand_for = {
        "EMPTY": str(tmp_path / "empty"),
        "MISSING": str(tmp_path / "missing"),
        "KEY": identity[4],
        "CERTIFICATE": identity[5],
    }
    with pytest.raises(ConfigError, match=reason) as raised:
        certificates({name: stand_for.get(value, value) for name, value in settings.items()}, "producer.")
    assert raised.value.key == f"producer.{key}"
    assert "PRIVATE KEY--" not in raised.value.message
