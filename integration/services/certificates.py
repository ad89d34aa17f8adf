"""An authority for tests, and keys and certificates in every kind of store that Java's clients read."""

from __future__ import annotations

import datetime
import ipaddress
import shutil
import subprocess
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, NoEncryption, pkcs12

from integration.services.maven import UnavailableError

__all__ = ["Authority", "Identity", "keytool"]

_PKCS8: Final = serialization.PrivateFormat.PKCS8
_PEM: Final = serialization.Encoding.PEM


def keytool(*arguments: object) -> None:
    """Run the tool for stores that comes with Java."""
    if shutil.which("keytool") is None:
        raise UnavailableError("Stores are made with keytool, which comes with Java 17")
    done = subprocess.run(
        ["keytool", *map(str, arguments), "-noprompt"], capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"keytool {arguments[0]} failed:\n{done.stdout}{done.stderr}")


class Identity:
    """A private key and its certificate.

    Args:
        key: the private key.
        chain: the certificate, then that of who issued it.
    """

    def __init__(self, key: ec.EllipticCurvePrivateKey, chain: tuple[x509.Certificate, x509.Certificate]) -> None:
        self._key = key
        self._chain = chain

    def key_pem(self, password: str | None = None) -> str:
        """The private key in PEM, encrypted when there is a password."""
        how = NoEncryption() if password is None else BestAvailableEncryption(password.encode())
        return self._key.private_bytes(_PEM, _PKCS8, how).decode()

    @property
    def chain_pem(self) -> str:
        """The certificates in PEM."""
        return "".join(certificate.public_bytes(_PEM).decode() for certificate in self._chain)

    def write_pem(self, path: Path, password: str | None = None) -> Path:
        """Key and certificates in one file."""
        path.write_text(self.key_pem(password) + self.chain_pem)
        return path

    def write_pkcs12(self, path: Path, password: str) -> Path:
        """A PKCS12 key store."""
        own, issuer = self._chain
        secret = BestAvailableEncryption(password.encode())
        path.write_bytes(pkcs12.serialize_key_and_certificates(b"me", self._key, own, [issuer], secret))
        return path

    def write_jks(self, path: Path, password: str, key_password: str) -> Path:
        """A JKS key store made by Java, whose key has a password of its own."""
        temporary = self.write_pkcs12(path.with_suffix(".temporary"), password)
        source = ("-srckeystore", temporary, "-srcstoretype", "PKCS12", "-srcstorepass", password, "-srcalias", "me")
        target = ("-destkeystore", path, "-deststoretype", "JKS", "-deststorepass", password)
        keytool("-importkeystore", *source, *target, "-destkeypass", key_password)
        temporary.unlink()
        return path


class Authority:
    """Issues certificates."""

    def __init__(self, name: str = "linkspan tests") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        builder = _builder(self._name, self._name, self._key)
        self._certificate = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(
            self._key, hashes.SHA256()
        )

    @property
    def pem(self) -> str:
        """The authority's certificate in PEM."""
        return self._certificate.public_bytes(_PEM).decode()

    def issue(self, name: str, address: str | None = None) -> Identity:
        """A key with a certificate for a common name, and for an IP address if it is a server's."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(name), self._name, key)
        names: list[x509.GeneralName] = [x509.DNSName(name)]
        if address is not None:
            names.append(x509.IPAddress(ipaddress.ip_address(address)))
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return Identity(key, (builder.sign(self._key, hashes.SHA256()), self._certificate))

    def write_trust(self, path: Path, kind: str, password: str) -> Path:
        """A trust store made by Java, of kind JKS or PKCS12."""
        temporary = path.with_suffix(".temporary")
        temporary.write_text(self.pem)
        store = ("-keystore", path, "-storetype", kind, "-storepass", password)
        keytool("-importcert", "-alias", "ca", "-file", temporary, *store)
        temporary.unlink()
        return path


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
    )
