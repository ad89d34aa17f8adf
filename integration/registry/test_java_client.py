"""Confluent's client for Java (7.0.16) against our registry, over its whole interface."""

from __future__ import annotations

import subprocess
import uuid
from pathlib import Path

import pytest

from integration.conftest import missing
from integration.services.confluent import class_path
from integration.services.maven import UnavailableError
from integration.services.schema_registry import SchemaRegistry

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("registry")]

EXPECTED = """\
1 {"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}
2 true
3 1
4 false
5 409 409
6 true
7 true
8 [1, 2]
9 2 AVRO {"type":"record","name":"R","fields":[]}
10 1 AVRO {"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}
11 true
12 [SUBJECT]
13 404 40408
14 NONE
15 NONE
16 READWRITE
17 READONLY
18 READONLY
19 422 42205
20 READWRITE
21 y.Whole
22 true
23 422 42206
24 2
25 [1]
26 [1, 2]
27 404 40401
"""


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> str:
    try:
        # the compiler expands no asterisks
        path = ":".join(map(str, sorted(Path(class_path()).parent.glob("*.jar"))))
    except UnavailableError as error:
        missing(str(error))
    folder = tmp_path_factory.mktemp("classes")
    source = Path(__file__).with_name("RegistryClient.java")
    compiler = ["java", "-m", "jdk.compiler/com.sun.tools.javac.Main", "-nowarn", "-d", str(folder), "-cp", path]
    done = subprocess.run([*compiler, str(source)], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return f"{folder}:{path}"


def test_the_client_for_java_works_unchanged(registry: SchemaRegistry, classes: str) -> None:
    subject = f"java-{uuid.uuid4().hex[:8]}"
    command = ["java", "-cp", classes, "RegistryClient", registry.url, subject]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == EXPECTED.replace("SUBJECT", subject)
