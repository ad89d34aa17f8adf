"""A registry of ours on each store."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from integration.services.schema_registry import SchemaRegistry


@pytest.fixture(scope="module", params=["kafka", "embedded"])
def registry(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SchemaRegistry]:
    bootstrap = request.getfixturevalue("kafka").bootstrap if request.param == "kafka" else None
    server = SchemaRegistry(tmp_path_factory.mktemp("registry"), bootstrap)
    server.start()
    yield server
    server.stop()
