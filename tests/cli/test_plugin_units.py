"""Plugins installed offline, each with its own dependencies, side by side in one worker."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

COMMAND = str(Path(sys.executable).with_name("connect-standalone"))
TEXT = "org.apache.kafka.connect.storage.StringConverter"
DEADLINE = 60.0
CONNECTOR = """
import threading
from pathlib import Path
import linkspan_test_paint
from linkspan.api import SourceConnector, SourceTask, Config, Str

class {name}Config(Config):
    file = Str()

class {name}Task(SourceTask):
    def start(self):
        import linkspan_test_paint.late
        Path(self.config.file).write_text(linkspan_test_paint.late.COLOUR)
        self.ended = threading.Event()
    def poll(self): self.ended.wait(0.1)
    def stop(self): self.ended.set()

class {name}(SourceConnector):
    config_class, task_class, version = {name}Config, {name}Task, linkspan_test_paint.VERSION
"""


def wheel(folder: Path, name: str, version: str, files: dict[str, str], metadata: str = "", points: str = "") -> None:
    """A package as an index would give it."""
    info = f"{name}-{version}.dist-info"
    files = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": points,
    }
    record = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as packed:
        for file, text in {**files, f"{info}/RECORD": record}.items():
            packed.writestr(file, text)


def installed(wheels: Path, target: Path, *packages: str) -> Path:
    """``pip install --target`` without a network."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    subprocess.run(
        [*pip, "--no-compile", "--find-links", str(wheels), "--target", str(target), *packages],
        check=True,
        timeout=DEADLINE,
    )
    return target


def ask(port: int, path: str, body: object = None) -> tuple[int, object]:
    data = None if body is None else json.dumps(body).encode()
    sent = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(sent, timeout=DEADLINE) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
    except (urllib.error.URLError, OSError):
        return 0, None


def test_units_with_conflicting_dependencies_run_side_by_side(tmp_path: Path):
    wheels, plugins = tmp_path / "wheels", tmp_path / "plugins"
    wheels.mkdir()
    plugins.mkdir()
    colours = {"One": "red", "Two": "green", "Three": "blue", "Four": "white"}
    for number, (name, colour) in enumerate(colours.items(), 1):
        files = {
            "linkspan_test_paint/__init__.py": f"VERSION = '{number}.0'\n",
            "linkspan_test_paint/late.py": f"COLOUR = {colour!r}\n",
        }
        wheel(wheels, "linkspan_test_paint", f"{number}.0", files)
        module = f"linkspan_test_{name.lower()}"
        wheel(
            wheels,
            module,
            "1.0",
            {f"{module}.py": CONNECTOR.format(name=name)},
            f"Requires-Dist: linkspan_test_paint=={number}.0\n",
            f"[linkspan.connectors]\n{name} = {module}:{name}\n",
        )
    installed(wheels, plugins / "one", "linkspan_test_one")
    for name, kind in (("two", "zip"), ("three", "gztar")):
        made = shutil.make_archive(
            str(tmp_path / name), kind, installed(wheels, tmp_path / name, f"linkspan_test_{name}")
        )
        shutil.move(made, plugins / Path(made).name)
    # An operator puts every artifact of a plugin into a folder of its own.
    installed(wheels, plugins / "four" / "0a1b2c3d", "--no-deps", "linkspan_test_four")
    installed(wheels, plugins / "four" / "4e5f6a7b", "linkspan_test_paint==4.0")

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    worker = tmp_path / "worker.properties"
    worker.write_text(
        f"key.converter={TEXT}\nvalue.converter={TEXT}\noffset.storage.file.filename={tmp_path}/offsets\n"
        f"linkspan.data.dir={tmp_path}/log\nlisteners=http://127.0.0.1:{port}\nplugin.path={plugins}\n"
    )

    def wait_until(condition, what: str) -> None:
        end = time.monotonic() + DEADLINE
        while not condition():
            assert process.poll() is None
            assert time.monotonic() < end, f"never happened: {what}"
            time.sleep(0.02)

    (tmp_path / "tmp").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    with subprocess.Popen([COMMAND, str(worker)], stdout=subprocess.DEVNULL, env=environment) as process:
        try:
            wait_until(lambda: ask(port, "/connectors")[0] == 200, "the worker answers")
            listed = ask(port, "/connector-plugins")[1]
            assert isinstance(listed, list)
            versions = {item["class"].rpartition(".")[2]: item["version"] for item in listed}
            assert {name: versions[name] for name in colours} == {
                "One": "1.0",
                "Two": "2.0",
                "Three": "3.0",
                "Four": "4.0",
            }
            for name in colours:
                config = {"connector.class": name, "file": str(tmp_path / f"{name}.txt")}
                status, body = ask(port, "/connectors", {"name": name, "config": config})
                assert status == 201, body
            for name, colour in colours.items():
                written = tmp_path / f"{name}.txt"
                wait_until(lambda written=written: written.exists() and written.read_text() != "", f"{name} runs")
                assert written.read_text() == colour
        finally:
            process.terminate()
        assert process.wait(DEADLINE) == 0
