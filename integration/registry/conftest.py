"""A registry of ours on each store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.compat.java_program import JavaProgram
from integration.conftest import missing
from integration.services.confluent import class_path
from integration.services.maven import UnavailableError
from integration.services.schema_registry import SchemaRegistry


@pytest.fixture(scope="module", params=["kafka", "embedded"])
def registry(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SchemaRegistry]:
    bootstrap = request.getfixturevalue("kafka").bootstrap if request.param == "kafka" else None
    server = SchemaRegistry(tmp_path_factory.mktemp("registry"), bootstrap)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def original(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JavaProgram]:
    """The Java program with Confluent's classes that a module of tests names as its ``PROGRAM``."""
    try:
        jars = Path(class_path()).parent
    except UnavailableError as error:
        missing(str(error))
    name = request.module.PROGRAM
    program = JavaProgram([Path(__file__).with_name(f"{name}.java")], name, jars, tmp_path_factory.mktemp("classes"))
    yield program
    program.stop()
