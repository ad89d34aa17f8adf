"""Folders among the temporary files that no other user can read or plant anything in."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from linkspan.api.errors import ConfigError

__all__ = ["private_folder"]


def private_folder(name: str) -> Path:
    """A folder of that name among the temporary files, made if need be, for this user alone.

    Raises:
        ConfigError: it cannot be made, or belongs to somebody else.
    """
    folder = Path(tempfile.gettempdir()) / name
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.lstat().st_uid != os.geteuid():
            raise ConfigError(f"{folder} belongs to another user; remove it, or set TMPDIR to another folder")
        folder.chmod(0o700)
    except OSError as error:
        raise ConfigError(f"Cannot write to {folder}: {error.strerror}; make it a writable folder") from error
    return folder
