"""What the how-to page tells authors to write works as it stands there."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from linkspan.testing import SourceAdapter, check
from linkspan_connectors.file.connector import FileStreamSinkConnector, FileStreamSourceConnector

PAGE = Path(__file__).parents[2] / "docs/how-to/test-a-connector.md"


def blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def names(monkeypatch) -> dict[str, Any]:
    module = types.ModuleType("my_connector")
    module.__dict__.update(MySinkConnector=FileStreamSinkConnector, MySourceConnector=FileStreamSourceConnector)
    monkeypatch.setitem(sys.modules, "my_connector", module)
    return {"MySourceConnector": FileStreamSourceConnector, "SourceAdapter": SourceAdapter}


@pytest.mark.parametrize(("block", "adapter"), [(0, "MySink"), (1, "MySource")])
def test_the_adapters_of_the_page_can_be_run(names, block, adapter, tmp_path):
    text = blocks()[block]
    assert len(text.splitlines()) < 30
    exec(compile(text, str(PAGE), "exec"), names)
    report = check(names[adapter], only=["delivery.everything-in-order", "kill.before-start"], folder=tmp_path)
    assert [case.verdict for case in report.cases] == ["passed", "passed"], report.text()
