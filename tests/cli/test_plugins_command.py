from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

COMMAND = str(Path(sys.executable).with_name("linkspan"))
FILE_SOURCE = "org.apache.kafka.connect.file.FileStreamSourceConnector"


def unit(folder: Path, source: str, name: str) -> None:
    info = folder / "unit" / "unit-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "unit" / "unit_mod.py").write_text(source)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: unit\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[linkspan.connectors]\na = unit_mod:{name}\n")


def test_without_a_terminal_each_plugin_is_one_line_with_tabs(tmp_path):
    unit(tmp_path, "import os; os._exit(3)", "Exits")
    ended = subprocess.run(
        [COMMAND, "plugins", "--plugin-path", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
        env={**os.environ, "COLUMNS": "40"},
    )
    rows = [line.split("\t") for line in ended.stdout.splitlines()]
    assert FILE_SOURCE in [row[0] for row in rows]
    reason = f"Could not import the plugins of {tmp_path / 'unit'}: the process ended with status 3 before it answered"
    assert ["unit_mod.Exits", "source", "undefined", reason] in rows


def test_on_a_narrow_terminal_no_name_is_cut(tmp_path):
    name = "A" + "b" * 60
    unit(tmp_path, f"from linkspan.api import SourceConnector\nclass {name}(SourceConnector): pass", name)
    ours, theirs = pty.openpty()
    command = [COMMAND, "plugins", "--plugin-path", str(tmp_path)]
    shown = b""
    with subprocess.Popen(
        command, stdout=theirs, stderr=theirs, env={**os.environ, "COLUMNS": "80", "TERM": "xterm"}
    ) as process:
        os.close(theirs)
        try:
            while part := os.read(ours, 65536):
                shown += part
        except OSError:  # the other end was closed
            pass
        assert process.wait(100) == 0
    os.close(ours)
    assert "…" not in shown.decode()
    assert shown.decode().count("b") >= 60
