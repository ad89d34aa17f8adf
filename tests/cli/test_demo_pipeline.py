from __future__ import annotations

from pathlib import Path

import pytest

from linkspan.cli.demo_pipeline import Pipeline, Progress, append_lines
from linkspan.config import properties


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path, tmp_path / "größe # 1 = \\a.txt", own=True, port=1)


def test_files_of_a_path_with_odd_characters_are_read_back_as_they_were(pipeline: Pipeline):
    worker, source, sink = map(properties.load, pipeline.write_files())
    assert worker["listeners"] == "http://127.0.0.1:1"
    assert source["file"] == str(pipeline.source)
    assert sink["file"] == str(pipeline.copy)
    assert source["topic"] == sink["topics"]


@pytest.mark.parametrize(
    ("source", "copy", "verdict"),
    [
        (b"a\nb\n", b"a\nb\n", "equals the file byte for byte (4 bytes)."),
        (b"a\nb\n", b"a\n", "equals the first 2 of the file's 4 bytes."),
        (b"a\nb\n", None, "equals the first 0 of the file's 4 bytes."),
        (b"a\nb", b"a\n", "equals the first 2 of the file's 3 bytes. A last line without an end waits for it."),
        (b"a\rb\r", b"a\nb\n", "has the same lines; their ends \\r\\n or \\r are written as \\n."),
        (b"a\nb\n", b"a\nc\n", "differs from the file; was one of them changed? "),
        (b"a\n", b"a\na\n", "differs from the file; was one of them changed? "),
    ],
)
def test_verdict_says_what_a_comparison_says(pipeline: Pipeline, source: bytes, copy: bytes | None, verdict: str):
    pipeline.source.write_bytes(source)
    if copy is not None:
        pipeline.copy.write_bytes(copy)
    assert pipeline.verdict().startswith(f"The copy {verdict}")


@pytest.mark.parametrize(
    ("content", "position", "copied"),
    [
        (b"a\nb\n", 4, True),
        (b"a\nb\n", 2, False),
        (b"a\nb", 2, True),
        (b"a\rb\r", 2, True),
        (b"no end", 0, True),
        (b"a\n" + b"x" * 3_000_000, 2, True),
        (b"a\n" + b"x" * 3_000_000, 0, False),
    ],
)
def test_all_is_copied_when_every_line_that_has_ended_was_read(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, content: bytes, position: int, copied: bool
):
    pipeline.source.write_bytes(content)
    monkeypatch.setattr(Pipeline, "_position", lambda _: position)
    assert pipeline.all_copied(Progress(5, 5)) is copied
    assert not pipeline.all_copied(Progress(5, 4))


def test_invented_lines_are_the_same_however_they_are_appended(tmp_path: Path):
    append_lines(tmp_path / "whole", 0, 30)
    append_lines(tmp_path / "parts", 0, 10)
    append_lines(tmp_path / "parts", 10, 20)
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "parts").read_bytes()
    assert (tmp_path / "whole").read_bytes().count(b"\n") == 30
