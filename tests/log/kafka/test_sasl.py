"""sasl.jaas.config as Java reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from linkspan.api.errors import ConfigError
from linkspan.log.kafka.sasl import authentication, parse_jaas

PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required "


def test_quotes_and_escapes() -> None:
    module, options = parse_jaas(PLAIN + 'username="a b" password="p\\"w;\\\\" other=x;')
    assert module.endswith("PlainLoginModule")
    assert options == {"username": "a b", "password": 'p"w;\\', "other": "x"}


@pytest.mark.parametrize("text", ["", "Module", PLAIN + 'username="secret"', PLAIN + "username=;", PLAIN + "secret ;"])
def test_malformed_texts_are_refused_without_showing_them(text: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse_jaas(text)
    assert raised.value.key == "sasl.jaas.config"
    assert "secret" not in raised.value.message


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_passwords(mechanism: str) -> None:
    found = authentication(
        {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": mechanism,
            "sasl.jaas.config": PLAIN + 'username="u" password="p";',
        }
    )
    assert found == {"sasl.mechanism": mechanism, "sasl.username": "u", "sasl.password": "p"}


def test_a_missing_password_is_named() -> None:
    with pytest.raises(ConfigError, match='"password" is missing'):
        authentication(
            {
                "security.protocol": "SASL_SSL",
                "sasl.mechanism": "PLAIN",
                "sasl.jaas.config": PLAIN + 'username="u";',
            }
        )


def test_oidc() -> None:
    found = authentication(
        {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "OAUTHBEARER",
            "sasl.oauthbearer.token.endpoint.url": "https://id/token",
            "sasl.jaas.config": 'x.OAuthBearerLoginModule required clientId="c" clientSecret="s" scope="r"'
            ' extension_logicalCluster="lkc";',
        }
    )
    assert found["sasl.oauthbearer.method"] == "oidc"
    assert found["sasl.oauthbearer.client.id"] == "c"
    assert found["sasl.oauthbearer.extensions"] == "logicalCluster=lkc"


def test_without_a_login_in_the_settings_javas_login_file_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "jaas.conf"
    file.write_text(f'KafkaServer {{ x required; }};\nKafkaClient {{ {PLAIN} username="u" password="p"; }};\n')
    monkeypatch.setenv("KAFKA_OPTS", f"-Xmx1g -Djava.security.auth.login.config={file}")
    settings = {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN"}
    assert authentication(settings)["sasl.username"] == "u"
    given = {**settings, "sasl.jaas.config": PLAIN + 'username="other" password="p";'}
    assert authentication(given)["sasl.username"] == "other"
    file.write_text("KafkaServer { x required; };")
    with pytest.raises(ConfigError, match="KafkaClient") as raised:
        authentication(settings)
    assert str(file) in raised.value.message
    file.unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        authentication(settings)


def test_nothing_without_sasl() -> None:
    assert authentication({"sasl.mechanism": "PLAIN"}) == {}


def test_kerberos_is_refused_with_what_to_install() -> None:
    import confluent_kafka

    from linkspan.log.kafka import KafkaLog

    try:
        confluent_kafka.Producer({"security.protocol": "sasl_plaintext", "sasl.mechanism": "GSSAPI", "log_level": 0})
    except confluent_kafka.KafkaException:
        with pytest.raises(ConfigError, match="libsasl2"):
            KafkaLog().writer(
                {
                    "bootstrap.servers": "127.0.0.1:1",
                    "security.protocol": "SASL_PLAINTEXT",
                    "sasl.mechanism": "GSSAPI",
                }
            )
