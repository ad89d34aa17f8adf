"""A transform that refuses some records, to see what becomes of the others."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from linkspan.api import HIGH, Config, DataError, SinkRecord, SourceRecord, StrList, Transform

__all__ = ["Poison"]

RecordT = TypeVar("RecordT", SourceRecord, SinkRecord)


class PoisonConfig(Config):
    """Which records."""

    numbers = StrList(
        importance=HIGH, doc="Records that are refused, counted from 1 since the task has started.", default=()
    )


class Poison(Transform[PoisonConfig]):
    """Raises DataError for the n-th records that come by."""

    config_class: ClassVar[type[Config]] = PoisonConfig
    version: ClassVar[str] = "1"

    def configure(self) -> None:
        """Begin to count."""
        self._numbers = {int(number) for number in self.config.numbers}
        self._seen = 0

    def apply(self, record: Any) -> Any:  # noqa: ANN401 - either kind of record
        """Pass on a record, or refuse it."""
        self._seen += 1
        if self._seen in self._numbers:
            raise DataError(f"Record {self._seen} is poisoned")
        return record
