"""A worker and a level registry that only pretend; every call is written down."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from linkspan.api.errors import ConnectError
from linkspan.plugins.catalog import Catalog, PluginInfo

Body = dict[str, object]


@dataclass
class Report:
    connector: str
    task: int | None
    state: str
    trace: str | None = None


def plugin(kind: str, name: str) -> PluginInfo:
    return PluginInfo(kind, f"org.apache.kafka.connect.file.{name}", f"file:{name}", "4.3.1")


CATALOG = Catalog([plugin("sink", "FileStreamSinkConnector"), plugin("source", "FileStreamSourceConnector")])


@dataclass
class FakeWorker:
    """Starts everything at once; ``errors`` and ``hangs`` are keyed by (call, connector)."""

    cluster_id: str | None = "cluster"
    catalog: Catalog = CATALOG
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    errors: dict[tuple[str, str], ConnectError] = field(default_factory=dict)
    hangs: dict[tuple[str, str], asyncio.Event] = field(default_factory=dict)
    offsets: dict[str, list[Body]] = field(default_factory=dict)
    invalid: dict[str, list[str]] = field(default_factory=dict)
    on_status: Any = lambda _report: None
    configs: dict[str, dict[str, str]] = field(default_factory=dict)
    running: set[tuple[str, int]] = field(default_factory=set)

    async def _enter(self, call: str, name: str, *rest: Any) -> None:
        self.calls.append((call, name, *rest))
        if (call, name) in self.hangs:
            await self.hangs[call, name].wait()
        if (call, name) in self.errors:
            raise self.errors[call, name]

    async def validate(self, props: dict[str, str | None]) -> Body:
        name = props.get("name") or ""
        await self._enter("validate", name)
        self.catalog.connector_of(props)
        errors = self.invalid.get(name, [])
        info = {"definition": {"name": "topic"}, "value": {"name": "topic", "errors": errors}}
        return {"name": props["connector.class"], "error_count": len(errors), "groups": [], "configs": [info]}

    async def plugin_config(self, name: str) -> list[Body]:
        return [{"name": f"key of {name}"}]

    async def start_connector(self, name: str, config: dict[str, str], target: str) -> None:
        self.configs[name] = config
        try:
            await self._enter("start_connector", name, target)
        except ConnectError as error:
            self.on_status(Report(name, None, "FAILED", error.message))
            raise
        self._report(name, None, target)

    async def stop_connector(self, name: str) -> None:
        await self._enter("stop_connector", name)

    async def set_connector_target(self, name: str, target: str) -> None:
        await self._enter("set_connector_target", name, target)
        self._report(name, None, target)

    async def task_configs(self, name: str) -> list[dict[str, str]]:
        await self._enter("task_configs", name)
        return [dict(self.configs[name]) for _ in range(int(self.configs[name].get("tasks.max", "1")))]

    async def start_task(
        self,
        connector: str,
        task: int,
        config: dict[str, str],  # noqa: ARG002
        target: str,
        *,
        connector_config: dict[str, str],  # noqa: ARG002
        count: int,  # noqa: ARG002
    ) -> None:
        await self._enter("start_task", connector, task, target)
        self.running.add((connector, task))
        self._report(connector, task, target)

    async def stop_tasks(self, ids: Sequence[tuple[str, int]]) -> None:
        for name, task in ids:
            await self._enter("stop_task", name, task)
            self.running.discard((name, task))
            self.on_status(Report(name, task, "UNASSIGNED"))

    def task_alive(self, connector: str, task: int) -> bool:
        return (connector, task) in self.running

    async def set_task_target(self, connector: str, task: int, target: str) -> None:
        await self._enter("set_task_target", connector, task, target)
        self._report(connector, task, target)

    async def connector_offsets(self, name: str, config: dict[str, str]) -> list[Body]:  # noqa: ARG002
        return self.offsets.get(name, [])

    async def alter_offsets(self, name: str, config: dict[str, str], offsets: list[Body]) -> bool:  # noqa: ARG002
        await self._enter("alter_offsets", name)
        self.offsets[name] = offsets
        return True

    async def reset_offsets(self, name: str, config: dict[str, str]) -> bool:  # noqa: ARG002
        await self._enter("reset_offsets", name)
        self.offsets.pop(name, None)
        return False

    def _report(self, name: str, task: int | None, target: str) -> None:
        self.on_status(Report(name, task, "RUNNING" if target == "STARTED" else target))


class FakeLevels:
    def __init__(self) -> None:
        self.known: dict[str, tuple[str, int | None]] = {"root": ("INFO", None)}

    def levels(self) -> dict[str, tuple[str, int | None]]:
        return dict(sorted(self.known.items()))

    def level(self, name: str) -> tuple[str, int | None] | None:
        return self.known.get(name)

    def set_level(self, name: str, level: str) -> list[str]:
        changed = sorted({name, *(other for other in self.known if other.startswith(name))})
        self.known.update(dict.fromkeys(changed, (level, 1)))
        return changed
