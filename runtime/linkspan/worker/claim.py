"""Keeping a second worker off the file that this one writes."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from linkspan.api.errors import ConflictError

__all__ = ["Claim"]

log = logging.getLogger(__name__)


class Claim:
    """Says that a file is ours, until it is released or we end.

    The lock is on the file itself, so that it leaves nothing behind, and passes to the file that takes its place.

    Args:
        path: the file; an empty one is made when there is none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: int | None = None

    def take(self) -> None:
        """Claim the file. Where that is impossible nothing is claimed: who reads or writes it next will say why.

        Raises:
            ConflictError: another worker has it.
        """
        held = self._locked()
        while held is not None and not self._is_current(held):  # replaced since it was opened
            os.close(held)
            held = self._locked()
        self._held = held

    @contextlib.contextmanager
    def passing_on(self, descriptor: int) -> Iterator[None]:
        """The open file is about to take the place of the claimed one; it has when nothing is raised."""
        new = os.dup(descriptor)
        try:
            with contextlib.suppress(OSError):  # as take() has said already
                _lock(new)
            yield
        except BaseException:
            os.close(new)
            raise
        self.release()
        self._held = new

    def release(self) -> None:
        """Others may have it."""
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def _locked(self) -> int | None:
        try:
            descriptor = self._opened()
        except OSError:
            return None
        try:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                _lock(descriptor)
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            raise ConflictError(
                f"The offset file {self._path} is in use by another worker, and each would overwrite the offsets of "
                "the other. Stop that worker, or give this one an offset.storage.file.filename of its own"
            ) from None
        except OSError as error:
            log.warning("%s cannot be locked (%s): let no other worker use it", self._path, error.strerror)
        os.close(descriptor)
        return None

    def _opened(self) -> int:
        flags = os.O_RDONLY | os.O_NONBLOCK
        try:
            # Without O_CREAT, which a folder for everybody may refuse for the file of another user.
            return os.open(self._path, flags)
        except FileNotFoundError:
            return os.open(self._path, flags | os.O_CREAT, 0o666)

    def _is_current(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.stat())
        except FileNotFoundError:
            return False


def _lock(descriptor: int) -> None:
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
