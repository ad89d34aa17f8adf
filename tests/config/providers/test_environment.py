from __future__ import annotations

from typing import Any

import pytest

from linkspan.api.errors import ConfigError
from linkspan.config.providers.declared import DeclaredProvider, made
from linkspan.config.providers.environment import EnvVarConfigProvider, StrimziEnvVarConfigProvider


def provider(kind: type[Any], params: dict[str, str]) -> Any:
    return made(DeclaredProvider("env", kind.__name__, params), kind)


@pytest.fixture(autouse=True)
def _variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_HOST", "h")
    monkeypatch.setenv("DB_HOSTS", "hs")
    monkeypatch.delenv("DB_GONE", raising=False)


@pytest.mark.parametrize(
    ("params", "known"),
    [
        ({}, {"DB_HOST": "h", "DB_HOSTS": "hs"}),
        ({"allowlist.pattern": "DB_HOST"}, {"DB_HOST": "h"}),
        ({"allowlist.pattern": "DB.*S|X"}, {"DB_HOSTS": "hs"}),
        ({"allowlist.pattern": r"\p{Upper}{2}_HOST"}, {"DB_HOST": "h"}),
        ({"allowlist.pattern": ""}, {}),
    ],
)
def test_variables_are_known_whose_whole_name_matches(params: dict[str, str], known: dict[str, str]) -> None:
    assert provider(EnvVarConfigProvider, params).get("", ["DB_HOST", "DB_HOSTS", "DB_GONE"]).values == known


def test_a_path_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^Path is not supported for EnvVarConfigProvider, invalid value '/x'$"):
        provider(EnvVarConfigProvider, {}).get("/x", ["DB_HOST"])


def test_strimzis_takes_any_path_and_knows_no_list() -> None:
    strimzi = provider(StrimziEnvVarConfigProvider, {"allowlist.pattern": "X"})
    assert strimzi.get("/x", ["DB_HOST", "DB_GONE"]).values == {"DB_HOST": "h"}


def test_a_malformed_pattern_names_the_provider() -> None:
    with pytest.raises(ConfigError, match=r"^Config provider env \(EnvVarConfigProvider\) cannot be used: .*'\('"):
        provider(EnvVarConfigProvider, {"allowlist.pattern": "("})
