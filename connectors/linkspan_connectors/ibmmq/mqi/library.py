"""Where IBM's client library is, and where it writes to."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

__all__ = ["DATA_PATH", "load_library", "use_data_path"]

DATA_PATH: Final = "MQ_OVERRIDE_DATA_PATH"
"""Environment variable that tells IBM's client where it keeps its data, error logs and traces."""

_SONAME: Final = "libmqm_r.so"
_HOMES: Final = ("MQ_INSTALLATION_PATH", "MQ_FILE_PATH")
_DEFAULT_HOME: Final = "/opt/mqm"


def use_data_path(path: str) -> None:
    """Let the client write below this folder; without effect on one that is loaded already.

    Raises:
        OSError: the folder cannot be made.
    """
    Path(path).mkdir(parents=True, exist_ok=True)
    os.environ[DATA_PATH] = path


def _candidates() -> Iterator[str]:
    homes = [os.environ[name] for name in _HOMES if os.environ.get(name)]
    for home in (*homes, _DEFAULT_HOME):
        for folder in ("lib64", "lib"):
            path = Path(home, folder, _SONAME)
            if path.is_file():
                yield str(path)
    yield _SONAME


def load_library() -> ctypes.CDLL:
    """Load the client library, so that the bindings find it wherever it is.

    Names of the MQ environment come first, then /opt/mqm, then what the system's loader finds.

    Raises:
        OSError: it is nowhere, or cannot be loaded.
    """
    # character fields of descriptors arrive in this code page, whatever the locale
    os.environ.setdefault("MQCCSID", "1208")
    problem: OSError | None = None
    for candidate in _candidates():
        try:
            return ctypes.CDLL(candidate, mode=ctypes.RTLD_GLOBAL)
        except OSError as error:
            problem = problem or error
    assert problem is not None
    raise problem
