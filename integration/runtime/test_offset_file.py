"""The offset file of a standalone worker, against the original's own store."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from integration.conftest import missing
from integration.services.kafka import class_path
from integration.services.maven import UnavailableError
from linkspan.worker import offset_file

pytestmark = pytest.mark.integration

PROGRAM = Path(__file__).parents[2] / "tests" / "worker" / "golden" / "OffsetFile.java"
ENTRIES: dict[bytes, bytes | None] = {
    '["größe",{"z":1,"a":"x"}]'.encode(): b'{"position":9223372036854775807}',
    b'["gone",{"f":1}]': None,
    **{b'["many",{"n":%d}]' % number: b'{"p":%d}' % number for number in range(100)},
}
TEXT = "".join(f"{key.decode()}\t{'null' if value is None else value.decode()}\n" for key, value in ENTRIES.items())


def original(what: str, path: Path, entries: str = "") -> str:
    try:
        jars = class_path()
    except UnavailableError as error:
        missing(str(error))
    done = subprocess.run(
        ["java", "-cp", jars, str(PROGRAM), what, str(path)],
        input=entries, capture_output=True, encoding="utf-8", timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_original_reads_what_we_write(tmp_path):
    offset_file.save(tmp_path / "offsets", ENTRIES)
    assert sorted(original("read", tmp_path / "offsets").splitlines()) == sorted(TEXT.splitlines())


def test_we_read_what_the_original_writes(tmp_path):
    original("write", tmp_path / "offsets", TEXT)
    assert offset_file.load(tmp_path / "offsets") == ENTRIES


def test_the_original_goes_on_with_our_file_and_we_with_the_result(tmp_path):
    path = tmp_path / "offsets"
    offset_file.save(path, ENTRIES)
    original("write", path, '["new",{"f":2}]\t{"p":1}\n')
    assert offset_file.load(path) == {**ENTRIES, b'["new",{"f":2}]': b'{"p":1}'}
