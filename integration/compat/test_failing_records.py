"""The same topics with bad records in them, read by sinks of the original worker and of ours: what ends up in the dead
letter queues, in the files, in the consumer groups, in the statuses and in the logs."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from integration.compat.poison import SCENARIOS
from integration.compat.poisoned import NAMES, PREFIX, Outcome, Side, alike, fill
from integration.conftest import missing
from integration.services.kafka import OriginalWorker
from integration.services.linkspan import LinkspanWorker
from integration.services.maven import UnavailableError

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("compat"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def played(kafka: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Outcome], dict[str, Outcome]]:
    """What the original made of it, and what ours."""
    folder, run = tmp_path_factory.mktemp("poison"), uuid.uuid4().hex[:8]
    fill(kafka.bootstrap, run, SCENARIOS)
    try:
        sides = [Side(kind, folder, kafka.bootstrap, run, SCENARIOS) for kind in (OriginalWorker, LinkspanWorker)]
    except UnavailableError as error:
        missing(str(error))
    with ThreadPoolExecutor() as both:
        original, ours = both.map(Side.play, sides)
    return original, ours


each_scenario = pytest.mark.parametrize("name", [scenario.name for scenario in SCENARIOS])
Played = tuple[dict[str, Outcome], dict[str, Outcome]]


@each_scenario
def test_letters_have_the_same_keys_values_timestamps_and_headers(played: Played, name: str) -> None:
    original, ours = (side[name].letters for side in played)
    assert original
    assert list(map(alike, ours)) == list(map(alike, original))


@each_scenario
def test_exceptions_in_letters_are_the_counterparts_of_the_originals(played: Played, name: str) -> None:
    classes = [
        [dict(letter.headers).get(PREFIX + "exception.class.name") for letter in side[name].letters] for side in played
    ]
    original, ours = ([None if text is None else text.decode() for text in side] for side in classes)
    assert ours == [None if text is None else NAMES.get(text, text) for text in original]


@each_scenario
def test_the_same_offsets_are_committed(played: Played, name: str) -> None:
    original, ours = (side[name].committed for side in played)
    assert ours == original


@each_scenario
def test_the_same_records_arrive(played: Played, name: str) -> None:
    original, ours = (sorted(side[name].lines) for side in played)
    assert ours == original


@each_scenario
def test_the_states_are_the_same(played: Played, name: str) -> None:
    original, ours = (side[name] for side in played)
    assert ours.state == original.state
    if original.state == "FAILED":
        assert "Tolerance exceeded in error handler" in original.trace
        assert "Tolerance exceeded in error handler" in ours.trace


@each_scenario
def test_the_same_lines_are_logged(played: Played, name: str) -> None:
    original, ours = (side[name].logged for side in played)
    assert ours == original
