from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

from linkspan.api import ConfigError, PluginError
from linkspan.plugins.catalog import Catalog, PluginInfo
from linkspan.plugins.discovery import folders, packages, scan, unusable
from linkspan.plugins.loading import create, load

PLUGIN = """
from linkspan.api import Converter, SinkConnector, SourceConnector, Transform

class WellSource(SourceConnector):
    version = "3.1"
    java_class = "com.example.WellSourceConnector"

class WellSinkConnector(SinkConnector):
    pass

class Upper(Transform):
    def apply(self, record):
        return record

number = 1
"""


CONNECTOR = "from abc import ABCMeta\nfrom linkspan.api import SinkConnector\n"


@pytest.fixture
def plugin_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes folders as ``pip install --target`` leaves them; what an import changed is taken back."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)

    def install(unit: str, module: str, source: str, entry_points: str) -> Path:
        folder = tmp_path / "plugins" / unit
        info = folder / f"{unit}-1.0.dist-info"
        info.mkdir(parents=True)
        (folder / f"{module}.py").write_text(source)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {unit}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(entry_points)
        return tmp_path / "plugins"

    yield install
    for name in set(sys.modules) - before:
        del sys.modules[name]


def found(path: Path, location: str) -> dict[str, PluginInfo]:
    return {info.class_name: info for info in scan(str(path / location))}


def test_our_own_plugins_come_by_entry_points_too():
    catalog = Catalog(scan())
    for name in ("FileStreamSource", "FileStreamSink"):
        assert catalog.find("connector", name).class_name.startswith("org.apache.kafka.connect.file.")
    assert catalog.find("header_converter", "SimpleHeaderConverter").error is None
    assert not [info for info in catalog.plugins if info.error]


def test_every_plugin_found_can_be_loaded():
    for info in scan():
        assert isinstance(load(info), type)


def test_a_folder_of_plugin_path_is_a_plugin_with_its_own_packages(plugin_path):
    path = plugin_path(
        "wells",
        "linkspan_test_wells",
        PLUGIN,
        "[linkspan.connectors]\nsource = linkspan_test_wells:WellSource\nsink = linkspan_test_wells:WellSinkConnector\n"
        "[linkspan.transforms]\nupper = linkspan_test_wells:Upper\n[other]\nx = linkspan_test_wells:number\n",
    )
    plugins = found(path, "wells")
    assert {name: (info.kind, info.version) for name, info in plugins.items()} == {
        "com.example.WellSourceConnector": ("source", "3.1"),
        "linkspan_test_wells.WellSinkConnector": ("sink", "undefined"),
        "linkspan_test_wells.Upper": ("transformation", "undefined"),
    }
    assert load(plugins["com.example.WellSourceConnector"]).__name__ == "WellSource"


@pytest.mark.parametrize(
    ("source", "target", "reason"),
    [
        (
            "import linkspan_no_such_module",
            "broken_mod:A [fancy]",
            "the Python module linkspan_no_such_module is missing; install it with: pip install 'broken[fancy]'",
        ),
        ("raise RuntimeError('boom')", "broken_mod:A", "RuntimeError: boom"),
        ("raise SystemExit(3)", "broken_mod:A", "SystemExit: 3"),
        ("this is no python", "broken_mod:A", "SyntaxError: "),
        ("A = 1", "broken_mod:A", "broken_mod:A is not a SourceConnector or SinkConnector"),
        ("class A: pass", "broken_mod:A", "broken_mod:A is not a SourceConnector or SinkConnector"),
        ("", "broken_mod:A", "AttributeError: "),
        ("raise KeyboardInterrupt", "broken_mod:A", "KeyboardInterrupt: "),
        ("class Odd(BaseException): pass\nraise Odd('odd')", "broken_mod:A", "Odd: odd"),
        (
            f"{CONNECTOR}class A(SinkConnector):\n  java_class = 5",
            "broken_mod:A",
            "java_class of broken_mod:A is 5, which is not a text",
        ),
        (
            f"{CONNECTOR}class A(SinkConnector):\n  @property\n  def version(self): return '1'",
            "broken_mod:A",
            "version of broken_mod:A is <property",
        ),
        (
            f"{CONNECTOR}class M(ABCMeta):\n  version = property(len)\nclass A(SinkConnector, metaclass=M): pass",
            "broken_mod:A",
            "TypeError: object of type 'M' has no len()",
        ),
    ],
)
def test_a_broken_plugin_stays_listed_with_the_reason(plugin_path, caplog, source, target, reason):
    path = plugin_path("broken", "broken_mod", source, f"[linkspan.connectors]\na = {target}\n")
    with caplog.at_level(logging.WARNING):
        info = found(path, "broken")["broken_mod.A"]
    assert info.error is not None
    assert info.error.startswith(reason)
    assert "broken_mod:A cannot be used" in caplog.text
    with pytest.raises(ConfigError, match=r"broken_mod\.A cannot be used"):
        load(info)


def test_a_class_without_version_has_none(plugin_path):
    source = f"{CONNECTOR}class A(SinkConnector):\n  version = None"
    path = plugin_path("plain", "plain_mod", source, "[linkspan.connectors]\na = plain_mod:A\n")
    assert [(info.version, info.error) for info in found(path, "plain").values()] == [("undefined", None)]


def test_folders_with_plugins_are_found_without_importing_them(plugin_path):
    path = plugin_path("wells", "exits_mod", "import os; os._exit(1)", "[linkspan.connectors]\na = exits_mod:A\n")
    plugin_path("library", "lib_mod", "", "[console_scripts]\na = lib_mod:main\n")
    (path / "empty").mkdir()
    (path / ".hidden").mkdir()
    assert folders([f" {path} ", " "]) == [str(path / "wells")]


def test_what_cannot_be_imported_is_listed_as_broken(plugin_path):
    path = plugin_path(
        "wells",
        "exits_mod",
        "import os; os._exit(1)",
        "[linkspan.connectors]\na = exits_mod:A\nb = exits_mod:BSinkConnector\n[linkspan.converters]\nc = exits_mod:C",
    )
    assert [(info.kind, info.class_name, info.error) for info in unusable(str(path / "wells"), None, "it died")] == [
        ("source", "exits_mod.A", "it died"),
        ("sink", "exits_mod.BSinkConnector", "it died"),
        ("converter", "exits_mod.C", "it died"),
    ]


def test_plugins_of_one_installed_package_can_be_looked_at_alone():
    assert "linkspan" in packages()
    assert scan(package="linkspan")
    assert scan(package="no-such-package") == []


def test_a_package_whose_entry_points_cannot_be_read_is_named_and_skipped(plugin_path, caplog):
    path = plugin_path("garbled", "garbled_mod", "", "[linkspan.connectors]\nthis is no entry point\n")
    assert folders([str(path)]) == []
    assert f"Package garbled in {path / 'garbled'} is skipped: its entry points cannot be read" in caplog.text


def test_jars_are_skipped_with_one_line(tmp_path, caplog):
    for name in ("a.jar", "b.jar"):
        unit = tmp_path / "java"
        unit.mkdir(exist_ok=True)
        (unit / name).write_bytes(b"PK")
    with caplog.at_level(logging.WARNING):
        folders([str(tmp_path)])
    assert [line for line in caplog.messages if "jars" in line] == [
        f"plugin.path: 2 jars under {tmp_path} are skipped, plugins are Python here"
    ]


def test_a_missing_folder_is_named_and_skipped(tmp_path, caplog):
    assert folders([str(tmp_path / "gone")]) == []
    assert f"{tmp_path / 'gone'} is not a folder that can be read" in caplog.text


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("tests.plugins.no_such:A", "ModuleNotFoundError"),
        ("tests.plugins.sample_plugins:Nope", "AttributeError"),
        ("tests.plugins.sample_plugins:NOT_A_CLASS", "is not a class"),
    ],
)
def test_what_vanished_since_the_scan_is_named(path, reason):
    with pytest.raises(PluginError, match=reason):
        load(PluginInfo("source", "x.A", path))


def test_a_class_that_lacks_a_method_cannot_be_created():
    with pytest.raises(PluginError, match=r"x.A cannot be created: TypeError: .*abstract"):
        create(PluginInfo("converter", "x.A", "linkspan.api:Converter"))
