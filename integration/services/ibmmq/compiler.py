"""The stand-in compiled with the machine's C compiler, once for each state of its sources."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from integration.services.maven import CACHE, UnavailableError

__all__ = ["NATIVE", "library_folder", "server_program"]

NATIVE: Final = Path(__file__).with_name("native")
_FLAGS: Final = ("-std=gnu11", "-O2", "-g", "-fPIC", "-fvisibility=hidden", "-pthread")
_WARNINGS: Final = ("-Wall", "-Wextra", "-Werror", "-Wshadow", "-Wconversion")
_ENGINE: Final = (
    *("arguments", "connection", "control", "convert", "definition", "delivery", "fault", "folder", "get", "inquire"),
    *("journal", "message", "object", "property", "put", "queue", "queue_manager", "record", "request", "rfh2"),
    *("text", "unit"),
)
_CALLS: Final = ("administration", "api", "api_properties", "handle", "layout")
_Link = Callable[[str, Sequence[Path], Path], None]
_CLIENT: Final = "libmqm_r.so"
_CLIENT_OF_PYMQI: Final = "libmqic_r.so"


def library_folder(kind: str) -> Path:
    """A folder with ``libmqm_r.so`` and ``libmqic_r.so``, one set of queues behind both names.

    Args:
        kind: ``memory``, whose queues live in the process that loads it, or ``forward``, which asks a server.

    Raises:
        UnavailableError: there is no C compiler.
    """
    sources = (*_ENGINE, *_CALLS, "startup") if kind == "memory" else (*_CALLS, "address", "forward", "text", "wire")
    return _built(kind, sources, _libraries)


def server_program() -> Path:
    """The queue manager as a program.

    Raises:
        UnavailableError: there is no C compiler.
    """
    return _built("server", (*_ENGINE, "address", "server", "session", "wire"), _program) / "queue-manager"


def extra_flags() -> list[str]:
    """Sanitizers and the like, from the environment: ``STAND_IN_CFLAGS=-fsanitize=address,undefined``."""
    return os.environ.get("STAND_IN_CFLAGS", "").split()


def _built(kind: str, sources: Sequence[str], link: _Link) -> Path:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise UnavailableError("the stand-in for IBM MQ needs a C compiler (gcc)")
    target = CACHE / f"ibmmq-{kind}-{_fingerprint(compiler)}"
    target.mkdir(parents=True, exist_ok=True)
    complete = target / ".complete"
    with (target / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists():
            link(compiler, [NATIVE / f"{name}.c" for name in sources], target)
            complete.touch()
    return target


def _fingerprint(compiler: str) -> str:
    digest = hashlib.sha256(f"{compiler} {_FLAGS} {_WARNINGS} {extra_flags()}".encode())
    digest.update(Path(__file__).read_bytes())
    for file in sorted(NATIVE.iterdir()):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _libraries(compiler: str, sources: Sequence[Path], target: Path) -> None:
    """Both names lead to one library, so that two bindings in one process see the same queues."""
    _run(compiler, [*sources, "-shared", f"-Wl,-soname,{_CLIENT}"], target / _CLIENT)
    link = ["-shared", f"-Wl,-soname,{_CLIENT_OF_PYMQI}", "-Wl,--no-as-needed", f"-L{target}", "-l:" + _CLIENT]
    _run(compiler, [NATIVE / "name.c", *link, "-Wl,-rpath,$ORIGIN"], target / _CLIENT_OF_PYMQI)


def _program(compiler: str, sources: Sequence[Path], target: Path) -> None:
    _run(compiler, sources, target / "queue-manager")


def _run(compiler: str, arguments: Sequence[str | Path], output: Path) -> None:
    command = [compiler, *_FLAGS, *_WARNINGS, *extra_flags(), *map(str, arguments), "-o", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
