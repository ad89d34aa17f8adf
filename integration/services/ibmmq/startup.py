"""A queue manager in the memory of a process that a test only starts, such as the task of a worker."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from integration.services.ibmmq.compiler import library_folder
from integration.services.ibmmq.control import Control

__all__ = ["StartUp"]


class StartUp(Control):
    """Commands that are carried out when the library is loaded; nothing can be asked.

    Each process that loads it has a queue manager of its own.

    Args:
        file: for the commands; written by :meth:`write`.
        name: of the queue manager.
    """

    def __init__(self, file: Path, name: str = "QM1") -> None:
        super().__init__(self._note, name)
        self._file = file
        self._lines: list[str] = []
        self.call("define-queue-manager", name=name)

    def _note(self, line: str) -> str:
        self._lines.append(line)
        return "ok"

    def write(self) -> Self:
        """Write what was noted."""
        self._file.write_text("".join(f"{line}\n" for line in self._lines))
        return self

    @property
    def environment(self) -> dict[str, str]:
        """Variables for a process whose binding shall find the library.

        Raises:
            UnavailableError: there is no C compiler.
        """
        return {"LD_LIBRARY_PATH": str(library_folder("memory")), "STAND_IN_COMMANDS": str(self._file)}
