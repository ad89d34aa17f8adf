"""The original as users start it: with the options of its own start scripts, and looking for plugins as by default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from integration.services.groups import OriginalGroupWorker
from integration.services.kafka import Broker, OriginalWorker

__all__ = ["DefaultBroker", "DefaultGroupWorker", "DefaultWorker"]

_OPTIONS: Final = (
    *("-Xms256M", "-Xmx2G", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"),
    *("-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent", "-Djava.awt.headless=true"),
)
"""What the start scripts of Apache Kafka give a Connect worker."""


class DefaultBroker(Broker):
    """A broker with what the virtual machine chooses by itself, but for its memory."""

    machine: ClassVar[Sequence[str]] = ("-Xmx1g",)


class DefaultWorker(OriginalWorker):
    """A standalone worker."""

    extra: ClassVar[Mapping[str, object]] = {}
    machine: ClassVar[Sequence[str]] = _OPTIONS


class DefaultGroupWorker(OriginalGroupWorker):
    """A worker of a group."""

    extra: ClassVar[Mapping[str, object]] = {}
    machine: ClassVar[Sequence[str]] = _OPTIONS
