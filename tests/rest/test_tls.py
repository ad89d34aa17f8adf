"""https listeners: which settings count, stores, client certificates, protocols, and what is refused."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from linkspan.api.errors import ConfigError
from linkspan.config.listeners import parse_listeners
from linkspan.herder.port import PeerError
from linkspan.rest.app import RestApp
from linkspan.rest.forwarding import WorkerClient
from linkspan.rest.routing import Answer, Request, Route
from linkspan.rest.server import HttpServer
from linkspan.rest.tls import ADMIN_PREFIX, PREFIX, client_context, server_context

jks = pytest.importorskip("jks")
x509 = pytest.importorskip("cryptography.x509")

from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402 - an optional extra
from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: E402
from cryptography.hazmat.primitives.serialization import pkcs12  # noqa: E402

PEM, DER, PKCS8 = serialization.Encoding.PEM, serialization.Encoding.DER, serialization.PrivateFormat.PKCS8
PLAIN = serialization.NoEncryption()


@dataclass
class Identity:
    key: Any
    certificate: Any

    def key_pem(self, password: str | None = None) -> str:
        locked = PLAIN if password is None else serialization.BestAvailableEncryption(password.encode())
        return self.key.private_bytes(PEM, PKCS8, locked).decode()

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(PEM).decode()


def issue(name: str, issuer: Identity | None = None) -> Identity:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    host = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(host, critical=False).sign(issuer.key if issuer else key, hashes.SHA256())
    )  # fmt: skip
    return Identity(key, certificate)


@pytest.fixture(scope="module")
def server() -> Identity:
    return issue("server")


@pytest.fixture(scope="module")
def authority() -> Identity:
    return issue("authority")


@pytest.fixture(scope="module")
def client(authority: Identity) -> Identity:
    return issue("client", authority)


@pytest.fixture
def inline(server: Identity) -> dict[str, str]:
    return {"ssl.keystore.key": server.key_pem(), "ssl.keystore.certificate.chain": server.pem}


def handshake(server_side: ssl.SSLContext, client_side: ssl.SSLContext) -> tuple[str, bool]:
    """Protocol, and whether the client showed a certificate; raises what the server raises."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client_side.wrap_bio(back, there, server_hostname="127.0.0.1"),
        server_side.wrap_bio(there, back, server_side=True),
    ]
    while ends:
        for end in list(ends):
            try:
                end.do_handshake()
                ends.remove(end)
            except ssl.SSLWantReadError:
                continue
            if end.server_side:
                return end.version() or "", end.getpeercert(binary_form=True) is not None
    raise AssertionError


def browser(server: Identity, tmp_path: Path, shown: Identity | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=server.pem)
    if shown is not None:
        (tmp_path / "client.pem").write_text(shown.key_pem() + shown.pem)
        context.load_cert_chain(tmp_path / "client.pem")
    return context


# --- stores ---------------------------------------------------------------------------------------------------------


def stored(kind: str, folder: Path, server: Identity) -> dict[str, str]:
    path = folder / "store"
    settings = {"ssl.keystore.location": str(path)}
    if kind == "jks":
        key = server.key.private_bytes(DER, PKCS8, PLAIN)
        entry = jks.PrivateKeyEntry.new("me", [server.certificate.public_bytes(DER)], key, "pkcs8")
        entry.encrypt("inner1")
        jks.KeyStore.new("jks", [entry]).save(str(path), "outer1")
        return settings | {"ssl.keystore.password": "outer1", "ssl.key.password": "inner1"}
    if kind == "pkcs12":
        lock = serialization.BestAvailableEncryption(b"outer1")
        path.write_bytes(pkcs12.serialize_key_and_certificates(b"me", server.key, server.certificate, None, lock))
        return settings | {"ssl.keystore.password": "outer1", "ssl.keystore.type": "PKCS12"}
    path.write_text(server.key_pem("inner1") + server.pem)
    return settings | {"ssl.keystore.type": "PEM", "ssl.key.password": "inner1"}


@pytest.mark.parametrize("kind", ["jks", "pkcs12", "pem"])
def test_stores_of_every_kind_identify_the_server(kind: str, tmp_path: Path, server: Identity) -> None:
    context = server_context(stored(kind, tmp_path, server), PREFIX)
    assert handshake(context, browser(server, tmp_path)) == ("TLSv1.3", False)


def test_the_key_leaves_no_file_open(tmp_path: Path, server: Identity) -> None:
    settings = stored("jks", tmp_path, server)
    before = os.listdir("/proc/self/fd")  # noqa: PTH208 - the entries are gone when they are looked at
    server_context(settings, PREFIX)
    assert len(os.listdir("/proc/self/fd")) == len(before)  # noqa: PTH208
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


# --- which settings count ------------------------------------------------------------------------------------------


def test_without_prefixed_keys_the_unprefixed_ones_count(inline: dict[str, str]) -> None:
    assert server_context(inline | {"ssl.client.auth": "required"}, PREFIX).verify_mode is ssl.CERT_REQUIRED
    other = {f"{PREFIX}ssl.client.auth": "none"}
    assert server_context(inline | other | {"ssl.client.auth": "required"}, ADMIN_PREFIX).verify_mode


def test_with_one_prefixed_key_all_unprefixed_ones_are_ignored(inline: dict[str, str]) -> None:
    prefixed = {f"{PREFIX}{key}": value for key, value in inline.items()}
    context = server_context(prefixed | {"ssl.client.auth": "required", "ssl.enabled.protocols": "x"}, PREFIX)
    assert context.verify_mode is ssl.CERT_NONE
    with pytest.raises(ConfigError, match="unprefixed") as raised:
        server_context(inline | {f"{ADMIN_PREFIX}ssl.client.auth": "none"}, ADMIN_PREFIX)
    assert f"{ADMIN_PREFIX}ssl.keystore.location is not set" in raised.value.message


# --- client certificates --------------------------------------------------------------------------------------------


def test_a_required_certificate_must_be_shown_and_trusted(
    tmp_path: Path, inline: dict[str, str], server: Identity, client: Identity, authority: Identity
) -> None:
    context = server_context(
        inline | {"ssl.client.auth": "required", "ssl.truststore.certificates": authority.pem}, PREFIX
    )
    assert handshake(context, browser(server, tmp_path, client)) == ("TLSv1.3", True)
    with pytest.raises(ssl.SSLError, match=r"(?i)did not return a certificate"):
        handshake(context, browser(server, tmp_path))
    with pytest.raises(ssl.SSLError, match=r"(?i)verify failed"):
        handshake(context, browser(server, tmp_path, server))


def test_a_requested_certificate_may_be_missing_but_not_untrusted(
    tmp_path: Path, inline: dict[str, str], server: Identity, client: Identity, authority: Identity
) -> None:
    wanted = {"ssl.client.auth": "requested", "ssl.truststore.type": "PEM"}
    (tmp_path / "trust.pem").write_text(authority.pem)
    context = server_context(inline | wanted | {"ssl.truststore.location": str(tmp_path / "trust.pem")}, PREFIX)
    assert handshake(context, browser(server, tmp_path)) == ("TLSv1.3", False)
    assert handshake(context, browser(server, tmp_path, client)) == ("TLSv1.3", True)
    with pytest.raises(ssl.SSLError, match=r"(?i)verify failed"):
        handshake(context, browser(server, tmp_path, server))


def test_a_certificate_in_the_trust_store_is_trusted_without_its_issuer(
    tmp_path: Path, inline: dict[str, str], server: Identity, client: Identity
) -> None:
    settings = inline | {"ssl.client.auth": "required", "ssl.truststore.certificates": client.pem}
    assert handshake(server_context(settings, PREFIX), browser(server, tmp_path, client)) == ("TLSv1.3", True)


def test_without_a_trust_store_the_key_store_is_trusted(
    tmp_path: Path, inline: dict[str, str], server: Identity
) -> None:
    context = server_context(inline | {"ssl.client.auth": "required"}, PREFIX)
    assert handshake(context, browser(server, tmp_path, server)) == ("TLSv1.3", True)


# --- protocols and ciphers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "lowest", "highest"),
    [
        ({}, "TLSv1_2", "TLSv1_3"),
        ({"ssl.enabled.protocols": "TLSv1.2"}, "TLSv1_2", "TLSv1_2"),
        ({"ssl.enabled.protocols": "TLSv1.1, TLSv1.3"}, "TLSv1_3", "TLSv1_3"),
        ({"ssl.cipher.suites": "TLS_AES_128_GCM_SHA256"}, "TLSv1_3", "TLSv1_3"),
        ({"ssl.cipher.suites": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"}, "TLSv1_2", "TLSv1_2"),
    ],
)
def test_protocols_that_are_offered(
    inline: dict[str, str], settings: dict[str, str], lowest: str, highest: str
) -> None:
    context = server_context(inline | settings, PREFIX)
    assert (context.minimum_version.name, context.maximum_version.name) == (lowest, highest)


@pytest.mark.parametrize(
    ("java", "openssl"),
    [
        ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"),
        ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "ECDHE-RSA-AES128-SHA256"),
        ("TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA"),
        ("TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", "DHE-RSA-AES256-GCM-SHA384"),
        ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"),
    ],
)
def test_cipher_suites_have_javas_names(inline: dict[str, str], java: str, openssl: str) -> None:
    context = server_context(inline | {"ssl.cipher.suites": java}, PREFIX)
    assert [item["name"] for item in context.get_ciphers() if not item["name"].startswith("TLS_")] == [openssl]


# --- refusals -------------------------------------------------------------------------------------------------------


def refusal(settings: dict[str, str]) -> str:
    with pytest.raises(ConfigError) as raised:
        server_context({f"{PREFIX}{key}": value for key, value in settings.items()}, PREFIX)
    return raised.value.message


@pytest.mark.parametrize(
    ("kind", "password"),
    # A JKS store opens without a password, unchecked, in Java as well.
    [("jks", "mistake"), ("pkcs12", "mistake"), ("pem", "mistake"), ("pkcs12", None), ("pem", None)],
)
def test_a_wrong_password_names_key_and_file(kind: str, password: str | None, tmp_path: Path, server: Identity) -> None:
    settings = stored(kind, tmp_path, server)
    key = "ssl.key.password" if kind == "pem" else "ssl.keystore.password"
    settings.pop(key)
    message = refusal(settings if password is None else settings | {key: password})
    assert f"{PREFIX}ssl.keystore.location" in message
    assert str(tmp_path / "store") in message
    assert f"{PREFIX}{key}" in message
    assert not any(word in message for word in ("mistake", "outer1", "inner1"))


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ({"ssl.keystore.location": "/nowhere/k.jks"}, ["ssl.keystore.location", "/nowhere/k.jks", "No such file"]),
        ({"ssl.client.auth": "maybe"}, ["ssl.client.auth", "maybe", "none, requested, required"]),
        ({"ssl.enabled.protocols": "TLSv9"}, ["ssl.enabled.protocols", "TLSv9"]),
        ({"ssl.enabled.protocols": "TLSv1.1"}, ["ssl.enabled.protocols", "no protocol is left"]),
        ({"ssl.cipher.suites": "TLS_NONE_WITH_X"}, ["ssl.cipher.suites", "TLS_NONE_WITH_X"]),
        (
            {"ssl.client.auth": "required", "ssl.truststore.certificates": "junk"},
            ["ssl.truststore.certificates", "it holds no certificate"],
        ),
    ],
)
def test_messages_name_what_is_wrong(inline: dict[str, str], settings: dict[str, str], parts: list[str]) -> None:
    given = settings if "ssl.keystore.location" in settings else inline | settings
    message = refusal(given)
    assert all(part in message for part in [PREFIX, *parts])


def test_a_store_without_its_key_is_refused(tmp_path: Path, server: Identity) -> None:
    (tmp_path / "k.pem").write_text(server.pem)
    message = refusal({"ssl.keystore.type": "PEM", "ssl.keystore.location": str(tmp_path / "k.pem")})
    assert "it holds no private key" in message


def test_a_key_that_does_not_fit_its_certificate_is_refused(server: Identity, client: Identity) -> None:
    message = refusal({"ssl.keystore.key": client.key_pem(), "ssl.keystore.certificate.chain": server.pem})
    assert "mismatch" in message


# --- calls to other workers -----------------------------------------------------------------------------------------


def test_a_worker_trusts_what_its_own_listener_shows(inline: dict[str, str]) -> None:
    assert handshake(server_context(inline, PREFIX), client_context(inline)) == ("TLSv1.3", False)


def test_a_worker_shows_its_own_certificate_to_who_asks(inline: dict[str, str]) -> None:
    asking = server_context({**inline, "ssl.client.auth": "required"}, PREFIX)
    assert handshake(asking, client_context(inline)) == ("TLSv1.3", True)


def test_a_worker_needs_no_key_to_call_others(inline: dict[str, str], server: Identity) -> None:
    calling = client_context({"ssl.truststore.type": "PEM", "ssl.truststore.certificates": server.pem})
    assert handshake(server_context(inline, PREFIX), calling) == ("TLSv1.3", False)


@pytest.mark.parametrize("trusting", ["another", "nobody"])
def test_a_worker_calls_nobody_whom_it_does_not_trust(
    inline: dict[str, str], authority: Identity, trusting: str
) -> None:
    settings = {"ssl.truststore.type": "PEM", "ssl.truststore.certificates": authority.pem}
    calling = client_context(settings if trusting == "another" else {})
    with pytest.raises(ssl.SSLCertVerificationError, match="CERTIFICATE_VERIFY_FAILED"):
        handshake(server_context(inline, PREFIX), calling)


@pytest.mark.parametrize(("algorithm", "checked"), [(None, True), ("https", True), ("", False)])
def test_the_name_of_the_other_worker_is_checked_unless_switched_off(
    inline: dict[str, str], algorithm: str | None, checked: bool
) -> None:
    more = {} if algorithm is None else {"ssl.endpoint.identification.algorithm": algorithm}
    assert client_context(inline | more).check_hostname is checked


def test_prefixed_settings_count_alone_for_calls_too(inline: dict[str, str]) -> None:
    prefixed = {f"{PREFIX}{key}": value for key, value in inline.items()}
    unused = {"ssl.truststore.location": "/nowhere", "ssl.endpoint.identification.algorithm": ""}
    calling = client_context({**unused, **prefixed})
    assert calling.check_hostname
    assert handshake(server_context(prefixed, PREFIX), calling) == ("TLSv1.3", False)


def test_a_request_is_forwarded_over_tls(inline: dict[str, str]) -> None:
    async def answer(_: Request) -> Answer:
        return Answer(201, {"it": "works"})

    async def story() -> None:
        app = RestApp()
        app.install([Route("PUT", "/connectors/{c}/stop", answer)])
        server = HttpServer(app, parse_listeners(["https://127.0.0.1:0"]), server_context(inline, PREFIX))
        await server.start()
        url = f"https://127.0.0.1:{server.ports[0]}/"
        knowing, strange = WorkerClient(inline), WorkerClient({})
        try:
            reply = await knowing.ask("PUT", f"{url}connectors/c/stop?forward=true", None, {})
            assert (reply.status, reply.body) == (201, {"it": "works"})
            with pytest.raises(PeerError, match=r"^IO Error trying to forward REST request: .*certificate"):
                await strange.ask("PUT", f"{url}connectors/c/stop", None, {})
        finally:
            await knowing.close()
            await strange.close()
            await server.stop()

    asyncio.run(asyncio.wait_for(story(), 60))


def test_a_store_that_cannot_be_read_is_named_when_a_call_needs_it() -> None:
    async def story() -> None:
        client = WorkerClient({"ssl.truststore.location": "/nowhere/at.all"})
        with pytest.raises(PeerError, match=r"^Error trying to forward REST request: .*/nowhere/at\.all"):
            await client.ask("GET", "https://127.0.0.1:1/", None, {})

    asyncio.run(story())
