"""Replaces references in configurations of connectors, with the help of config providers (spec/runtime.md 4.17).

Every provider runs in a child of its own, also those that come with Linkspan: a file on a server that does not answer,
a plugin that hangs or dies, keep neither the worker nor the other providers from their work. A child begins when its
provider is first asked, and stays; one that does not answer in time is killed, and the next question begins another.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from linkspan.api.errors import ConnectError, PluginError
from linkspan.config.providers.asking import ANSWER_SECONDS
from linkspan.config.providers.declared import BUILT_IN, DeclaredProvider, declared
from linkspan.config.providers.references import Resolution, resolution, wanted
from linkspan.observe.hiding import know
from linkspan.plugins.catalog import PluginInfo
from linkspan.worker.channel import Message, decode_error
from linkspan.worker.child import pack
from linkspan.worker.log_levels import log_levels
from linkspan.worker.nurseries import Nurseries
from linkspan.worker.process import ChildProcess

__all__ = ["Answers", "Resolver"]

log = logging.getLogger(__name__)

Config = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Answers:
    """What providers said.

    Attributes:
        found: values, by provider, path and key.
        ttls: seconds for which they are good, by provider and path; a path that is not there is good for ever.
        errors: what was raised, by provider and path.
        polled: providers that like to be asked again.
    """

    found: dict[str, dict[str, Mapping[str, str]]] = field(default_factory=dict)
    ttls: dict[tuple[str, str], float] = field(default_factory=dict)
    errors: dict[tuple[str, str], ConnectError] = field(default_factory=dict)
    polled: set[str] = field(default_factory=set)

    def resolution(self, config: Config) -> Resolution:
        """A configuration with its references replaced.

        Raises:
            ConfigError, PluginError: what was raised for something that it refers to.
        """
        for place in sorted(_places([config]) & self.errors.keys()):
            raise self.errors[place]
        return resolution(config, self.found)

    def ttl_of(self, configs: Iterable[Config]) -> float | None:
        """Seconds until the first of the values that these refer to is not good any more."""
        return min((self.ttls[place] for place in _places(configs) if place in self.ttls), default=None)

    def fails(self, configs: Iterable[Config]) -> bool:
        """Whether something that these refer to could not be asked for."""
        return not self.errors.keys().isdisjoint(_places(configs))


class Resolver:
    """Resolves configurations.

    Args:
        properties: of the worker; its own references are resolved already.
        nurseries: where children come from.
        plugin: finds the class of a provider that does not come with Linkspan; raises ConnectError if there is none.
        seconds: how long an answer may take.
    """

    def __init__(
        self,
        properties: Mapping[str, str],
        nurseries: Nurseries,
        plugin: Callable[[str], PluginInfo],
        seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._declared = {found.name: found for found in declared(properties)}
        self._nurseries = nurseries
        self._plugin = plugin
        self._seconds = seconds
        self._children: dict[str, asyncio.Task[_ProviderChild]] = {}

    async def resolve(self, config: Config) -> Resolution:
        """One configuration with its references replaced.

        Raises:
            ConfigError: a provider cannot say anything about a path.
            PluginError: a provider raised something else, died, or did not answer in time.
        """
        answers = await self.ask([config])
        return answers.resolution(config)

    async def ask(self, configs: Sequence[Config]) -> Answers:
        """Ask for everything that these configurations refer to; what goes wrong is in the answer."""
        answers = Answers()
        asked = {name: paths for name, paths in wanted(configs).items() if name in self._declared}
        await asyncio.gather(*(self._ask(name, paths, answers) for name, paths in asked.items()))
        know(value for paths in answers.found.values() for values in paths.values() for value in values.values())
        return answers

    async def _ask(self, name: str, paths: Mapping[str, Sequence[str]], answers: Answers) -> None:
        try:
            child = await self._child(name)
            said = await child.get(paths, self._seconds)
        except ConnectError as error:
            answers.errors.update({(name, path): error for path in paths})
            return
        if said["polled"]:
            answers.polled.add(name)
        for path, part in said["paths"].items():
            if part.get("error"):
                answers.errors[name, path] = _named(name, decode_error(part["error"]))
                continue
            answers.found.setdefault(name, {})[path] = part["values"]
            if part["ttl_ms"] is not None:
                answers.ttls[name, path] = part["ttl_ms"] / 1000

    async def _child(self, name: str) -> _ProviderChild:
        """The child of a provider; a new one if the last has ended."""
        known = self._children.get(name)
        if known is not None and known.done() and (known.exception() is not None or not known.result().alive):
            known = None
        if known is None:
            known = asyncio.create_task(self._begin(self._declared[name]), name=f"config provider {name}")
            self._children[name] = known
        return await asyncio.shield(known)

    async def _begin(self, provider: DeclaredProvider) -> _ProviderChild:
        plugin = None if provider.class_name in BUILT_IN else self._plugin(provider.class_name)
        child = _ProviderChild(provider.name)
        run: Message = {
            "type": "run",
            "job": "linkspan.worker.provider_child:provider",
            "args": {"declared": pack(provider), "plugin": pack(plugin)},
            "context": child.context,
            "levels": log_levels(),
            "beat": 60.0,
        }
        child.attach(await self._nurseries.spawn(child.context, child.take, run))
        return child

    def send(self, message: Message) -> None:
        """Pass on a message to every child."""
        for child in self._children.values():
            if child.done() and not child.cancelled() and child.exception() is None:
                child.result().send(message)

    async def stop(self) -> None:
        """End every child."""
        children = list(self._children.values())
        self._children.clear()
        for beginning in children:
            beginning.cancel()
        for begun in await asyncio.gather(*children, return_exceptions=True):
            if isinstance(begun, _ProviderChild):
                await begun.end()


class _ProviderChild:
    """The child of one provider, and who waits for its answers."""

    def __init__(self, name: str) -> None:
        self.context = f"config provider {name}"
        self._child: ChildProcess | None = None
        self._waiting: dict[int, asyncio.Future[Message]] = {}
        self._last = 0
        self._failure: ConnectError | None = None
        self._ending: asyncio.Task[None] | None = None

    @property
    def alive(self) -> bool:
        return self._child is not None and self._child.alive and self._failure is None

    def attach(self, child: ChildProcess) -> None:
        self._child = child
        self._ending = asyncio.create_task(self._until_end(child), name=f"end of {self.context}")

    def send(self, message: Message) -> None:
        if self._child is not None:
            self._child.send(message)

    async def get(self, paths: Mapping[str, Sequence[str]], seconds: float) -> Message:
        assert self._child is not None
        self._last += 1
        number = self._last
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        self._child.send({"type": "call", "id": number, "method": "get", "args": {"paths": paths}})
        try:
            if not self.alive:
                raise self._failure or PluginError(f"The process of {self.context} has ended")
            done, _ = await asyncio.wait([answer], timeout=seconds)
            if not done:
                await self._kill(f"The {self.context} did not answer within {seconds:g} s; its process was killed")
            message: Message = answer.result()["value"]
            return message
        finally:
            del self._waiting[number]

    async def _kill(self, text: str) -> None:
        assert self._child is not None
        stack = await self._child.blocked_stack()
        log.error("%s%s", text, f". It was blocked in:\n{stack}" if stack else "")
        self._fail(PluginError(text, stack or None))
        self._child.kill()

    def _fail(self, error: ConnectError) -> None:
        """Answer everybody who waits, and take no more questions."""
        self._failure = self._failure or error
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(self._failure)

    def take(self, _: ChildProcess, message: Message) -> None:
        if message["type"] == "answer":
            answer = self._waiting.get(message["id"])
            if answer is not None and not answer.done():
                answer.set_result(message)
        elif message["type"] == "result" and message.get("error"):
            # it could not be made at all
            self._fail(decode_error(message["error"]))

    async def _until_end(self, child: ChildProcess) -> None:
        status = await child.ended()
        self._fail(PluginError(f"The process of {self.context} ended with {status}"))
        child.close()

    async def end(self) -> None:
        if self._child is not None and self._ending is not None:
            self._child.kill()
            await self._ending


def _places(configs: Iterable[Config]) -> set[tuple[str, str]]:
    """Providers and paths that configurations refer to."""
    return {(name, path) for name, paths in wanted(configs).items() for path in paths}


def _named(provider: str, error: ConnectError) -> ConnectError:
    """What a plugin raised without knowing whom it is for; a ConfigError says itself what it is about."""
    return (
        PluginError(f"Config provider {provider}: {error.message}", error.trace)
        if isinstance(error, PluginError)
        else error
    )
