"""Asking providers: what they say about each path, in a form that can be passed on to another process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeVar

from linkspan.api.errors import ConfigError, PluginError
from linkspan.api.provider import ConfigData, ConfigProvider
from linkspan.config.providers.references import Resolution, resolution, wanted

__all__ = ["ANSWER_SECONDS", "Answer", "asked", "resolved", "within"]

ANSWER_SECONDS: Final = 30.0
"""How long a provider may take to say something about one path."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider says about one path.

    Attributes:
        values: of the keys that were asked for, as far as they are known.
        ttl_ms: for how long they are good; None for ever.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    ttl_ms: int | None = None


def asked(provider: ConfigProvider[Any], path: str, keys: Sequence[str]) -> Answer:
    """Ask a provider; what it says beyond the question is left out.

    Raises:
        ConfigError: a value cannot be passed on, as a text with half a character.
        PluginError: it answers with something else than values.
    """
    data = provider.get(path, frozenset(keys))
    if not isinstance(data, ConfigData):
        raise PluginError(f"{type(provider).__qualname__}.get returned a {type(data).__name__}, and no ConfigData")
    said: Mapping[str, object] = data.values
    values: dict[str, str] = {}
    for key in keys:
        value = said.get(key, "")
        if not isinstance(value, str):
            # without the value, which may be a secret
            raise PluginError(f"{type(provider).__qualname__}.get returned no text for the key {key}")
        if not _is_text(value):
            where = f"{key} in {path}" if path else key
            raise ConfigError(f"The value of {where} is no text: it has half a character")
        if key in said:
            values[key] = value
    ttl = data.ttl_ms if data.ttl_ms is not None and data.ttl_ms >= 0 else None
    return Answer(values, ttl)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def within(seconds: float, provider: str, what: str, call: Callable[[], T]) -> T:
    """What a call to a provider returns.

    The thread of a call that does not return in time is left behind, and ends with the process: nothing else ends a
    look at a file on a server that does not answer.

    Args:
        seconds: how long it may take.
        provider: its name.
        what: what it is to do, for a message.
        call: to it.

    Raises:
        ConfigError: it does not return in time.
    """
    answer: Future[T] = Future()

    def ask() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:  # noqa: BLE001 - supervision point: raised again where it is waited for
            answer.set_exception(error)

    threading.Thread(target=ask, name=f"config provider {provider}", daemon=True).start()
    try:
        return answer.result(seconds)
    except TimeoutError:
        if answer.done():  # at the last moment; or it has raised that itself
            return answer.result()
        raise ConfigError(f"Config provider {provider} did not {what} within {seconds:g} s") from None


def resolved(
    config: Mapping[str, str | None], providers: Mapping[str, ConfigProvider[Any]], seconds: float = ANSWER_SECONDS
) -> Resolution:
    """Replace the references of a configuration; for providers of this process.

    Args:
        config: as it is written.
        providers: by name.
        seconds: how long an answer about one path may take.

    Raises:
        ConfigError: a provider cannot say anything about a path, or not in time; names the provider.
    """
    found: dict[str, dict[str, Mapping[str, str]]] = {}
    for name, paths in wanted([config]).items():
        for path, keys in paths.items() if name in providers else ():
            ask = partial(_asked, name, providers[name], path, keys)
            answer = within(seconds, name, f"answer about {path or ', '.join(keys)}", ask)
            found.setdefault(name, {})[path] = answer.values
    return resolution(config, found)


def _asked(name: str, provider: ConfigProvider[Any], path: str, keys: Sequence[str]) -> Answer:
    try:
        return asked(provider, path, keys)
    except ConfigError as error:
        raise ConfigError(f"Config provider {name}: {error.message}", error.key) from error
