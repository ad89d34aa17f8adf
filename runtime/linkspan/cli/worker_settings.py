"""The settings of a worker file, with its references replaced (spec/runtime.md 4.17).

Providers that come with Linkspan are asked in this process. If the file declares another one, which is a plugin, all of
them are asked in a process of its own: plugin code never runs in the worker's.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import orjson

from linkspan.api.errors import ConfigError
from linkspan.api.fields import Config
from linkspan.api.provider import ConfigProvider
from linkspan.config.clients import CLIENTS, is_password
from linkspan.config.providers import asking
from linkspan.config.providers.declared import BUILT_IN, DeclaredProvider, declared, made
from linkspan.config.providers.passwords import passwords
from linkspan.config.providers.references import Found, Resolution, resolution
from linkspan.observe.hiding import know

__all__ = ["password_keys", "resolved_settings"]

_PLUGIN_PATH: Final = "plugin.path"
_SECONDS: Final = 60.0
_ANSWER_SECONDS: Final = asking.ANSWER_SECONDS


def resolved_settings(written: Mapping[str, str]) -> Resolution:
    """Resolve a worker file, all but its ``plugin.path``; what is found is hidden in texts from now on.

    Raises:
        ConfigError: there is no such class of a provider, it cannot be used, or it cannot say anything about a path.
    """
    providers = declared(written)
    config: dict[str, str | None] = {key: value for key, value in written.items() if key != _PLUGIN_PATH}
    if all(provider.class_name in BUILT_IN for provider in providers):
        ready = {provider.name: _made(provider) for provider in providers}
        result = asking.resolved(config, ready, _ANSWER_SECONDS)
    else:
        result = resolution(config, _found_elsewhere(written))
    know(result.values.values())
    if _PLUGIN_PATH in written:
        result.config[_PLUGIN_PATH] = written[_PLUGIN_PATH]
    return result


def _made(provider: DeclaredProvider) -> ConfigProvider[Any]:
    """A provider that comes with Linkspan, ready to be asked."""
    making = partial(made, provider, BUILT_IN[provider.class_name])
    return asking.within(_ANSWER_SECONDS, provider.name, "take its parameters", making)


def password_keys(config_class: type[Config], written: Mapping[str, str]) -> set[str]:
    """Keys of a worker file that hold passwords, those for clients included."""
    own = passwords(config_class.keys)
    for client in CLIENTS:
        own |= {
            key
            for key in written
            if key.startswith(f"{client}.") and is_password(client, key.removeprefix(f"{client}."))
        }
    return own | {
        key for key in written for prefix in _LISTENERS if key.startswith(prefix) and key.removeprefix(prefix) in own
    }


_LISTENERS: Final = ("listeners.https.", "admin.listeners.https.")


def _found_elsewhere(written: Mapping[str, str]) -> Found:
    """What providers say, some of which are plugins."""
    command = [sys.executable, "-m", "linkspan.plugins.provider_answers"]
    try:
        done = subprocess.run(  # noqa: S603 - our own module
            command, input=orjson.dumps(dict(written)), stdout=subprocess.PIPE, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        asked = _last(error.stdout).get("asked")
        who = "The config providers" if asked is None else f"Config provider {asked}"
        raise ConfigError(f"{who} of the worker file did not answer within {_SECONDS:g} s") from None
    answer = _last(done.stdout)
    if not answer.keys() & {"error", "found"}:
        who = f" while {answer['asked']} was asked" if "asked" in answer else ""
        raise ConfigError(
            f"The config providers of the worker file gave no answer: their process ended with {done.returncode}{who}"
        )
    if "error" in answer:
        raise ConfigError(answer["error"], answer["key"])
    found: Found = answer["found"]
    return found


def _last(said: bytes | None) -> dict[str, Any]:
    """The last whole line of what the process of providers has said."""
    whole = (said or b"").split(b"\n")[:-1]
    line: dict[str, Any] = orjson.loads(whole[-1]) if whole else {}
    return line
