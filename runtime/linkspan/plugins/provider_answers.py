"""What the config providers of a worker file say, plugins among them; run as a process of its own.

It reads the settings as JSON from standard input, and writes JSON objects to standard output, one a line: ``asked``
with the name of a provider before it is called; and at last ``found`` (values by provider, path and key), or ``error``
and ``key``. What plugins print goes to standard error.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

import orjson

from linkspan.api.errors import ConnectError
from linkspan.api.provider import ConfigProvider
from linkspan.config.providers.asking import asked, resolved
from linkspan.config.providers.declared import BUILT_IN, DeclaredProvider, check_classes, declared, made
from linkspan.config.providers.references import wanted
from linkspan.observe.hiding import hidden, know
from linkspan.plugins.catalog import INSTALLED, PluginInfo
from linkspan.plugins.discovery import folders, scan_providers
from linkspan.plugins.loading import load

__all__ = ["main"]


def main() -> None:
    """Answer, and end whatever threads plugins have begun."""
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        answer: dict[str, Any]
        try:
            answer = {"found": _found(orjson.loads(sys.stdin.buffer.read()), lambda name: _say(out, {"asked": name}))}
        except ConnectError as error:
            answer = {"error": hidden(error.message), "key": getattr(error, "key", None)}
        except Exception as error:  # noqa: BLE001 - supervision point: a plugin may raise anything
            answer = {"error": hidden(f"A config provider failed: {type(error).__name__}: {error}"), "key": None}
        _say(out, answer)
    os._exit(0)


def _say(out: BinaryIO, line: Mapping[str, Any]) -> None:
    out.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
    out.flush()


def _found(settings: dict[str, str], asking: Callable[[str], None]) -> dict[str, dict[str, Mapping[str, str]]]:
    providers = declared(settings)
    plugins = {info.class_name: info for info in _plugins(settings.get("plugin.path") or "")}
    check_classes(providers, {**BUILT_IN, **plugins})
    others = [provider for provider in providers if provider.class_name not in BUILT_IN]
    know(value for provider in others for value in provider.params.values())
    ready = {}
    for provider in providers:
        if provider.class_name in BUILT_IN:
            asking(provider.name)
            ready[provider.name] = made(provider, BUILT_IN[provider.class_name])
    for provider in providers:
        if provider.name not in ready:
            params = resolved(provider.params, ready)
            know(params.values.values())
            asking(provider.name)
            whole = DeclaredProvider(provider.name, provider.class_name, params.texts)
            ready[provider.name] = made(whole, load(plugins[provider.class_name]))
    asked_for = wanted([{key: value for key, value in settings.items() if key != "plugin.path"}])
    found: dict[str, dict[str, Mapping[str, str]]] = {}
    for name, paths in asked_for.items():
        if name in ready:
            asking(name)
            found[name] = {path: _values(ready[name], path, keys) for path, keys in paths.items()}
    return found


def _values(provider: ConfigProvider[Any], path: str, keys: list[str]) -> Mapping[str, str]:
    values = asked(provider, path, keys).values
    know(values.values())
    return values


def _plugins(plugin_path: str) -> list[PluginInfo]:
    places = [INSTALLED, *folders([place.strip() for place in plugin_path.split(",")])]
    return [info for place in places for info in scan_providers(place)]


if __name__ == "__main__":
    main()
