"""The connector that every client takes through its life, and what the REST API has to say of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from linkspan_connectors.file.connector import FileStreamSourceConnector

NAME: Final = "file → topic"
"""Has to be percent-encoded: a blank, and a character beyond one byte."""
TOPIC: Final = "lines"
VERSION: Final = FileStreamSourceConnector.version
TASK_CLASS: Final = "org.apache.kafka.connect.file.FileStreamSourceTask"
MISSING_TOPIC: Final = 'Missing required configuration "topic" which has no default value.'

Json = dict[str, Any]


class FileSource:
    """A file source and its file of two lines.

    Args:
        folder: for the file.
        worker_id: ``host:port`` of the worker.
    """

    def __init__(self, folder: Path, worker_id: str) -> None:
        self.file = folder / "in.txt"
        self.file.write_text("a\nb\n")
        self.worker_id = worker_id
        self.settings = {
            "connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector",
            "file": str(self.file),
            "topic": TOPIC,
        }

    @property
    def config(self) -> dict[str, str]:
        """The configuration as it is answered: what was submitted and the name, nothing else."""
        return {**self.settings, "name": NAME}

    def updated(self) -> dict[str, str]:
        """The configuration with one value changed."""
        return {**self.config, "batch.size": "1000"}

    def info(self, tasks: int = 1, config: dict[str, str] | None = None) -> Json:
        """Body of ``GET /connectors/{name}``."""
        ids = [{"connector": NAME, "task": number} for number in range(tasks)]
        return {"name": NAME, "config": config or self.config, "tasks": ids, "type": "source"}

    def status(self, connector: str, *tasks: str) -> Json:
        """Body of ``GET /connectors/{name}/status`` with these states."""
        return {
            "name": NAME,
            "connector": self._state(connector),
            "tasks": [self.task_status(number, state) for number, state in enumerate(tasks)],
            "type": "source",
        }

    def task_status(self, number: int, state: str) -> Json:
        """Body of ``GET /connectors/{name}/tasks/{number}/status``."""
        return {"id": number, **self._state(state)}

    def tasks(self) -> list[Json]:
        """Body of ``GET /connectors/{name}/tasks``."""
        return [{"id": {"connector": NAME, "task": 0}, "config": {**self.config, "task.class": TASK_CLASS}}]

    def offsets(self, position: int) -> list[Json]:
        """The list in the body of ``GET /connectors/{name}/offsets``."""
        return [{"partition": {"filename": str(self.file)}, "offset": {"position": position}}]

    def topics(self, *topics: str) -> Json:
        """Body of ``GET /connectors/{name}/topics``."""
        return {NAME: {"topics": list(topics)}}

    def plugin(self) -> Json:
        """Its entry in ``GET /connector-plugins``."""
        return {"class": self.settings["connector.class"], "type": "source", "version": VERSION}

    def spoil(self) -> None:
        """Make its task fail at the first line."""
        self.file.write_bytes(b"\xff\xfe\n")

    def heal(self) -> None:
        """Undo :meth:`spoil`."""
        self.file.write_text("a\nb\n")

    def _state(self, state: str) -> Json:
        return {"state": state, "worker_id": self.worker_id, "version": VERSION}


def errors_of(validation: Json) -> dict[str, list[str]]:
    """Key → errors, from the body of ``PUT /connector-plugins/{plugin}/config/validate``."""
    values = [entry["value"] for entry in validation["configs"]]
    return {value["name"]: value["errors"] for value in values if value["errors"]}
