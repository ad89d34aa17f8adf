"""The stand-in is a tool of the tests: whoever installs Linkspan does not get it."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[3]


def test_no_distribution_carries_the_stand_in(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=100)
    (wheel,) = tmp_path.glob("*.whl")
    (source,) = tmp_path.glob("*.tar.gz")
    names = zipfile.ZipFile(wheel).namelist()
    with tarfile.open(source) as archive:
        names += [name.split("/", 1)[-1] for name in archive.getnames()]
    assert "linkspan_connectors/ibmmq/connector.py" in names
    assert [name for name in names if name.startswith("integration/") or name.endswith((".c", ".h", ".so"))] == []
