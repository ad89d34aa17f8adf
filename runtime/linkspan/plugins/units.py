"""Units of ``plugin.path``: folders and archives, each with the packages of its own.

A unit is what ``pip install --target`` leaves, as a folder or packed as .zip, .tgz or .tar.gz. The packages may also
lie some folders deeper, and in several places: an operator that builds images puts each archive of a plugin into a
folder of its own below the plugin's. All of them belong to the one unit.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from linkspan.api.errors import ConfigError
from linkspan.config.private_folder import private_folder

__all__ = ["package_folders", "units"]

log = logging.getLogger(__name__)

_METADATA: Final = (".dist-info", ".egg-info")
_ARCHIVES: Final = (".zip", ".tgz", ".tar.gz")
_DEEPEST: Final = 6


def units(plugin_path: Sequence[str]) -> list[Path]:
    """Folders of the units; archives are unpacked, and what cannot be used is logged and skipped. Imports nothing."""
    found = []
    jars: dict[str, int] = {}
    for entry in plugin_path:
        if entry.strip():
            inside = list(_units_of(Path(entry.strip())))
            places = {Path(entry.strip()), *inside}
            jars[entry.strip()] = len({jar for place in places for jar in place.rglob("*.jar")})
            found += inside
    if any(jars.values()):
        where = ", ".join(entry for entry, number in jars.items() if number)
        log.warning("plugin.path: %d jars under %s are skipped, plugins are Python here", sum(jars.values()), where)
    return found


@lru_cache
def package_folders(unit: str) -> tuple[str, ...]:
    """The folders of a unit that packages are imported from: those with metadata of packages, else the unit itself."""
    return tuple(str(folder) for folder in _with_metadata(Path(unit), _DEEPEST)) or (unit,)


def _units_of(folder: Path) -> Iterator[Path]:
    try:
        inside = sorted(folder.iterdir())
    except OSError:
        log.error("plugin.path: %s is not a folder that can be read; it is skipped", folder)  # noqa: TRY400 - a user's mistake
        return
    if _has_metadata(folder):
        yield folder
        return
    for item in inside:
        if item.name.startswith("."):
            continue
        if item.is_dir():
            yield item
        elif item.name.endswith(_ARCHIVES):
            try:
                yield _unpacked(item)
            except (ConfigError, OSError, ValueError, EOFError, zipfile.BadZipFile, tarfile.TarError) as error:
                log.error("plugin.path: %s cannot be unpacked: %s; it is skipped", item, error)  # noqa: TRY400 - as above


def _with_metadata(folder: Path, deep: int) -> Iterator[Path]:
    if _has_metadata(folder):
        yield folder
    elif deep:
        try:
            inside = sorted(item for item in folder.iterdir() if _is_searched(item))
        except OSError:
            return
        for item in inside:
            yield from _with_metadata(item, deep - 1)


def _is_searched(item: Path) -> bool:
    return item.is_dir() and not item.is_symlink() and not item.name.startswith(".")


def _has_metadata(folder: Path) -> bool:
    try:
        return any(item.name.endswith(_METADATA) and item.is_dir() for item in folder.iterdir())
    except OSError:
        return False


def _unpacked(archive: Path) -> Path:
    """The folder with what an archive holds; done once for each state of the archive."""
    found = archive.stat()
    state = f"{archive.resolve()} {found.st_size} {found.st_mtime_ns}"
    cache = private_folder(f"linkspan-plugins-{os.geteuid()}")
    place = cache / f"{archive.name}-{hashlib.sha256(os.fsencode(state)).hexdigest()[:16]}"
    if not place.is_dir():
        half_done = Path(tempfile.mkdtemp(dir=cache))
        try:
            _extract(archive, half_done)
            half_done.replace(place)
        except OSError:
            if not place.is_dir():  # else another worker was faster
                raise
        finally:
            shutil.rmtree(half_done, ignore_errors=True)
    return place


def _extract(archive: Path, target: Path) -> None:
    """Write the members below ``target``, whatever their names are."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(target)  # noqa: S202 - it takes care of names itself, unlike that of tarfile
    elif hasattr(tarfile, "data_filter"):
        with tarfile.open(archive) as packed_tar:
            packed_tar.extractall(target, filter="data")
    else:
        raise ConfigError("this Python cannot unpack it safely; Python 3.11.4 and newer can")
