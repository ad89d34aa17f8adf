"""The sink that never waits for what it writes before the next records come, however few they are."""

from __future__ import annotations

from typing import ClassVar

from linkspan_connectors.jdbc.connector import JdbcSinkConnector
from linkspan_connectors.jdbc.sink import JdbcSinkTask

__all__ = ["AheadSinkConnector"]


class AheadSinkTask(JdbcSinkTask):
    many: ClassVar[int] = 1
    java_class = None


class AheadSinkConnector(JdbcSinkConnector):
    task_class = AheadSinkTask
    java_class = None
