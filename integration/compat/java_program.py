"""A Java program that reads cases, one JSON line each, and answers each with a line."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Thread
from typing import Any, Final

__all__ = ["JavaProgram"]

_OPTIONS: Final = ("-Duser.timezone=UTC", "-Duser.language=en", "-Duser.country=US", "-Dlog4j2.level=OFF", "-Xmx512m")


class JavaProgram:
    """Compiled and started once.

    Args:
        sources: the files of the program.
        main: its class.
        jars: what it is compiled and run with.
        folder: for what the compiler writes, and where the program runs.
    """

    def __init__(self, sources: Sequence[Path], main: str, jars: Path, folder: Path) -> None:
        path = ":".join(map(str, sorted(jars.glob("*.jar"))))
        compiler = ["java", "-m", "jdk.compiler/com.sun.tools.javac.Main", "-Xlint:none", "-nowarn", "-d", str(folder)]
        done = subprocess.run(
            [*compiler, "-cp", path, *map(str, sources)], capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        self._process = subprocess.Popen(
            ["java", *_OPTIONS, "-cp", f"{folder}:{path}", main],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            cwd=folder,
        )

    def answers(self, cases: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """The cases with their results."""
        read = self._process.stdout
        assert read is not None
        feeder = Thread(target=self._feed, args=(cases,))
        feeder.start()
        for _ in cases:
            yield json.loads(read.readline())
        feeder.join()

    def _feed(self, cases: Sequence[dict[str, Any]]) -> None:
        write = self._process.stdin
        assert write is not None
        for case in cases:
            write.write(json.dumps(case) + "\n")
        write.flush()

    def stop(self) -> None:
        """Let it end."""
        self._process.communicate(timeout=60)
