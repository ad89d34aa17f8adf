"""Numbers and sizes that the stand-in was written with, against those that IBM's binding carries."""

from __future__ import annotations

import re

import pytest

from integration.services.ibmmq.compiler import NATIVE
from integration.services.ibmmq.memory import MemoryQueueManager

pytestmark = pytest.mark.integration

OURS = {"MQOO_INPUT_ANY", "MQGMO_BROWSE_ANY", "MQCCSI_UTF8"}
SIZES = {"md": "MQMD", "gmo": "MQGMO", "pmo": "MQPMO", "od": "MQOD", "cno": "MQCNO", "csp": "MQCSP", "sco": "MQSCO"}
SIZES |= {"cd": "MQCD", "sts": "MQSTS"}


@pytest.fixture
def theirs(queue_manager: MemoryQueueManager) -> dict[str, int]:
    assert queue_manager.name
    from ibmmq import CMQC, CMQXC

    return {name: value for module in (CMQXC, CMQC) for name, value in vars(module).items() if isinstance(value, int)}


def test_constants_are_those_of_the_binding(theirs: dict[str, int]) -> None:
    text = (NATIVE / "mqi.h").read_text()
    ours = {name: int(number, 0) for name, number in re.findall(r"\b(MQ\w+) = (-?\w+)[,\s}]", text) if name not in OURS}
    known = {name: theirs.get(name) for name in ours}
    unknown = {name for name, value in known.items() if value is None}
    assert unknown <= {"MQ_NAME_LENGTH", "MQ_ID_LENGTH", "MQ_MAX_PRIORITY"}
    assert {name: value for name, value in ours.items() if name not in unknown and known[name] != value} == {}
    assert len(ours) > 200


def test_sizes_by_version_are_those_of_the_binding(theirs: dict[str, int]) -> None:
    found = re.findall(r"SIZE_OF\((\w+)_size, ([\d, ]+)\)", (NATIVE / "layout.c").read_text())
    assert {name for name, _ in found} == set(SIZES)
    for name, sizes in found:
        lengths = {
            version: length
            for version in range(1, 20)
            if (length := theirs.get(f"{SIZES[name]}_LENGTH_{version}")) is not None
        }
        ours = dict(enumerate(map(int, sizes.split(",")), start=1))
        assert lengths.keys() == ours.keys(), name
        for version, size in ours.items():
            assert lengths[version] in {size, (size + 7) // 8 * 8}, (name, version)
