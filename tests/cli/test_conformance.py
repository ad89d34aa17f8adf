from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from linkspan.cli.main import app

ADAPTER = """
from linkspan.testing import SourceAdapter
from linkspan_connectors.file.connector import FileStreamSourceConnector

class Mine(SourceAdapter):
    connector = FileStreamSourceConnector

    def config(self):
        return {"file": str(self.folder / "in.txt"), "topic": self.name}

    def fill(self, texts):
        with (self.folder / "in.txt").open("a") as file:
            file.writelines(f"{text}\\n" for text in texts)

class Wrong(Mine):
    def config(self):
        return {"file": "f"}
"""


@pytest.fixture
def adapter(tmp_path: Path) -> str:
    file = tmp_path / f"adapter_of_{tmp_path.name}.py"
    file.write_text(ADAPTER)
    return str(file)


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["conformance", *arguments])
    return result.exit_code, result.output


def test_a_connector_that_passes_exits_0_and_leaves_a_record(adapter, tmp_path):
    record = tmp_path / "record.json"
    code, output = run(f"{adapter}:Mine", "--only", "configuration.*", "--seed", "3", "--record", str(record))
    assert code == 0, output
    assert "4 passed, 0 failed, 0 skipped" in output
    written = json.loads(record.read_text())
    assert (written["verdict"], written["seed"], len(written["cases"])) == ("passed", 3, 4)


def test_a_connector_that_fails_exits_1_and_says_where(adapter):
    code, output = run(f"{adapter}:Wrong", "--only", "configuration.accepted")
    assert code == 1
    assert "failed  configuration.accepted" in output


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "is no adapter; name it as package.module:Class"),
        ("no.such.module:Class", "cannot be loaded: No module named"),
        ("linkspan.testing:Report", "is not a SourceAdapter or SinkAdapter"),
        ("tests.testing.adapters:Nobody", "cannot be loaded: module"),
    ],
)
def test_what_is_no_adapter_exits_2_with_what_to_do(name, message):
    code, output = run(name)
    assert code == 2
    assert message in output
