"""Databases of a test: where their programs come from, and as whom they run."""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from integration.services.maven import CACHE, UnavailableError

__all__ = ["DataFolder", "program"]


def program(find: Callable[[], str | None], package: str) -> str:
    """Path of a server's program; its package is installed by apt if it is missing and we may.

    Raises:
        UnavailableError: it is not there, and cannot be had.
    """
    found = find()
    if found is not None:
        return found
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise UnavailableError(f"{package} is not installed; on Debian: apt-get install {package}")
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "apt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = find() or _installed(find, package)
    if found is None:
        raise UnavailableError(f"apt-get could not install {package}")
    return found


def _installed(find: Callable[[], str | None], package: str) -> str | None:
    quiet = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, "capture_output": True}
    install = ["apt-get", "install", "-y", "--no-install-recommends", package]
    if subprocess.run(install, check=False, **quiet).returncode != 0:  # type: ignore[call-overload]
        subprocess.run(["apt-get", "update"], check=False, **quiet)  # type: ignore[call-overload]
        subprocess.run(install, check=False, **quiet)  # type: ignore[call-overload]
    return find()


class DataFolder:
    """A folder for a server that does not run as root: its own user's if we are root, else ours.

    Args:
        name: of the server, part of the folder's.
        users: names to run as, the first that exists.

    Attributes:
        path: where it is.
        user: to run the server as; None for ourselves.
    """

    def __init__(self, name: str, users: Sequence[str]) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=f"linkspan-{name}-"))
        self.user = next((user for user in users if _exists(user)), "nobody") if os.geteuid() == 0 else None
        if self.user is not None:
            found = pwd.getpwnam(self.user)
            os.chown(self.path, found.pw_uid, found.pw_gid)

    def place(self, name: str, text: str) -> Path:
        """A file in it that nobody but its user can read."""
        path = self.path / name
        path.write_text(text)
        path.chmod(0o600)
        if self.user is not None:
            found = pwd.getpwnam(self.user)
            os.chown(path, found.pw_uid, found.pw_gid)
        return path

    def run(self, command: Sequence[str]) -> None:
        """Run a program to its end as that user.

        Raises:
            RuntimeError: it failed; with what it said.
        """
        done = subprocess.run(
            command, user=self.user, cwd=self.path, capture_output=True, text=True, check=False, timeout=120
        )
        if done.returncode != 0:
            raise RuntimeError(f"{command[0]} failed:\n{(done.stdout + done.stderr)[-3000:]}")

    def remove(self) -> None:
        """Remove it with what is in it."""
        shutil.rmtree(self.path, ignore_errors=True)


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True
