"""One method an endpoint (spec/runtime.md 1.4)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from urllib.parse import quote

from linkspan.api.errors import ConfigError
from linkspan.herder.port import PAUSED, STARTED, Body, Herder, InternalRequest
from linkspan.herder.sessions import ALGORITHM_HEADER, SIGNATURE_HEADER
from linkspan.rest import bodies
from linkspan.rest.listing import Listing
from linkspan.rest.routing import SEGMENT_CHARACTERS, Answer, Handler, Request, Route

__all__ = ["ConnectorResources", "PluginResources", "RootResources"]

HEALTH_STATUS: Final = {"healthy": 200, "starting": 503, "unhealthy": 500}


class RootResources:
    """``/``, ``/health`` and, beyond Kafka, ``/health/ready``.

    Args:
        herder: answers.
    """

    def __init__(self, herder: Herder) -> None:
        self._herder = herder

    def routes(self) -> list[Route]:
        """Its endpoints."""
        return [
            Route("GET", "/", self._root),
            Route("GET", "/health", self._health),
            Route("GET", "/health/ready", self._ready),
        ]

    async def _root(self, _: Request) -> Answer:
        return Answer(body=self._herder.server_info())

    async def _health(self, _: Request) -> Answer:
        status, message = await self._herder.health()
        return Answer(HEALTH_STATUS[status], {"status": status, "message": message})

    async def _ready(self, _: Request) -> Answer:
        ready, message = await self._herder.readiness()
        return Answer(200 if ready else 503, {"status": "ready" if ready else "not ready", "message": message})


class ConnectorResources:
    """Everything below ``/connectors``; answered when the herder knows what there is.

    Args:
        herder: decides.
    """

    def __init__(self, herder: Herder) -> None:
        self._herder = herder
        self._listing = Listing(herder)

    def routes(self) -> list[Route]:
        """Its endpoints."""
        return [replace(route, handler=self._when_known(route.handler)) for route in self._routes()]

    def _when_known(self, handler: Handler) -> Handler:
        async def answer(request: Request) -> Answer:
            await self._herder.connectors_known()
            return await handler(request)

        return answer

    def _routes(self) -> list[Route]:
        return [
            Route("POST", "/connectors", self._create, takes_body=True),
            Route("GET", "/connectors", self._list),
            Route("DELETE", "/connectors/{c}", self._delete),
            Route("GET", "/connectors/{c}", self._info),
            Route("GET", "/connectors/{c}/config", self._config),
            Route("PUT", "/connectors/{c}/config", self._put_config, takes_body=True),
            Route("PATCH", "/connectors/{c}/config", self._patch_config, takes_body=True),
            Route("GET", "/connectors/{c}/status", self._status),
            Route("POST", "/connectors/{c}/restart", self._restart, passes_on=("includeTasks", "onlyFailed")),
            Route("PUT", "/connectors/{c}/pause", self._pause),
            Route("PUT", "/connectors/{c}/resume", self._resume),
            Route("PUT", "/connectors/{c}/stop", self._stop),
            Route("POST", "/connectors/{c}/tasks", self._put_tasks, takes_raw_body=True),
            Route("GET", "/connectors/{c}/tasks", self._tasks),
            Route("GET", "/connectors/{c}/tasks/{t:int}/status", self._task_status),
            Route("POST", "/connectors/{c}/tasks/{t:int}/restart", self._restart_task),
            Route("GET", "/connectors/{c}/topics", self._topics),
            Route("PUT", "/connectors/{c}/topics/reset", self._reset_topics),
            Route("DELETE", "/connectors/{c}/offsets", self._reset_offsets),
            Route("GET", "/connectors/{c}/offsets", self._offsets),
            Route("PATCH", "/connectors/{c}/offsets", self._alter_offsets, takes_body=True),
            Route("PUT", "/connectors/{c}/fence", self._fence),
        ]

    async def _list(self, request: Request) -> Answer:
        wanted = [value for key, value in request.query if key == "expand"]
        if not wanted:
            return Answer(body=self._herder.connectors())
        return Answer(body=self._listing.text(info="info" in wanted, status="status" in wanted))

    async def _create(self, request: Request) -> Answer:
        new = bodies.new_connector(request.body)
        body = await self._herder.create_connector(new.name, new.config, new.target)
        return Answer(201, body, _location(request, new.name))

    async def _put_config(self, request: Request) -> Answer:
        name = request.names["c"]
        created, body = await self._herder.put_connector_config(name, bodies.config_map(request.body, name))
        return Answer(201, body, _location(request, name)) if created else Answer(200, body)

    async def _patch_config(self, request: Request) -> Answer:
        patch = bodies.text_map(request.body)
        return Answer(body=await self._herder.patch_connector_config(request.names["c"], patch))

    async def _delete(self, request: Request) -> Answer:
        await self._herder.delete_connector(request.names["c"])
        return Answer(204)

    async def _info(self, request: Request) -> Answer:
        return Answer(body=self._herder.connector_info(request.names["c"]))

    async def _config(self, request: Request) -> Answer:
        return Answer(body=self._herder.connector_config(request.names["c"]))

    async def _status(self, request: Request) -> Answer:
        return Answer(body=self._herder.connector_status(request.names["c"]))

    async def _restart(self, request: Request) -> Answer:
        include_tasks = request.flag("includeTasks", default=False)
        only_failed = request.flag("onlyFailed", default=False)
        if not include_tasks and not only_failed:
            await self._herder.restart_connector(request.names["c"])
            return Answer(204)
        plan = await self._herder.restart(request.names["c"], include_tasks=include_tasks, only_failed=only_failed)
        # workers of Kafka before 4.1 pass requests on, but refuse an answer with a member that they do not know
        return Answer(202, plan if request.parameter("forward") is None else _without_versions(plan))

    async def _pause(self, request: Request) -> Answer:
        await self._herder.set_target(request.names["c"], PAUSED)
        return Answer(202)

    async def _resume(self, request: Request) -> Answer:
        await self._herder.set_target(request.names["c"], STARTED)
        return Answer(202)

    async def _stop(self, request: Request) -> Answer:
        await self._herder.stop_connector(request.names["c"])
        return Answer(204)

    async def _tasks(self, request: Request) -> Answer:
        return Answer(body=self._herder.task_infos(request.names["c"]))

    async def _task_status(self, request: Request) -> Answer:
        return Answer(body=self._herder.task_status(request.names["c"], int(request.names["t"])))

    async def _restart_task(self, request: Request) -> Answer:
        await self._herder.restart_task(request.names["c"], int(request.names["t"]))
        return Answer(204)

    async def _topics(self, request: Request) -> Answer:
        return Answer(body=self._herder.active_topics(request.names["c"]))

    async def _reset_topics(self, request: Request) -> Answer:
        self._herder.reset_active_topics(request.names["c"])
        return Answer(202)

    async def _offsets(self, request: Request) -> Answer:
        return Answer(body=await self._herder.connector_offsets(request.names["c"]))

    async def _alter_offsets(self, request: Request) -> Answer:
        offsets = bodies.offsets(request.body)
        return Answer(body=await self._herder.alter_offsets(request.names["c"], offsets))

    async def _reset_offsets(self, request: Request) -> Answer:
        return Answer(body=await self._herder.reset_offsets(request.names["c"]))

    async def _put_tasks(self, request: Request) -> Answer:
        configs = bodies.task_configs(request.body)
        await self._herder.put_task_configs(request.names["c"], configs, _internal(request))
        return Answer(204)

    async def _fence(self, request: Request) -> Answer:
        await self._herder.fence(request.names["c"], _internal(request))
        return Answer(204)


class PluginResources:
    """Everything below ``/connector-plugins``.

    Args:
        herder: knows the plugins.
    """

    def __init__(self, herder: Herder) -> None:
        self._herder = herder

    def routes(self) -> list[Route]:
        """Its endpoints."""
        return [
            Route("GET", "/connector-plugins", self._list),
            Route("GET", "/connector-plugins/{p}/config", self._config),
            Route("PUT", "/connector-plugins/{p}/config/validate", self._validate, takes_body=True),
        ]

    async def _list(self, request: Request) -> Answer:
        return Answer(body=self._herder.plugins(connectors_only=request.flag("connectorsOnly", default=True)))

    async def _config(self, request: Request) -> Answer:
        return Answer(body=await self._herder.plugin_config(request.names["p"], request.parameter("version")))

    async def _validate(self, request: Request) -> Answer:
        plugin = request.names["p"]
        config = bodies.text_map(request.body)
        included = config.get("connector.class")
        if included is not None and not _short(included).endswith(_short(plugin)):
            raise ConfigError(f"Included connector type {included} does not match request type {plugin}")
        return Answer(body=await self._herder.validate(config))


def _short(name: str) -> str:
    shortened = name.removesuffix("Connector")
    return shortened or name


def _without_versions(body: Body) -> Body:
    def inner(value: object) -> object:
        if isinstance(value, list):
            return [inner(each) for each in value]
        return _without_versions(value) if isinstance(value, dict) else value

    return {key: inner(value) for key, value in body.items() if key != "version"}


def _internal(request: Request) -> InternalRequest:
    return InternalRequest(request.body, request.headers.get(SIGNATURE_HEADER), request.headers.get(ALGORITHM_HEADER))


def _location(request: Request, name: str) -> dict[str, str]:
    return {"Location": f"{request.base_url}/connectors/{quote(name, safe=SEGMENT_CHARACTERS)}"}
