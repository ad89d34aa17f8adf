"""The reader of a worker's own topic: what its client is told."""

from __future__ import annotations

import pytest

from linkspan.log.kafka import follower


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """Settings that clients were opened with."""
    seen: list[dict[str, object]] = []
    monkeypatch.setattr(follower, "opened", lambda _kind, _client, settings, _more: seen.append(settings.native))
    return seen


def test_a_start_does_not_wait_for_the_second_connection_unless_its_user_wants_it(told):
    brokers = {"bootstrap.servers": "127.0.0.1:1"}
    follower.open_consumer(brokers, "127.0.0.1:1")
    follower.open_consumer({**brokers, "reconnect.backoff.ms": "700"}, "127.0.0.1:1")
    assert [str(native["reconnect.backoff.ms"]) for native in told] == ["50", "700"]


def test_everything_is_read_from_the_beginning_whatever_its_user_wants(told):
    follower.open_consumer({"bootstrap.servers": "127.0.0.1:1", "auto.offset.reset": "latest"}, "127.0.0.1:1")
    assert told[0]["auto.offset.reset"] == "earliest"
