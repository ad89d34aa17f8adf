"""Adapters of our own connectors, and of the pattern for sinks that store offsets with their data."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from linkspan.testing import SinkAdapter, SourceAdapter
from linkspan_connectors.datagen.connector import DatagenSourceConnector
from linkspan_connectors.datagen.templates import TEMPLATES, records
from linkspan_connectors.file.connector import FileStreamSinkConnector, FileStreamSourceConnector
from tests.testing.ledger import Ledger, LedgerSinkConnector


class FileSource(SourceAdapter):
    connector = FileStreamSourceConnector

    def config(self) -> Mapping[str, str]:
        return {"file": str(self.folder / "in.txt"), "topic": self.name}

    def fill(self, texts: Sequence[str]) -> None:
        with (self.folder / "in.txt").open("a") as file:
            file.writelines(f"{text}\n" for text in texts)


class FileSink(SinkAdapter):
    connector = FileStreamSinkConnector

    def config(self) -> Mapping[str, str]:
        return {"file": str(self.folder / "out.txt")}

    def content(self) -> Iterable[str]:
        file = self.folder / "out.txt"
        return file.read_text().splitlines() if file.exists() else []


class Datagen(SourceAdapter):
    connector = DatagenSourceConnector
    endless = True
    exempt: ClassVar = {"sharing.*": "each task invents records of its own"}

    def set_up(self) -> None:
        self._rows = records(TEMPLATES["orders"], 1, 0)

    def config(self) -> Mapping[str, str]:
        return {"topic": self.name, "template": "orders", "format": "json", "rate": "100"}

    def fill(self, texts: Sequence[str]) -> Sequence[str]:
        return [str(row["order_id"]) for row in itertools.islice(self._rows, len(texts))]

    def text(self, payload: bytes) -> str:
        return str(json.loads(payload)["order_id"])


class LedgerSink(SinkAdapter):
    connector = LedgerSinkConnector

    @property
    def _file(self) -> Path:
        return self.folder / "ledger.db"

    def config(self) -> Mapping[str, str]:
        return {"file": str(self._file)}

    def content(self) -> Iterable[str]:
        ledger = Ledger(str(self._file))
        try:
            return ledger.lines()
        finally:
            ledger.close()

    @contextmanager
    def outage(self) -> Iterator[None]:
        ledger = Ledger(str(self._file))
        try:
            with ledger.transaction():  # nobody else can write meanwhile
                yield
        finally:
            ledger.close()
