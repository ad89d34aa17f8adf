"""Notices that values have changed which connectors and tasks of this worker refer to (KIP-297, and beyond).

Two things lead to a restart, unless a connector says ``config.action.reload=none``. A value that a provider gave for a
limited time runs out: the connector instance is restarted, as by Kafka. And a value has changed, which is looked at
from time to time where the provider likes to be asked again: exactly what uses it is restarted, connector instance and
tasks. A task whose value has run out is restarted only if it has changed. What cannot be read for a while changes
nothing; what could not begin for that reason does when it can be read.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from linkspan.config.providers.references import references, resolution
from linkspan.worker.resolver import Answers

__all__ = ["POLL_KEY", "Reload", "Reloads"]

POLL_KEY: Final = "linkspan.config.providers.poll.interval.ms"
"""Worker key: time between two looks at values that may have changed; 0 for none."""

log = logging.getLogger(__name__)

_ACTION: Final = "config.action.reload"
_SHORTEST_SLEEP: Final = 0.1
_SHORTEST_LIFE: Final = 1.0
"""Of a value, so that a connector gets to work between two restarts."""
_AGAIN_SECONDS: Final = 30.0
"""When a value that has run out is asked for again, after its provider could not say anything."""

Config = Mapping[str, str | None]


class Asking(Protocol):
    """The part of a resolver that is needed here."""

    async def ask(self, configs: Sequence[Config]) -> Answers:
        """What providers say about everything that these configurations refer to."""
        ...


@dataclass(frozen=True, slots=True)
class Reload:
    """What is to be restarted of one connector.

    Attributes:
        connector: its name.
        instance: whether its instance is.
        tasks: numbers of its tasks.
    """

    connector: str
    instance: bool
    tasks: tuple[int, ...]

    def __str__(self) -> str:
        """A line for the log."""
        parts = ["its instance"] if self.instance else []
        parts += [f"task {number}" for number in self.tasks]
        return (
            f"Connector {self.connector} refers to values that have changed or run out; restarting {', '.join(parts)}"
        )


@dataclass(slots=True)
class _Use:
    """What something that runs here was made from.

    Attributes:
        references: texts of all references, with the provider of each.
        limited: those whose values are good for a limited time.
        values: what references stood for when it began, or was looked at last.
        good_until: monotonic; None for ever.
        unread: those that could not be read when it began; it has not begun, or with what it knew from before.
    """

    references: Mapping[str, str]
    limited: frozenset[str]
    values: dict[str, str]
    good_until: float | None
    unread: frozenset[str]

    def polled(self, providers: Collection[str]) -> set[str]:
        """References to providers that like to be asked again, and those that have not been answered yet."""
        return {text for text, provider in self.references.items() if provider in providers} | self.unread


_Item = tuple[str, int | None]


class Reloads:
    """Looks after values.

    Args:
        resolver: asks the providers.
        interval: seconds between two looks at what may have changed; 0 for none.
        notify: takes what is to be restarted.
        now: monotonic time in seconds.
        pause: seconds before the next look after one that has failed.
    """

    def __init__(
        self,
        resolver: Asking,
        interval: float,
        notify: Callable[[Reload], None],
        now: Callable[[], float] = time.monotonic,
        pause: float = _AGAIN_SECONDS,
    ) -> None:
        self._resolver = resolver
        self._interval = interval
        self._notify = notify
        self._now = now
        self._pause = pause
        self._uses: dict[_Item, _Use] = {}
        self._polled: set[str] = set()
        self._changed = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._warned: set[str] = set()

    def note(self, connector: str, task: int | None, configs: Sequence[Config], answers: Answers) -> None:
        """Something begins here.

        Args:
            connector: its name.
            task: number of the task, None for the instance.
            configs: that it is made from, as they are written.
            answers: what providers said about them.
        """
        item = (connector, task)
        self._uses.pop(item, None)
        self._polled |= answers.polled
        if not (answers.found or answers.errors) or not _wants_reload(configs, answers):
            return
        found = {ref.text: ref for config in configs for value in config.values() for ref in references(value or "")}
        limited = frozenset(text for text, ref in found.items() if (ref.provider, ref.path) in answers.ttls)
        providers = {text: ref.provider for text, ref in found.items()}
        unread = frozenset(text for text, ref in found.items() if (ref.provider, ref.path) in answers.errors)
        self._uses[item] = _Use(providers, limited, _values(found, answers), self._end(limited, answers), unread)
        self._changed.set()
        if self._running is None or self._running.done():
            first = self._now() + self._interval
            self._running = asyncio.create_task(self._run(first), name="values of config providers")

    def forget(self, connector: str, task: int | None) -> None:
        """It does not run here any more."""
        self._uses.pop((connector, task), None)

    async def stop(self) -> None:
        """Look no more."""
        self._uses.clear()
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running])
            self._running = None

    # --- looking ------------------------------------------------------------------------------------------------

    async def _run(self, next_poll: float) -> None:
        while True:
            self._changed.clear()
            await self._sleep(next_poll)
            polls = self._interval > 0 and self._now() >= next_poll
            if polls:
                next_poll = self._now() + self._interval
            try:
                await self._look(polls=polls)
            except Exception:  # supervision point: nobody would notice that nobody looks any more
                log.exception("Changed values could not be looked for; trying again in %g s", self._pause)
                await asyncio.sleep(self._pause)

    async def _sleep(self, next_poll: float) -> None:
        """Until something is due, or something new begins."""
        due = [use.good_until for use in self._uses.values() if use.good_until is not None]
        if self._interval > 0 and any(use.polled(self._polled) for use in self._uses.values()):
            due.append(next_poll)
        pause = max(_SHORTEST_SLEEP, min(due) - self._now()) if due else None
        try:
            async with asyncio.timeout(pause):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _look(self, *, polls: bool) -> None:
        now = self._now()
        expired = {item for item, use in self._uses.items() if use.good_until is not None and use.good_until <= now}
        questions: dict[_Item, tuple[_Use, dict[str, str]]] = {}
        for item, use in self._uses.items():
            asked = set(use.limited if item in expired else ()) | (use.polled(self._polled) if polls else set())
            if asked:
                questions[item] = use, _config(asked)
        if not questions:
            return
        answers = await self._resolver.ask([texts for _, texts in questions.values()])
        self._warn(answers)
        affected = []
        for item, (use, texts) in questions.items():
            if self._uses.get(item) is not use:  # it has ended, or begun anew with what is true now
                continue
            fails = answers.fails([texts])
            use.unread -= {text for text in texts if not answers.fails([_config([text])])}
            if _has_changed(use, _values(texts, answers)) or (item in expired and item[1] is None and not fails):
                affected.append(item)
            if item in expired:
                use.good_until = self._now() + _AGAIN_SECONDS if fails else self._end(use.limited, answers)
        for reload in _reloads(affected):
            log.info("%s", reload)
            self._notify(reload)

    def _end(self, limited: Iterable[str], answers: Answers) -> float | None:
        """When the first of these values is not good any more."""
        ttl = answers.ttl_of([_config(limited)])
        return None if ttl is None else self._now() + max(ttl, _SHORTEST_LIFE)

    def _warn(self, answers: Answers) -> None:
        """Say once what cannot be read, until it can be again."""
        messages = {error.message for error in answers.errors.values()}
        for message in sorted(messages - self._warned):
            log.warning("Values may have changed, which cannot be seen now; what runs goes on: %s", message)
        self._warned = messages


def _has_changed(use: _Use, values: Mapping[str, str]) -> bool:
    """Whether a value is another one than before; one that nobody knows any more does not count."""
    before = dict(use.values)
    use.values.update(values)
    return use.values != before


def _values(texts: Iterable[str], answers: Answers) -> dict[str, str]:
    """What references stand for, as far as it is known."""
    return dict(resolution(_config(texts), answers.found).values)


def _config(texts: Iterable[str]) -> dict[str, str]:
    """References as a configuration, to ask for them."""
    return {text: text for text in texts}


def _wants_reload(configs: Sequence[Config], answers: Answers) -> bool:
    """What the connector says, in its own configuration: the last of these that says anything."""
    action = None
    for config in configs:
        action = resolution(config, answers.found).config.get(_ACTION) or action
    return (action or "restart").strip().lower() != "none"


def _reloads(items: Iterable[_Item]) -> list[Reload]:
    found: dict[str, list[int | None]] = {}
    for connector, task in items:
        found.setdefault(connector, []).append(task)
    return [
        Reload(connector, None in parts, tuple(sorted(part for part in parts if part is not None)))
        for connector, parts in found.items()
    ]
