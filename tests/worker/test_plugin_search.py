from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from linkspan.plugins.catalog import Catalog, PluginInfo
from linkspan.worker import plugin_search
from linkspan.worker.nurseries import Nurseries

SOURCE = "from linkspan.api import SourceConnector\nclass {name}(SourceConnector): pass\n"


def package(folder: Path, name: str, module: str, source: str, *classes: str) -> Path:
    """A package as ``pip install --target`` leaves it."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / f"{module}.py").write_text(source)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    points = "".join(f"{item} = {module}:{item}\n" for item in classes)
    (info / "entry_points.txt").write_text(f"[linkspan.connectors]\n{points}")
    return folder


def search(plugin_path: Path) -> dict[str, PluginInfo]:
    async def whole() -> Catalog:
        nurseries = Nurseries(["linkspan.worker.requests"])
        try:
            return await plugin_search.find_plugins(nurseries, [str(plugin_path)])
        finally:
            await nurseries.close()

    return {info.class_name: info for info in asyncio.run(whole()).plugins}


def errors(found: dict[str, PluginInfo]) -> dict[str, str | None]:
    return {name: info.error for name, info in found.items() if info.error is not None}


def test_folders_may_have_modules_of_the_same_name(tmp_path):
    for name in ("First", "Second"):
        package(tmp_path / name, name, "connector", SOURCE.format(name=name), name)
    found = search(tmp_path)
    assert errors(found) == {}
    assert found["connector.First"].location == str(tmp_path / "First")
    assert found["connector.Second"].location == str(tmp_path / "Second")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import os; os._exit(3)", "the process ended with status 3 before it answered"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
    ],
)
def test_a_folder_that_kills_its_process_is_listed_as_broken_and_the_others_are_fine(tmp_path, source, reason):
    package(tmp_path / "bad", "bad", "bad_mod", source, "One", "Two")
    package(tmp_path / "good", "good", "good_mod", SOURCE.format(name="Good"), "Good")
    found = search(tmp_path)
    assert set(errors(found)) == {"bad_mod.One", "bad_mod.Two"}
    error = found["bad_mod.One"].error
    assert error is not None
    assert error.startswith(f"Could not import the plugins of {tmp_path / 'bad'}: ")
    assert reason in error
    assert {"good_mod.Good", "org.apache.kafka.connect.file.FileStreamSourceConnector"} <= set(found)


def test_a_folder_whose_import_hangs_is_listed_as_broken(tmp_path, monkeypatch):
    monkeypatch.setattr(plugin_search, "_IMPORT_SECONDS", 5.0)
    package(tmp_path / "bad", "bad", "bad_mod", "import threading; threading.Event().wait()", "One")
    found = search(tmp_path)
    assert errors(found)["bad_mod.One"] == (
        f"Could not import the plugins of {tmp_path / 'bad'} within 5 s; the process was killed"
    )


def test_an_installed_package_that_kills_its_process_is_told_from_the_others(tmp_path, monkeypatch):
    folder = package(tmp_path / "site", "bad-package", "bad_mod", "import os; os._exit(3)", "One")
    monkeypatch.setattr(sys, "path", [*sys.path, str(folder)])
    found = search(tmp_path / os.devnull)
    assert errors(found) == {
        "bad_mod.One": "Could not import the plugins of bad-package: the process ended with status 3 before it answered"
    }
    assert "org.apache.kafka.connect.file.FileStreamSourceConnector" in found


@pytest.mark.parametrize(("version", "place"), [("undefined", "classpath"), ("0.0.1", "classpath"), ("99", "copy")])
def test_of_a_class_found_twice_the_higher_version_is_used_else_the_installed_one(tmp_path, version, place):
    java = "org.apache.kafka.connect.file.FileStreamSourceConnector"
    source = SOURCE.format(name="Copy").replace("pass", f"java_class, version = {java!r}, {version!r}")
    package(tmp_path / "copy", "copy", "copy_mod", source, "Copy")
    assert Path(search(tmp_path)[java].location).name == place


def test_of_a_class_in_two_folders_the_higher_version_that_can_be_used_counts(tmp_path):
    for folder, version in (("a", "1.9"), ("b", "1.10"), ("c", "1.2")):
        source = SOURCE.format(name="Same").replace("pass", f"version = {version!r}")
        package(tmp_path / folder, "same", "same_mod", source, "Same")
    package(tmp_path / "d", "same", "same_mod", "import linkspan_no_such_module", "Same")
    info = search(tmp_path)["same_mod.Same"]
    assert (Path(info.location).name, info.version, info.error) == ("b", "1.10", None)
