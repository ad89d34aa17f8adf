from __future__ import annotations

import io
import logging
import os
import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path

import pytest

from linkspan.plugins.discovery import folders
from linkspan.plugins.units import package_folders, units


def package(folder: Path, name: str, groups: str = "[linkspan.connectors]\na = mod:A\n") -> Path:
    """A package as ``pip install --target`` leaves it."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(groups)
    return folder


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "plugins"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("inside", ["", "0a1b2c3d", "0a1b2c3d/unit-1.0", "lib/python3.12/site-packages"])
def test_packages_may_lie_deeper_in_their_unit(path, inside):
    package(path / "unit" / inside, "plugin")
    assert folders([str(path)]) == [str(path / "unit")]
    assert package_folders(str(path / "unit")) == (str(path / "unit" / inside).rstrip("/"),)


def test_the_folders_of_several_artifacts_are_one_unit(path):
    package(path / "unit" / "0a", "plugin")
    package(path / "unit" / "1b", "library", "")
    assert folders([str(path)]) == [str(path / "unit")]
    assert package_folders(str(path / "unit")) == (str(path / "unit" / "0a"), str(path / "unit" / "1b"))


def test_an_entry_of_plugin_path_may_be_a_unit_itself(path):
    package(path, "plugin")
    package(path / "vendored", "other")
    assert folders([str(path)]) == [str(path)]


def test_links_that_go_round_are_not_followed(path):
    package(path / "unit" / "a", "plugin")
    (path / "unit" / "b").symlink_to(path / "unit")
    assert package_folders(str(path / "unit")) == (str(path / "unit" / "a"),)


def test_a_copy_of_the_worker_in_a_unit_is_no_plugin(path):
    package(path / "unit", "linkspan")
    assert folders([str(path)]) == []


@pytest.mark.parametrize("suffix", [".zip", ".tgz", ".tar.gz"])
def test_an_archive_is_a_unit(path, tmp_path, temporary, suffix):
    source = package(tmp_path / "source", "plugin")
    kind = "zip" if suffix == ".zip" else "gztar"
    shutil.move(shutil.make_archive(str(tmp_path / "made"), kind, source), path / f"unit{suffix}")
    (unit,) = folders([str(path)])
    assert Path(unit).is_relative_to(temporary / f"linkspan-plugins-{os.geteuid()}")
    assert Path(unit).name.startswith(f"unit{suffix}-")
    assert (Path(unit) / "plugin-1.0.dist-info" / "METADATA").is_file()
    assert Path(unit).parent.stat().st_mode & 0o777 == 0o700


def test_an_archive_is_unpacked_anew_only_when_it_has_changed(path, tmp_path):
    source = package(tmp_path / "source", "plugin")
    shutil.move(shutil.make_archive(str(tmp_path / "made"), "zip", source), path / "unit.zip")
    (first,) = units([str(path)])
    (first / "seen").touch()
    assert (units([str(path)])[0] / "seen").exists()
    package(source, "second")
    shutil.move(shutil.make_archive(str(tmp_path / "made"), "zip", source), path / "unit.zip")
    (second,) = units([str(path)])
    assert second != first
    assert (second / "second-1.0.dist-info").is_dir()


def test_an_archive_cannot_write_elsewhere(path, tmp_path, caplog):
    with tarfile.open(path / "a.tgz", "w:gz") as packed:
        member = tarfile.TarInfo("../../../planted")
        member.size = 1
        packed.addfile(member, io.BytesIO(b"x"))
    with zipfile.ZipFile(path / "b.zip", "w") as packed:
        packed.writestr("../../../planted", "x")
    found = units([str(path)])
    assert [unit.name[:5] for unit in found] == ["b.zip"]
    assert f"plugin.path: {path / 'a.tgz'} cannot be unpacked: " in caplog.text
    outside = [place for place in tmp_path.rglob("planted") if not place.is_relative_to(found[0])]
    assert outside == []


@pytest.mark.parametrize("name", ["bad.zip", "bad.tgz"])
def test_a_broken_archive_is_named_and_leaves_nothing(path, temporary, caplog, name):
    (path / name).write_bytes(b"this is no archive")
    package(path / "good", "plugin")
    assert folders([str(path)]) == [str(path / "good")]
    assert f"plugin.path: {path / name} cannot be unpacked: " in caplog.text
    assert list((temporary / f"linkspan-plugins-{os.geteuid()}").iterdir()) == []


def test_all_jars_are_one_line(path, tmp_path, caplog):
    for place in ("java/0a", "java/1b"):
        (path / place).mkdir(parents=True)
        (path / place / "x.jar").write_bytes(b"PK")
    with zipfile.ZipFile(path / "hub.zip", "w") as packed:
        packed.writestr("hub/lib/y.jar", "PK")
    other = tmp_path / "other"
    other.mkdir()
    (other / "z.jar").write_bytes(b"PK")
    with caplog.at_level(logging.WARNING):
        assert folders([str(path), str(other)]) == []
    assert caplog.messages == [f"plugin.path: 4 jars under {path}, {other} are skipped, plugins are Python here"]


def test_a_folder_without_plugins_is_named(path, caplog):
    package(path / "library", "library", "[console_scripts]\na = mod:main\n")
    assert folders([str(path)]) == []
    assert f"plugin.path: {path / 'library'} is skipped: no package in it has entry points of plugins" in caplog.text
