"""What IBM's JMS classes make of messages, asked of a Java program (JmsMessages.java)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from integration.compat.java_program import JavaProgram
from integration.services.maven import jars

__all__ = ["JmsClasses"]

_SOURCE: Final = Path(__file__).with_name("JmsMessages.java")
_COORDINATES: Final = ("com.ibm.mq:com.ibm.mq.allclient:9.4.4.0",)

Json = dict[str, Any]


class JmsClasses:
    """The program; bytes go to and fro in hexadecimal."""

    def __init__(self, program: JavaProgram) -> None:
        self._program = program

    @classmethod
    @contextmanager
    def started(cls, folder: Path) -> Iterator[JmsClasses]:
        """The program, compiled and run in a folder, where IBM's classes write what they think of failures.

        Raises:
            UnavailableError: there is no Java or no Maven, or it cannot fetch the classes.
        """
        program = JavaProgram([_SOURCE], "JmsMessages", jars("ibm-mq-allclient-9.4.4.0", _COORDINATES), folder)
        try:
            yield cls(program)
        finally:
            program.stop()

    def received(self, md: bytes, data: bytes, *, is_jms: bool, with_descriptor: bool = False) -> Json:
        """A message as JMS sees it, or ``error``."""
        case = {"md": md.hex(), "data": data.hex(), "jms": is_jms, "reads": with_descriptor, "queue": "Q1"}
        return self._answer("receive", case)

    def sent(self, case: Json) -> Json:
        """Descriptor and bytes of a message that JMS sends, and names of properties that it refuses; or ``error``."""
        return self._answer("send", case)

    def decoded(self, ccsid: int, pieces: Sequence[bytes]) -> list[Json]:
        """Name of a character set, and each of these texts in it; or ``error``."""
        return self._answers("decode", [{"ccsid": ccsid, "data": data.hex()} for data in pieces])

    def encoded(self, ccsid: int, texts: Sequence[str]) -> list[Json]:
        """Bytes of each text; or ``error``."""
        return self._answers("encode", [{"ccsid": ccsid, "text": text} for text in texts])

    def _answer(self, what: str, case: Json) -> Json:
        (answer,) = self._answers(what, [case])
        return answer

    def _answers(self, what: str, cases: Sequence[Json]) -> list[Json]:
        return list(self._program.answers([{"do": what, **case} for case in cases]))
