"""The stand-in in this process: queues in memory behind the library that a binding loads."""

from __future__ import annotations

import ctypes
import sys
from typing import Final, Self

from integration.services.ibmmq.compiler import library_folder
from integration.services.ibmmq.control import Control

__all__ = ["MemoryQueueManager"]

_BINDINGS: Final = ("ibmmq", "pymqi")


class _Library:
    """The library, loaded once: afterwards a binding that wants ``libmqm_r.so`` gets this one."""

    loaded: ctypes.CDLL | None = None

    @classmethod
    def get(cls) -> ctypes.CDLL:
        if cls.loaded is None:
            early = [name for name in _BINDINGS if name in sys.modules]
            if early:
                raise RuntimeError(f"{early[0]} was imported before the stand-in was loaded, so it has another library")
            folder = library_folder("memory")
            library = ctypes.CDLL(str(folder / "libmqm_r.so"))
            ctypes.CDLL(str(folder / "libmqic_r.so"))
            library.stand_in_control.argtypes = [ctypes.c_char_p]
            library.stand_in_control.restype = ctypes.c_void_p
            library.stand_in_free.argtypes = [ctypes.c_void_p]
            library.stand_in_free.restype = None
            cls.loaded = library
        return cls.loaded


def _send(line: str) -> str:
    library = _Library.get()
    answer = library.stand_in_control(line.encode())
    try:
        return (ctypes.cast(answer, ctypes.c_char_p).value or b"").decode()
    finally:
        library.stand_in_free(answer)


class MemoryQueueManager(Control):
    """A queue manager in this process, empty when it is made; several may be there at once by their names.

    Make it before ``ibmmq`` or ``pymqi`` is imported for the first time: it loads the library that they find.

    Args:
        name: of the queue manager.

    Raises:
        UnavailableError: there is no C compiler.
        RuntimeError: a binding was imported before.
    """

    def __init__(self, name: str = "QM1") -> None:
        super().__init__(_send, name)
        self.call("define-queue-manager", name=name)
        self.reset()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.reset()
