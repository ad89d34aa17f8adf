"""Keys of a worker file that nobody knows."""

from __future__ import annotations

import logging

import pytest

from linkspan.cli import worker_command
from linkspan.config.definition import load
from linkspan.config.worker import DistributedConfig, StandaloneConfig

CONVERTERS = {"key.converter": "k", "value.converter": "v"}
GROUP = {"group.id": "g", **{f"{kind}.storage.topic": kind for kind in ("config", "offset", "status")}, **CONVERTERS}
ALONE = {"offset.storage.file.filename": "offsets", **CONVERTERS}


@pytest.mark.parametrize("key", ["default.api.timeout.ms", "linger.ms", "fetch.max.bytes"])
def test_settings_of_the_clients_that_a_worker_opens_for_itself_are_not_called_unknown(
    key: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        worker_command._note_unknown(load(DistributedConfig, {**GROUP, key: "7"}))
    assert caplog.messages == []


def test_a_worker_without_a_group_opens_an_admin_client_only(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        given = {**ALONE, "default.api.timeout.ms": "7", "fetch.max.bytes": "7"}
        worker_command._note_unknown(load(StandaloneConfig, given))
    assert caplog.messages == ["Unknown worker key fetch.max.bytes is ignored"]


def test_a_misspelt_key_is_named_with_the_one_that_is_near(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        worker_command._note_unknown(load(DistributedConfig, {**GROUP, "conect.protocol": "eager"}))
    assert caplog.messages == ["Unknown worker key conect.protocol is ignored; did you mean connect.protocol?"]
