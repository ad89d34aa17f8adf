"""Without the extra for schema registries everything else works, and its converters say how to install it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROGRAM = """
import importlib.abc, json, sys

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1:]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
import linkspan.cli.main, linkspan.task.host
from linkspan.plugins.discovery import scan
found = {info.python_path.rpartition(":")[2]: info.error for info in scan() if info.kind == "converter"}
print(json.dumps(found))
"""
ALL = ("fastavro", "proto_schema_parser", "antlr4", "jsonschema", "httpx2", "authlib")


def errors_without(*modules):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *modules], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_converters_without_their_extra_are_listed_with_the_command_that_installs_it():
    found = errors_without(*ALL)
    assert found["JsonConverter"] is None
    for name in ("AvroConverter", "ProtobufConverter", "JsonSchemaConverter"):
        assert found[name].endswith("is missing; install it with: pip install 'linkspan[avro]'"), found[name]


@pytest.mark.parametrize(
    ("missing", "name"),
    [
        ("fastavro", "AvroConverter"),
        ("proto_schema_parser", "ProtobufConverter"),
        ("jsonschema", "JsonSchemaConverter"),
    ],
)
def test_a_codec_that_is_missing_concerns_its_converter_alone(missing, name):
    found = errors_without(missing)
    assert found.pop(name) == (f"the Python module {missing} is missing; install it with: pip install 'linkspan[avro]'")
    assert set(found.values()) == {None}
