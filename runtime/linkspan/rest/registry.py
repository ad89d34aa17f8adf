"""The REST API of the schema registry, as clients of Confluent's registry call it.

Every path is there a second time below ``/contexts/{context}``, where names are meant in that context.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

from linkspan import __version__
from linkspan.api.errors import ConnectError
from linkspan.api.rest import RestRequest, RestResponse
from linkspan.registry import refusals
from linkspan.registry.levels import Mode
from linkspan.registry.proposals import LATEST
from linkspan.registry.refusals import RefusalError
from linkspan.registry.service import Registry
from linkspan.registry.state import AVRO, Registered, fingerprint
from linkspan.registry.subjects import WILDCARD, QualifiedSubject, is_valid
from linkspan.rest.access_log import one_line
from linkspan.rest.errors import error_body
from linkspan.rest.registry_requests import MEDIA_TYPE, Call, answer_type, configuration_of, proposal_of
from linkspan.rest.rendering import render
from linkspan.rest.routing import ForeignRoute

__all__ = ["registry_routes"]

_log: Final = logging.getLogger("linkspan.rest")
_Handler = Callable[[Call], Awaitable[object]]


class _Nothing:
    """An answer without a body."""


class _Route(NamedTuple):
    method: str
    path: str
    handler: _Handler


def registry_routes(registry: Registry, cluster_id: str | None, group: str) -> list[ForeignRoute]:
    """All endpoints.

    Args:
        registry: answers.
        cluster_id: of Kafka; None for the embedded log.
        group: name of the group of registries.
    """
    resources = (
        _Subjects(registry),
        _Schemas(registry),
        _Compatibility(registry),
        _Settings(registry),
        _Server(registry, cluster_id, group),
    )
    found = [route for resource in resources for route in resource.routes()]
    below = [_Route(each.method, f"/contexts/{{context}}{each.path}", each.handler) for each in found]
    return [ForeignRoute(each.method, each.path, _guarded(each.handler)) for each in (*found, *below)]


def _guarded(handler: _Handler) -> Callable[[RestRequest], Awaitable[RestResponse]]:
    async def answer(request: RestRequest) -> RestResponse:
        kind = MEDIA_TYPE
        try:
            kind = answer_type(request.headers.get("Accept"))
            body = await handler(Call(request))
        except RefusalError as refusal:
            if refusal.status >= 500:
                _log.error("%s %s failed: %s", request.method, one_line(request.path), one_line(refusal.message))
            return _response(refusal.status, error_body(refusal.number, refusal.message), kind)
        except ConnectError as error:
            _log.error("%s %s failed: %s", request.method, one_line(request.path), one_line(error.message))
            return _response(500, error_body(50001, error.message), kind)
        if isinstance(body, _Nothing):
            return RestResponse(204, b"")
        return _response(200, body, kind)

    return answer


def _response(status: int, body: object, kind: str) -> RestResponse:
    content = body.encode() if isinstance(body, str) else render(body)
    return RestResponse(status, content, {"Content-Type": kind})


# --- subjects -------------------------------------------------------------------------------------------------------


class _Subjects:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def routes(self) -> list[_Route]:
        one = "/subjects/{subject}/versions/{version}"
        return [
            _Route("GET", "/subjects", self._list),
            _Route("POST", "/subjects/{subject}", self._find),
            _Route("DELETE", "/subjects/{subject}", self._delete),
            _Route("GET", "/subjects/{subject}/metadata", self._with_metadata),
            _Route("GET", "/subjects/{subject}/versions", self._versions),
            _Route("POST", "/subjects/{subject}/versions", self._register),
            _Route("GET", one, self._version),
            _Route("DELETE", one, self._delete_version),
            _Route("GET", f"{one}/schema", self._text),
            _Route("GET", f"{one}/referencedby", self._referrers),
        ]

    async def _list(self, call: Call) -> object:
        wanted = call.text("subjectPrefix", call.context or WILDCARD)
        deleted, only = call.flag("deleted"), call.flag("deletedOnly")
        state = self._registry.state
        names = sorted(name for name in state.subjects if _begins(name, call, wanted))
        return call.page([name for name in names if _is_listed(state.has(name), deleted=deleted, only=only)])

    async def _versions(self, call: Call) -> object:
        subject, state = call.subject, self._registry.state
        deleted, only, negative = call.flag("deleted"), call.flag("deletedOnly"), call.flag("deletedAsNegative")

        def question() -> list[int]:
            if not state.has(subject, deleted=deleted or only):
                raise refusals.subject_not_found(subject)
            every = state.versions(subject, deleted=True)
            if negative:
                return [-each.version if each.deleted else each.version for each in every]
            return [each.version for each in every if _is_listed(not each.deleted, deleted=deleted, only=only)]

        return call.page(await self._registry.ask(question))

    async def _version(self, call: Call) -> object:
        found = await self._registry.ask(lambda: self._found(call, deleted=call.flag("deleted")))
        return _full(found, self._formatted(found, call))

    async def _text(self, call: Call) -> object:
        found = await self._registry.ask(lambda: self._found(call, deleted=call.flag("deleted")))
        return self._formatted(found, call)

    def _formatted(self, found: Registered, call: Call) -> str:
        form = call.text("format")
        return self._registry.schemas.of(found).formatted(form) if form else found.schema

    def _found(self, call: Call, *, deleted: bool) -> Registered:
        subject, version, state = call.subject, call.version, self._registry.state
        places = [subject]
        if QualifiedSubject.of(subject).prefix == "":
            # a name without a context is looked for in all of them
            places += [QualifiedSubject(context, subject).prefix + subject for context in state.contexts()[1:]]
        for place in places:
            found = state.latest(place) if version == LATEST else state.version(place, version, deleted=deleted)
            if found is not None:
                return found
        if not state.has(subject, deleted=deleted):
            raise refusals.subject_not_found(subject)
        raise refusals.version_not_found(version)

    async def _referrers(self, call: Call) -> object:
        def question() -> list[int]:
            found = self._found(call, deleted=True)
            referrers = self._registry.state.referrers(found.subject, found.version, deleted=call.flag("deleted"))
            return sorted({each.id for each in referrers})

        return call.page(await self._registry.ask(question))

    async def _with_metadata(self, call: Call) -> object:
        wanted = dict(zip(call.texts("key"), call.texts("value"), strict=False))
        subject, state, deleted = call.subject, self._registry.state, call.flag("deleted")

        def question() -> Registered:
            for each in reversed(state.versions(subject, deleted=deleted)):
                properties = (each.metadata or {}).get("properties") or {}
                if each.metadata is not None and wanted.items() <= properties.items():
                    return each
            raise (
                refusals.schema_not_found()
                if state.has(subject, deleted=deleted)
                else refusals.subject_not_found(subject)
            )

        found = await self._registry.ask(question)
        return _full(found, self._formatted(found, call))

    async def _find(self, call: Call) -> object:
        subject, proposal, deleted = call.subject, proposal_of(call.body()), call.flag("deleted")
        normalize = call.flag("normalize") or self._registry.settings.normalizes(subject)

        def question() -> Registered:
            found = self._registry.registration.find(subject, proposal, normalize=normalize, deleted=deleted)
            if found is not None:
                return found
            if not self._registry.state.has(subject, deleted=deleted):
                raise refusals.subject_not_found(subject)
            raise refusals.schema_not_found()

        found = await self._registry.ask(question)
        return _full(found, self._formatted(found, call))

    async def _register(self, call: Call) -> object:
        subject, proposal = call.subject, proposal_of(call.body())
        if not is_valid(subject):
            raise refusals.invalid_subject(subject)
        normalize = call.flag("normalize") or self._registry.settings.normalizes(subject)
        registered: Registered = await self._registry.change(
            "Register schema operation failed while writing to the Kafka store",
            lambda: self._registry.registration.register(subject, proposal, normalize=normalize),
        )
        body = {"id": registered.id, "version": registered.version, **_schema(registered, registered.schema, "schema")}
        if (registered.metadata, registered.rule_set) == (proposal.metadata, proposal.rule_set):
            # clients would take the text for the one that they have sent, which may be another form of it
            return {name: body[name] for name in ("id", "version", "guid")}
        return body

    async def _delete(self, call: Call) -> object:
        subject, permanent = call.subject, call.flag("permanent")
        return await self._registry.change(
            f"Error while deleting the subject {subject}",
            lambda: self._registry.deletion.subject(subject, permanent=permanent),
        )

    async def _delete_version(self, call: Call) -> object:
        subject, version, permanent = call.subject, call.version, call.flag("permanent")
        return await self._registry.change(
            "Delete Schema Version operation failed while writing to the Kafka store",
            lambda: self._registry.deletion.version(subject, version, permanent=permanent),
        )


def _is_listed(there: bool, *, deleted: bool, only: bool) -> bool:
    return not there if only else (there or deleted)


def _begins(name: str, call: Call, prefix: str) -> bool:
    if prefix.startswith(WILDCARD):
        return QualifiedSubject.of(name).name.startswith(prefix.removeprefix(WILDCARD))
    return name.startswith(prefix if prefix.startswith(":.") else call.context + prefix)


# --- schemas --------------------------------------------------------------------------------------------------------


class _Schemas:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def routes(self) -> list[_Route]:
        return [
            _Route("GET", "/schemas", self._list),
            _Route("GET", "/schemas/types", self._types),
            _Route("GET", "/schemas/ids/{id:int}", self._get),
            _Route("GET", "/schemas/ids/{id:int}/schema", self._text),
            _Route("GET", "/schemas/ids/{id:int}/subjects", self._subjects),
            _Route("GET", "/schemas/ids/{id:int}/versions", self._versions),
            _Route("GET", "/schemas/guids/{guid}", self._of_guid),
            _Route("GET", "/schemas/guids/{guid}/ids", self._ids_of_guid),
        ]

    async def _list(self, call: Call) -> object:
        wanted, state = call.text("subjectPrefix"), self._registry.state
        found: list[Registered] = []
        for name in sorted(name for name in state.subjects if _begins(name, call, wanted)):
            versions = state.versions(name, deleted=call.flag("deleted"))
            found += versions[-1:] if call.flag("latestOnly") else versions
        return [_full(each, each.schema) for each in call.page(found)]

    async def _types(self, _: Call) -> object:
        return self._registry.schemas.types

    async def _get(self, call: Call) -> object:
        found = await self._registry.ask(lambda: self._found(call))
        text = self._formatted(found, call)
        where = {"subject": found.subject, "version": found.version} if call.has("subject") else {}
        highest = {"maxId": self._registry.state.highest_id(QualifiedSubject.of(found.subject).context)}
        return {**where, **_schema(found, text, "schema"), **(highest if call.flag("fetchMaxId") else {})}

    async def _text(self, call: Call) -> object:
        found = await self._registry.ask(lambda: self._found(call))
        return self._formatted(found, call)

    def _formatted(self, found: Registered, call: Call) -> str:
        form = call.text("format")
        return self._registry.schemas.of(found).formatted(form) if form else found.schema

    def _found(self, call: Call) -> Registered:
        parts, state = call.context_of_ids(), self._registry.state
        contexts = [parts.context]
        if parts.name and not parts.prefix:
            contexts += state.contexts()[1:]
        for context in contexts:
            places = state.places(context, call.id)
            subject = str(QualifiedSubject(context, parts.name))
            if subject in places:
                return state.subjects[subject][places[subject]]
        found = state.of_id(parts.context, call.id)
        if found is None:
            raise refusals.schema_not_found(call.id)
        return found

    async def _places(self, call: Call) -> list[Registered]:
        deleted, state = call.flag("deleted"), self._registry.state
        found = await self._registry.ask(lambda: self._found(call))
        places = state.places(QualifiedSubject.of(found.subject).context, call.id)
        every = (state.subjects[subject][version] for subject, version in places.items())
        return [each for each in every if deleted or not each.deleted]

    async def _subjects(self, call: Call) -> object:
        return call.page([each.subject for each in await self._places(call)])

    async def _versions(self, call: Call) -> object:
        return call.page([{"subject": each.subject, "version": each.version} for each in await self._places(call)])

    async def _of_guid(self, call: Call) -> object:
        found = await self._registry.ask(lambda: self._all_of_guid(call.name("guid")))
        return _schema(found[0], self._formatted(found[0], call), "schema")

    async def _ids_of_guid(self, call: Call) -> object:
        found = await self._registry.ask(lambda: self._all_of_guid(call.name("guid")))
        return [{"context": QualifiedSubject.of(each.subject).context, "id": each.id} for each in found]

    def _all_of_guid(self, guid: str) -> list[Registered]:
        try:
            digest = bytes.fromhex(guid.replace("-", ""))
        except ValueError:
            raise refusals.schema_not_found(guid) from None
        found = []
        for context in self._registry.state.contexts():
            number = self._registry.state.id_of(context, digest)
            each = None if number is None else self._registry.state.of_id(context, number)
            if each is not None:
                found.append(each)
        if not found:
            raise refusals.schema_not_found(guid)
        return found


def _guid(each: Registered) -> str:
    digest = fingerprint(each.schema, each.references, each.metadata, each.rule_set).hex()
    return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:]))


def _schema(each: Registered, text: str, name: str) -> dict[str, Any]:
    body: dict[str, Any] = {"guid": _guid(each)}
    if each.type != AVRO:
        body["schemaType"] = each.type
    body[name] = text
    if each.references:
        body["references"] = [reference.body() for reference in each.references]
    if each.metadata is not None:
        body["metadata"] = each.metadata
    if each.rule_set is not None:
        body["ruleSet"] = each.rule_set
    return body


def _full(each: Registered, text: str) -> dict[str, Any]:
    place: dict[str, Any] = {"subject": each.subject, "version": each.version, "id": each.id}
    body = {**place, **_schema(each, text, "schema")}
    return {**body, "deleted": True} if each.deleted else body


# --- compatibility --------------------------------------------------------------------------------------------------


class _Compatibility:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def routes(self) -> list[_Route]:
        return [
            _Route("POST", "/compatibility/subjects/{subject}/versions", self._with_subject),
            _Route("POST", "/compatibility/subjects/{subject}/versions/{version}", self._with_version),
        ]

    async def _with_subject(self, call: Call) -> object:
        return self._tested(call, self._registry.state.versions(call.subject))

    async def _with_version(self, call: Call) -> object:
        subject, version, state = call.subject, call.version, self._registry.state

        def question() -> list[Registered]:
            found = state.latest(subject) if version == LATEST else state.version(subject, version)
            if found is None and version != LATEST:
                raise refusals.version_not_found(version)
            return [] if found is None else [found]

        return self._tested(call, await self._registry.ask(question))

    def _tested(self, call: Call, versions: list[Registered]) -> object:
        subject, proposal, verbose = call.subject, proposal_of(call.body()), call.flag("verbose")
        normalize = call.flag("normalize") or self._registry.settings.normalizes(subject)
        try:
            messages = self._registry.registration.test(subject, proposal, versions, normalize=normalize)
        except RefusalError as refusal:
            if not verbose or refusal.number != refusals.invalid_schema("").number:
                raise
            messages = [refusal.message]
        body: dict[str, object] = {"is_compatible": not messages}
        return {**body, "messages": messages} if verbose else body


# --- configurations and modes ---------------------------------------------------------------------------------------


class _Settings:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def routes(self) -> list[_Route]:
        return [
            _Route(method, path + place, handler)
            for path, handlers in (
                ("/config", (self._get_config, self._set_config, self._delete_config)),
                ("/mode", (self._get_mode, self._set_mode, self._delete_mode)),
            )
            for place in ("", "/{subject}")
            for method, handler in zip(("GET", "PUT", "DELETE"), handlers, strict=True)
        ]

    async def _get_config(self, call: Call) -> object:
        subject, settings = call.settings_subject, self._registry.settings

        def question() -> dict[str, Any]:
            if call.flag("defaultToGlobal"):
                return settings.config(subject)
            own = settings.own_config(subject)
            if own is None:
                raise refusals.no_level_of_its_own(str(subject))
            return own

        return await self._registry.ask(question)

    async def _set_config(self, call: Call) -> object:
        subject, wanted = _valid(call.settings_subject), configuration_of(call.body())
        return _with_level(await self._registry.set_config(subject, wanted))

    async def _delete_config(self, call: Call) -> object:
        return await self._registry.delete_config(call.settings_subject)

    async def _get_mode(self, call: Call) -> object:
        subject, settings = call.settings_subject, self._registry.settings

        def question() -> Mode:
            found = settings.mode(subject) if call.flag("defaultToGlobal") else settings.own_mode(subject)
            if found is None:
                raise refusals.no_mode_of_its_own(subject)
            return found

        return {"mode": (await self._registry.ask(question)).value}

    async def _set_mode(self, call: Call) -> object:
        subject, wanted = _valid(call.settings_subject), call.body().get("mode")
        mode = Mode.of(wanted)
        if mode is Mode.FORWARD:
            raise refusals.no_forwarding()
        await self._registry.set_mode(subject, mode, force=call.flag("force"))
        return {"mode": mode.value}

    async def _delete_mode(self, call: Call) -> object:
        found = await self._registry.delete_mode(call.settings_subject, recursive=call.flag("recursive"))
        return {} if found is None else {"mode": found.value}


def _valid(subject: str | None) -> str | None:
    if subject is not None and not is_valid(subject, for_settings=True):
        raise refusals.invalid_subject(subject)
    return subject


def _with_level(config: dict[str, Any]) -> dict[str, Any]:
    """A configuration as requests write it."""
    body = dict(config)
    level = body.pop("compatibilityLevel", None)
    return body if level is None else {**body, "compatibility": level}


# --- the server -----------------------------------------------------------------------------------------------------


class _Server:
    def __init__(self, registry: Registry, cluster_id: str | None, group: str) -> None:
        self._registry = registry
        self._cluster_id = cluster_id
        self._group = group

    def routes(self) -> list[_Route]:
        return [
            _Route("GET", "/", self._root),
            _Route("POST", "/", self._root),
            _Route("GET", "/health", self._health),
            _Route("GET", "/contexts", self._contexts),
            _Route("DELETE", "/contexts/{name}", self._delete_context),
            _Route("GET", "/v1/metadata/id", self._id),
            _Route("GET", "/v1/metadata/version", self._version),
        ]

    async def _root(self, _: Call) -> object:
        return {}

    async def _health(self, _: Call) -> object:
        await self._registry.check()
        return {"status": "healthy", "message": "The topic answers."}

    async def _contexts(self, call: Call) -> object:
        wanted = call.text("contextPrefix")
        return call.page([name for name in self._registry.state.contexts() if name.startswith(wanted)])

    async def _delete_context(self, call: Call) -> object:
        context = QualifiedSubject.of(call.qualified(f":{call.name('name').strip(':')}:")).context
        await self._registry.change("Error while deleting context", lambda: self._registry.deletion.context(context))
        return _Nothing()

    async def _id(self, _: Call) -> object:
        clusters = {"kafka-cluster": self._cluster_id or "", "schema-registry-cluster": self._group}
        return {"scope": {"path": [], "clusters": clusters}, "id": ""}

    async def _version(self, _: Call) -> object:
        return {"version": __version__, "commitId": f"linkspan-{__version__}"}
