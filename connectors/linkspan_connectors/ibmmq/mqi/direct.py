"""The MQI straight from IBM's client library, for installations without any Python binding."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence
from ctypes import byref, c_char_p, c_int32
from typing import Any, Final

from linkspan_connectors.ibmmq.mqi import constants as mq
from linkspan_connectors.ibmmq.mqi.binding import Inquired, Mqi
from linkspan_connectors.ibmmq.mqi.library import load_library
from linkspan_connectors.ibmmq.mqi.structures import Parameters, security_parameters

__all__ = ["client_library"]

_FIRST_CHARACTERS: Final = 2001
_CHANNEL_POINTER: Final = 16
_TLS_POINTER: Final = 152
_SECURITY_POINTER: Final = 192
"""Offsets in the MQCNO."""


def client_library() -> Mqi:
    """The client library; raises OSError when it cannot be loaded, AttributeError when it lacks a call."""
    return _ClientLibrary(load_library())


class _ClientLibrary:
    """Gives each call its own memory for codes: calls of several connections may run at a time."""

    name = "ctypes"

    def __init__(self, library: Any) -> None:  # noqa: ANN401 - functions of a shared library
        self._connx, self._disc = library.MQCONNX, library.MQDISC
        self._open, self._close, self._inq = library.MQOPEN, library.MQCLOSE, library.MQINQ
        self._get, self._put, self._put1 = library.MQGET, library.MQPUT, library.MQPUT1
        self._cmit, self._back = library.MQCMIT, library.MQBACK
        for call in vars(self).values():
            call.restype = None
        self._buffer: Any = ctypes.create_string_buffer(0)

    def connect(self, queue_manager: bytes, parameters: Parameters) -> tuple[int, int, int]:
        """MQCONNX."""
        options = parameters.packed_options()
        security = security_parameters(parameters)
        for offset, structure in (
            (_CHANNEL_POINTER, parameters.channel),
            (_TLS_POINTER, parameters.tls),
            (_SECURITY_POINTER, security),
        ):
            if structure is not None:
                struct.pack_into("=Q", options, offset, parameters.keep(structure))
        buffer = (ctypes.c_char * len(options)).from_buffer(options)
        handle, completion, reason = c_int32(-1), c_int32(), c_int32()
        self._connx(c_char_p(queue_manager), buffer, byref(handle), byref(completion), byref(reason))
        return handle.value, completion.value, reason.value

    def disconnect(self, connection: int) -> tuple[int, int]:
        """MQDISC."""
        handle, completion, reason = c_int32(connection), c_int32(), c_int32()
        self._disc(byref(handle), byref(completion), byref(reason))
        return completion.value, reason.value

    def open(self, connection: int, descriptor: bytes, options: int) -> tuple[int, int, int]:
        """MQOPEN."""
        handle, completion, reason = c_int32(), c_int32(), c_int32()
        self._open(c_int32(connection), descriptor, c_int32(options), byref(handle), byref(completion), byref(reason))
        return handle.value, completion.value, reason.value

    def close(self, connection: int, handle: int) -> tuple[int, int]:
        """MQCLOSE."""
        closed, completion, reason = c_int32(handle), c_int32(), c_int32()
        self._close(c_int32(connection), byref(closed), c_int32(0), byref(completion), byref(reason))
        return completion.value, reason.value

    def get(
        self, connection: int, handle: int, md: bytes, gmo: bytes, size: int
    ) -> tuple[bytes, bytes, bytes, int, int, int]:
        """MQGET."""
        if size > len(self._buffer):
            self._buffer = ctypes.create_string_buffer(size)
        buffer = self._buffer
        length, completion, reason = c_int32(), c_int32(), c_int32()
        self._get(
            c_int32(connection),
            c_int32(handle),
            md,
            gmo,
            c_int32(size),
            buffer,
            byref(length),
            byref(completion),
            byref(reason),
        )
        body = ctypes.string_at(buffer, max(min(length.value, size), 0))
        return body, md, gmo, length.value, completion.value, reason.value

    def put(self, connection: int, handle: int, md: bytes, pmo: bytes, body: bytes) -> tuple[bytes, bytes, int, int]:
        """MQPUT."""
        completion, reason = c_int32(), c_int32()
        self._put(
            c_int32(connection),
            c_int32(handle),
            md,
            pmo,
            c_int32(len(body)),
            body,
            byref(completion),
            byref(reason),
        )
        return md, pmo, completion.value, reason.value

    def put1(self, connection: int, descriptor: bytes, md: bytes, pmo: bytes, body: bytes) -> tuple[int, int]:
        """MQPUT1."""
        completion, reason = c_int32(), c_int32()
        self._put1(
            c_int32(connection),
            descriptor,
            md,
            pmo,
            c_int32(len(body)),
            body,
            byref(completion),
            byref(reason),
        )
        return completion.value, reason.value

    def commit(self, connection: int) -> tuple[int, int]:
        """MQCMIT."""
        completion, reason = c_int32(), c_int32()
        self._cmit(c_int32(connection), byref(completion), byref(reason))
        return completion.value, reason.value

    def backout(self, connection: int) -> tuple[int, int]:
        """MQBACK."""
        completion, reason = c_int32(), c_int32()
        self._back(c_int32(connection), byref(completion), byref(reason))
        return completion.value, reason.value

    def inquire(self, connection: int, handle: int, selectors: Sequence[int]) -> Inquired:
        """MQINQ."""
        names = [each for each in selectors if each >= _FIRST_CHARACTERS]
        numbers = [each for each in selectors if each < _FIRST_CHARACTERS]
        integers = (c_int32 * max(len(numbers), 1))()
        characters = ctypes.create_string_buffer(max(len(names), 1) * mq.NAME_LENGTH)
        completion, reason = c_int32(), c_int32()
        self._inq(
            c_int32(connection),
            c_int32(handle),
            c_int32(len(selectors)),
            (c_int32 * len(selectors))(*numbers, *names),
            c_int32(len(numbers)),
            integers,
            c_int32(len(names) * mq.NAME_LENGTH),
            characters,
            byref(completion),
            byref(reason),
        )
        if completion.value != mq.OK:
            return Inquired({}, completion.value, reason.value)
        values: dict[int, int | bytes] = dict(zip(numbers, integers, strict=False))
        for index, name in enumerate(names):
            at = index * mq.NAME_LENGTH
            values[name] = characters.raw[at : at + mq.NAME_LENGTH].rstrip(b"\0 ")
        return Inquired(values, completion.value, reason.value)
