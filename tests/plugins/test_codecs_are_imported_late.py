"""What formats with a schema registry need is imported by the tasks that use them, not by each start of a worker."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import json, sys
from linkspan.log.kafka import KafkaLog
from linkspan.plugins.discovery import scan
from linkspan.worker import nursery
from linkspan.worker.nurseries import PRELOADED

CODECS = ("fastavro", "google.protobuf", "antlr4", "proto_schema_parser", "jsonschema", "referencing", "httpx2")

def imported():
    return [name for name in CODECS if name in sys.modules]

failed = nursery._import([*PRELOADED, *KafkaLog().preload])
preloaded = imported()
unusable = [info.class_name for info in scan() if info.error is not None]
scanned = imported()

from linkspan.config.definition import load
from linkspan.convert.avro.converter import AvroConverter

converter = AvroConverter()
converter.configure(load(converter.config_class, {"schema.registry.url": "mock://here"}), is_key=False)
print(json.dumps([failed, preloaded, unusable, scanned, imported()]))
"""


def test_neither_the_nursery_nor_the_search_for_plugins_imports_a_codec_and_a_configured_converter_does():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    failed, preloaded, unusable, scanned, configured = json.loads(done.stdout)
    assert (failed, preloaded, unusable, scanned) == ({}, [], [], [])
    assert {"fastavro", "httpx2"} <= set(configured)
    assert "google.protobuf" not in configured
