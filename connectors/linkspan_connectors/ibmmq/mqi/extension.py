"""The MQI through the C modules of the bindings ``ibmmq`` and ``pymqi``; their classes are thirty times slower.

The module is loaded by its file: importing the package would import all of its classes, and hides the reason when the
client library is missing (spec/mq.md 4.1).
"""

from __future__ import annotations

import contextlib
import importlib.machinery
import importlib.util
import os
import struct
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from linkspan_connectors.ibmmq.mqi import constants as mq
from linkspan_connectors.ibmmq.mqi.binding import Get, Inquired, Mqi, Put
from linkspan_connectors.ibmmq.mqi.library import load_library
from linkspan_connectors.ibmmq.mqi.structures import Parameters, security_parameters

__all__ = ["ibmmq", "pymqi"]

_CCDT_URL: Final = "MQCCDTURL"
_FIRST_CHARACTERS: Final = 2001
"""Selectors from here on are of texts."""


def _extension(package: str, module: str) -> ModuleType:
    """Load the C module of a package.

    Raises:
        ImportError: it is not installed, or a library it needs cannot be loaded.
    """
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        message = f"{package} is not installed"
        raise ImportError(message)
    with contextlib.suppress(OSError):
        load_library()
    for folder in found.submodule_search_locations:
        for suffix in importlib.machinery.EXTENSION_SUFFIXES:
            path = Path(folder, module + suffix)
            if path.is_file():
                loader = importlib.machinery.ExtensionFileLoader(module, str(path))
                spec = importlib.util.spec_from_file_location(module, path, loader=loader)
                assert spec is not None
                loaded = importlib.util.module_from_spec(spec)
                loader.exec_module(loaded)
                return loaded
    message = f"{package} is installed without its module {module}"
    raise ImportError(message)


def ibmmq() -> Mqi:
    """IBM's own binding; raises ImportError when it cannot be used."""
    return _Ibmmq(_extension("ibmmq", "ibmmqc"))


def pymqi() -> Mqi:
    """The older binding; raises ImportError when it cannot be used."""
    return _Pymqi(_extension("pymqi", "pymqe"))


class _Extension:
    """What both modules have in common."""

    name: str

    def __init__(self, module: Any) -> None:  # noqa: ANN401 - C code without types
        self._module = module
        self.get: Get = module.MQGET
        self.put: Put = module.MQPUT
        self.commit = module.MQCMIT
        self.backout = module.MQBACK
        self.disconnect = module.MQDISC

    def open(self, connection: int, descriptor: bytes, options: int) -> tuple[int, int, int]:
        """MQOPEN."""
        handle, _, completion, reason = self._module.MQOPEN(connection, descriptor, options)
        return handle, completion, reason

    def close(self, connection: int, handle: int) -> tuple[int, int]:
        """MQCLOSE."""
        completion, reason = self._module.MQCLOSE(connection, handle, 0)
        return completion, reason

    def put1(self, connection: int, descriptor: bytes, md: bytes, pmo: bytes, body: bytes) -> tuple[int, int]:
        """MQPUT1."""
        completion, reason = self._module.MQPUT1(connection, descriptor, md, pmo, body)[-2:]
        return completion, reason


class _Ibmmq(_Extension):
    """Structures go through as they are."""

    name = "ibmmq"

    def connect(self, queue_manager: bytes, parameters: Parameters) -> tuple[int, int, int]:
        """MQCONNX."""
        handle, completion, reason = self._module.MQCONNX(
            queue_manager,
            bytes(parameters.packed_options()),
            parameters.channel,
            security_parameters(parameters),
            parameters.tls,
            None,
        )
        return handle, completion, reason

    def inquire(self, connection: int, handle: int, selectors: Sequence[int]) -> Inquired:
        """MQINQ."""
        numbers = [each for each in selectors if each < _FIRST_CHARACTERS]
        names = [each for each in selectors if each >= _FIRST_CHARACTERS]
        found, characters, completion, reason = self._module.MQINQ(
            connection, handle, [*numbers, *names], [], len(numbers), len(selectors), len(names) * mq.NAME_LENGTH
        )
        if completion != mq.OK:
            return Inquired({}, completion, reason)
        return Inquired(_by_selector(numbers, found or (), names, characters or b""), completion, reason)


class _Pymqi(_Extension):
    """Makes its own connect options: no application name, and the CCDT by an environment variable."""

    name = "pymqi"

    def connect(self, queue_manager: bytes, parameters: Parameters) -> tuple[int, int, int]:
        """MQCONNX."""
        if parameters.ccdt_url is not None:
            os.environ[_CCDT_URL] = parameters.ccdt_url
        user = {}
        if parameters.user is not None:
            user = {"user": parameters.user.encode(), "password": parameters.password.encode()}
        tls = () if parameters.tls is None else (parameters.tls,)
        handle, completion, reason = self._module.MQCONNX(
            queue_manager, parameters.options, parameters.channel, user, *tls
        )
        return handle, completion, reason

    def inquire(self, connection: int, handle: int, selectors: Sequence[int]) -> Inquired:
        """MQINQ, one attribute a call."""
        values: dict[int, int | bytes] = {}
        for selector in selectors:
            value, completion, reason = self._module.MQINQ(connection, handle, selector)
            if completion != mq.OK:
                return Inquired({}, completion, reason)
            values[selector] = value if isinstance(value, int) else bytes(value).rstrip(b"\0 ")
        return Inquired(values, mq.OK, mq.R_NONE)


def _by_selector(
    numbers: Sequence[int], found: Sequence[int], names: Sequence[int], characters: bytes
) -> dict[int, int | bytes]:
    values: dict[int, int | bytes] = dict(zip(numbers, found, strict=False))
    texts = struct.unpack(f"{mq.NAME_LENGTH}s" * len(names), characters[: len(names) * mq.NAME_LENGTH])
    values.update((name, text.rstrip(b"\0 ")) for name, text in zip(names, texts, strict=True))
    return values
