"""Without the extra for schema registries everything else works, and its converters say how to install it."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import importlib.abc, json, sys

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("fastavro", "proto_schema_parser", "antlr4", "jsonschema", "httpx2", "authlib"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
import linkspan.cli.main, linkspan.task.host
from linkspan.plugins.discovery import scan
found = {info.python_path.rpartition(":")[2]: info.error for info in scan() if info.kind == "converter"}
print(json.dumps(found))
"""


def test_converters_without_their_extra_are_listed_with_the_command_that_installs_it():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["JsonConverter"] is None
    for name in ("AvroConverter", "ProtobufConverter", "JsonSchemaConverter"):
        assert found[name].endswith("is missing; install it with: pip install 'linkspan[avro]'"), found[name]
