"""Writes records as lines."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import ClassVar

from linkspan.api import ConnectError, SinkBatch, SinkTask
from linkspan.api.text import java_text, java_texts
from linkspan_connectors.file.client import ends_inside_a_line, open_sink
from linkspan_connectors.file.config import FileSinkConfig

__all__ = ["FileStreamSinkTask"]


class FileStreamSinkTask(SinkTask[FileSinkConfig]):
    """One line a record: the text of its value.

    A batch is appended by one system call when ``put`` is called, so a killed task loses nothing that was committed,
    and several tasks can share a file without mixing their lines.
    """

    java_class = "org.apache.kafka.connect.file.FileStreamSinkTask"
    takes_large_batches: ClassVar[bool] = True

    def start(self) -> None:
        """Open the file; a line that a killed task left unfinished is ended, for its record comes again whole."""
        self._descriptor: int | None = None
        file = self.config.file or ""
        unfinished = bool(file) and ends_inside_a_line(file)
        self._descriptor = open_sink(file)
        if unfinished:
            self._append(b"\n")

    def stop(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def put(self, records: SinkBatch) -> None:
        """Append the batch."""
        if len(records):
            self._append(_lines(records).encode("utf-8", "surrogatepass"))

    def _append(self, data: bytes) -> None:
        assert self._descriptor is not None
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError as error:
            raise ConnectError(f"Cannot write to {self.config.file or 'the standard output'}: {error.strerror}") from (
                error
            )


def _lines(records: SinkBatch) -> str:
    values: Sequence[object] = records.values
    try:
        return "\n".join(values) + "\n"  # type: ignore[arg-type]  # texts are by far the most frequent case
    except TypeError:
        pass
    schemas = records.value_schemas
    texts = java_texts(values, records.value_schema) if schemas is None else list(map(java_text, values, schemas))
    return "\n".join(texts) + "\n"
