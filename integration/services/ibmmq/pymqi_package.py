"""pymqi built from its unmodified sources, with the stand-in's headers and library in the place of IBM's."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final

from integration.services.ibmmq.compiler import NATIVE, library_folder
from integration.services.maven import CACHE, UnavailableError

__all__ = ["pymqi_folder"]

_RELEASE: Final = "pymqi==1.12.13"


def pymqi_folder() -> Path:
    """A folder for ``sys.path`` with the package ``pymqi``; built on first use.

    Raises:
        UnavailableError: there is no C compiler, no header of Python, or the source cannot be fetched.
    """
    headers = [NATIVE / "mqi.h", *sorted(NATIVE.with_name("headers").iterdir())]
    digest = hashlib.sha256(sys.version.encode() + b"".join(file.read_bytes() for file in [Path(__file__), *headers]))
    target = CACHE / f"ibmmq-pymqi-{digest.hexdigest()[:16]}"
    target.mkdir(parents=True, exist_ok=True)
    complete = target / ".complete"
    with (target / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists():
            _build(target, headers)
            complete.touch()
    return target / "site"


def _build(target: Path, headers: list[Path]) -> None:
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        raise UnavailableError("pymqi is compiled for the tests and needs Python.h (python3-dev)")
    libraries = library_folder("memory")
    for name in ("inc", "lib64"):
        (target / name).mkdir(exist_ok=True)
    for file in headers:
        shutil.copy(file, target / "inc")
    for name in ("libmqm_r.so", "libmqic_r.so"):
        shutil.copy(libraries / name, target / "lib64")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    pip.append("--no-cache-dir")  # nobody else shall get a package that was built against the stand-in
    command = [*pip, "--no-binary", "pymqi", "--target", str(target / "site"), _RELEASE]
    # the library is only a second name for another one: the linker would leave it out as if it were not needed
    environment = {**os.environ, "MQ_FILE_PATH": str(target), "LDFLAGS": "-Wl,--no-as-needed"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, env=environment)
    if done.returncode != 0:
        raise UnavailableError(f"pip could not build {_RELEASE}: {done.stderr.strip()[-1500:]}")
