"""A registry behind HTTPS and passwords, on a broker that lets in only who may: from record to record."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from integration.services.schema_registry import SchemaRegistry
from integration.services.secured import STORE_PASSWORD, SecuredBroker
from linkspan.api import CredentialsError, Schema, Type
from linkspan.api import schema as connect
from linkspan.config.definition import load
from linkspan.convert.avro.converter import AvroConverter

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("secured")]

TOPIC: Final = "_schemas-secured"
RIGHTS: Final = [
    *(("topic", TOPIC, right) for right in ("read", "write", "describe", "describe_configs", "create")),
    *(("transactional_id", f"schema-registry-{TOPIC}", right) for right in ("write", "describe")),
]
"""What the how-to says that a registry needs."""
ROW: Final = Schema(Type.STRUCT, name="Row", fields={"id": connect.INT32})


def settings(broker: SecuredBroker, folder: Path, port: int) -> dict[str, object]:
    folder.mkdir(parents=True, exist_ok=True)
    users, jaas = folder / "users", folder / "jaas.conf"
    users.write_text("alice: secret,admin\n")
    module = "org.eclipse.jetty.jaas.spi.PropertyFileLoginModule"
    jaas.write_text(f'SchemaRegistry {{ {module} required file="{users}"; }};\n')
    server = broker.authority.issue("registry", "127.0.0.1").write_pkcs12(folder / "registry.p12", STORE_PASSWORD)
    store = {"security.protocol": "SASL_SSL", **broker.login("SCRAM-SHA-512", "registry"), **broker.trust()}
    return {
        "kafkastore.bootstrap.servers": f"SASL_SSL://{broker.address('SASL_TLS')}",
        "kafkastore.topic": TOPIC,
        **{f"kafkastore.{name}": value for name, value in store.items()},
        "listeners": f"https://127.0.0.1:{port}",
        "ssl.keystore.location": server,
        "ssl.keystore.type": "PKCS12",
        "ssl.keystore.password": STORE_PASSWORD,
        "authentication.method": "BASIC",
        "authentication.realm": "SchemaRegistry",
        "authentication.roles": "admin",
        "linkspan.jaas.config.file": jaas,
    }


def converter(broker: SecuredBroker, port: int, password: str = "secret") -> AvroConverter:
    made = AvroConverter()
    trust = {f"schema.registry.{name}": value for name, value in broker.trust().items()}
    given = {
        "schema.registry.url": f"https://127.0.0.1:{port}",
        "basic.auth.credentials.source": "USER_INFO",
        "basic.auth.user.info": f"alice:{password}",
        **trust,
    }
    made.configure(load(made.config_class, given), is_key=False)
    return made


def test_records_go_through_a_registry_that_is_secured_on_both_sides(secured: SecuredBroker, tmp_path: Path) -> None:
    secured.allow("registry", RIGHTS)
    registry = SchemaRegistry(tmp_path, secured.address("SASL_TLS"), lambda port: settings(secured, tmp_path, port))
    registry.start()
    made, stranger = converter(secured, registry.port), converter(secured, registry.port, "wrong")
    try:
        payload = made.from_connect("t", ROW, {"id": 7})
        assert payload == b"\0\0\0\0\1\x0e"
        assert made.to_connect("t", payload).value == {"id": 7}
        with pytest.raises(CredentialsError, match="refuses us"):
            stranger.from_connect("t", ROW, {"id": 7})
        assert secured.records(TOPIC) > 0
    finally:
        made.close()
        stranger.close()
        assert registry.stop() == 0
