"""Calls to config providers that take long."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import pytest

from linkspan.config.providers import asking
from linkspan.config.providers.asking import within


class LateFuture(Future[Any]):
    """Its time is over at the moment at which it is done."""

    def result(self, timeout: float | None = None) -> Any:
        result = super().result(10)
        if timeout is not None:
            raise TimeoutError
        return result


def fail() -> str:
    raise TimeoutError("said by the provider")


def test_an_answer_at_the_last_moment_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "Future", LateFuture)
    assert within(1, "vault", "answer", lambda: "value") == "value"


def test_what_a_provider_raises_is_raised_even_if_it_reads_like_ours() -> None:
    with pytest.raises(TimeoutError, match="said by the provider"):
        within(10, "vault", "answer", fail)
