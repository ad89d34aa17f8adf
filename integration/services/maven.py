"""Fetches the jars of a real server through the Maven client, once, into a git-ignored folder."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

CACHE = Path(__file__).resolve().parents[2] / ".cache"

_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>linkspan.integration</groupId><artifactId>{name}</artifactId><version>1</version>
  <dependencies>{dependencies}</dependencies>
</project>
"""
_DEPENDENCY = (
    "<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version></dependency>"
)


class UnavailableError(Exception):
    """A server cannot be had on this machine; the text says why and what would help."""


def jars(name: str, coordinates: Sequence[str]) -> Path:
    """Folder with these artifacts and everything they need.

    Args:
        name: folder in the cache; changes when the coordinates change.
        coordinates: ``group:artifact:version``.

    Raises:
        UnavailableError: there is no Maven, or it cannot fetch them.
    """
    target = CACHE / name
    complete = target / ".complete"
    target.mkdir(parents=True, exist_ok=True)
    with (target / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if complete.exists():
            return target / "libs"
        if shutil.which("mvn") is None or shutil.which("java") is None:
            raise UnavailableError(f"{name} needs Java 17 and Maven (commands java and mvn)")
        dependencies = "".join(
            _DEPENDENCY.format(group=group, artifact=artifact, version=version)
            for group, artifact, version in (item.split(":") for item in coordinates)
        )
        pom = target / "pom.xml"
        pom.write_text(_POM.format(name=name, dependencies=dependencies))
        command = [
            "mvn",
            "-q",
            "-B",
            "-f",
            str(pom),
            "dependency:copy-dependencies",
            f"-DoutputDirectory={target}/libs",
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
        if done.returncode != 0:
            raise UnavailableError(f"Maven could not fetch {name}: {(done.stdout + done.stderr).strip()[-500:]}")
        complete.touch()
    return target / "libs"
