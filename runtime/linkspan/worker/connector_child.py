"""The job of a connector's child: one connector object, told what to do by calls of the worker (spec 4.4).

Calls: ``target`` (STARTED, PAUSED or STOPPED), ``task_configs`` (at most how many), ``finish`` (stop and end).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from linkspan.api.connector import SinkConnector, SourceConnector
from linkspan.api.errors import ConnectError, PluginError
from linkspan.api.records import Offset, Partition
from linkspan.config import definition
from linkspan.config.providers.passwords import passwords, refuse_unresolved
from linkspan.plugins.loading import load
from linkspan.worker.channel import Message, encode_error
from linkspan.worker.child import ChannelPort, unpack
from linkspan.worker.task_configs import as_texts

__all__ = ["connector"]

log = logging.getLogger(__name__)


class _Offsets:
    """The stored offsets of the connector, asked of the worker."""

    def __init__(self, port: ChannelPort) -> None:
        self._port = port

    def offset(self, partition: Partition) -> Offset | None:
        return self._port.read_offsets([partition])[0]

    def offsets(self, partitions: Sequence[Partition]) -> list[Offset | None]:
        return self._port.read_offsets(partitions)


class _Context:
    """What a connector may ask of the runtime, from any thread."""

    def __init__(self, name: str, port: ChannelPort) -> None:
        self.connector = name
        self.offset_reader = _Offsets(port)
        self.closed = False
        self._port = port

    def request_task_reconfiguration(self) -> None:
        self._refuse_when_closed()
        self._port.channel.send({"type": "reconfigure"})

    def raise_error(self, error: Exception) -> None:
        self._refuse_when_closed()
        told = encode_error(error)
        self._port.channel.send({"type": "raised", "trace": told["trace"], "code": told["code"]})

    def _refuse_when_closed(self) -> None:
        if self.closed:
            message = f"Connector {self.connector} has been stopped; it cannot ask for anything any more"
            raise ConnectError(message)


class _Host:
    def __init__(self, port: ChannelPort, args: Mapping[str, Any]) -> None:
        self._port = port
        self._started = False
        self._context = _Context(args["name"], port)
        kind = load(unpack(args["plugin"]))
        made: Any = kind()
        if not isinstance(made, SourceConnector | SinkConnector):
            message = f"{kind.__qualname__} is neither a SourceConnector nor a SinkConnector"
            raise PluginError(message)
        refuse_unresolved(passwords(kind.config_class.keys), args["unresolved"])
        made.config = definition.load(kind.config_class, args["config"])
        made.context = self._context
        self._connector = made
        task_class = made.task_class
        self._task_class = task_class.java_class or f"{task_class.__module__}.{task_class.__qualname__}"

    def serve(self) -> None:
        """Answer calls until ``finish``."""
        while True:
            call = self._port.calls.get()
            answer: Message = {"type": "answer", "id": call["id"]}
            try:
                answer["value"] = self._answer(call["method"], call["args"])
            except (Exception, SystemExit) as error:  # noqa: BLE001 - supervision point: plugin code may raise anything
                answer["error"] = encode_error(error)
            self._port.call = None
            self._port.channel.send(answer)
            if call["method"] == "finish":
                return

    def _answer(self, method: str, args: Mapping[str, Any]) -> object:
        if method == "task_configs":
            self._port.calling("task_configs")
            made = self._connector.task_configs(args["max_tasks"])
            configs = [as_texts(config) for config in made]
            return {"configs": configs, "task_class": self._task_class, "watches": bool(self._connector.watches)}
        if method == "target" and args["target"] == "STARTED":
            if not self._started:
                self._port.calling("start")
                self._connector.start()
                self._started = True
            return None
        self._context.closed = method == "finish"
        if self._started:
            self._started = False
            self._port.calling("stop")
            self._connector.stop()
        return None


def connector(port: ChannelPort, args: Mapping[str, Any]) -> None:
    """Host one connector object until the worker says ``finish``."""
    _Host(port, args).serve()
