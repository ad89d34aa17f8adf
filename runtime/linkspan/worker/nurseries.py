"""Where children come from: the nursery, and a branch of it for each connector class that is in use.

A branch is forked from the nursery, imports the module of one connector class, and forks the children of that class.
So the module is imported once and shared by all of them, which saves each child its milliseconds and megabytes; and
what goes wrong in a branch concerns that class only. Importing happens in no process but a branch or a child. Forking
is safe only where the import left no thread and no open descriptor behind: a class whose module does, or fails, or is
slow to import, gets its children from the nursery itself, where each of them imports it and reports what is wrong.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Sequence

from linkspan.api.errors import PluginError
from linkspan.plugins.catalog import PluginInfo
from linkspan.worker.channel import Message
from linkspan.worker.forker import Forker
from linkspan.worker.log_levels import log_levels
from linkspan.worker.process import ChildProcess, OnMessage

__all__ = ["PRELOADED", "Nurseries"]

log = logging.getLogger(__name__)

PRELOADED = (
    "linkspan.worker.child",
    "linkspan.worker.requests",
    "linkspan.worker.connector_child",
    "linkspan.task.host",
    "linkspan.plugins.preflight",
    "linkspan.plugins.discovery",
    "linkspan.plugins.definitions",
    "linkspan.convert.json",
    "linkspan.convert.string",
    "linkspan.convert.bytes",
    "linkspan.convert.header",
)
"""Modules that children find imported; the module of the log is added."""

_START_SECONDS = 60.0
_BRANCH_SECONDS = 5.0
_IDLE_SECONDS = 60.0
_CLOSE_SECONDS = 5.0
_CLOSED = "No process can be started: the worker is stopping"

_Key = tuple[str, str]


class Nurseries:
    """Starts the nursery, again when it has died, and its branches when they are first needed.

    Args:
        preload: modules that the nursery imports for all children.
    """

    def __init__(self, preload: Sequence[str]) -> None:
        self._preload = list(preload)
        self._levels = log_levels()
        self._process: asyncio.subprocess.Process | None = None
        self._root: Forker | None = None
        self._branches: dict[_Key, asyncio.Task[Forker | None]] = {}
        self._starting = asyncio.Lock()
        self._coming: asyncio.Task[Forker] | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        """Process id of the nursery, when it runs."""
        return self._process.pid if self._process is not None else None

    def children(self) -> list[ChildProcess]:
        """All that live now."""
        branches = [branch.result() for branch in self._branches.values() if branch.done() and not branch.cancelled()]
        return [child for forker in (self._root, *branches) if forker is not None for child in forker.children]

    async def start(self) -> None:
        """Start the nursery if it does not run.

        Raises:
            PluginError: it does not come up.
        """
        await self._running_root()

    async def spawn(
        self, context: str, on_message: OnMessage, run: Message, plugin: PluginInfo | None = None
    ) -> ChildProcess:
        """Fork a child and give it its job.

        Args:
            context: what its log lines carry.
            on_message: takes its messages.
            run: the first message to it.
            plugin: the connector class that it works for, or None.

        Raises:
            PluginError: the system has no room for another process.
        """
        branch = None if plugin is None or plugin.error is not None else await self._branch(plugin)
        if branch is not None:
            try:
                return await branch.spawn(context, on_message, run)
            except PluginError as error:  # it was killed just now
                log.debug("The branch for %s gave no child: %s", context, error.message)
        return await (await self._running_root()).spawn(context, on_message, run)

    async def close(self) -> None:
        """Kill every child and the nursery; wait until they are gone. Nothing can be started then."""
        self._closed = True
        if self._coming is not None:
            self._coming.cancel()
            await asyncio.wait([self._coming])
        branches, self._branches = list(self._branches.values()), {}
        await asyncio.gather(*(self._close_branch(branch) for branch in branches))
        if self._root is not None:
            await self._root.close(_CLOSE_SECONDS)
            self._root = None
        if self._process is not None:
            if self._process.returncode is None:
                try:
                    async with asyncio.timeout(_CLOSE_SECONDS):
                        await self._process.wait()
                except TimeoutError:
                    self._process.kill()
                    await self._process.wait()
            self._process = None

    # --- the nursery ------------------------------------------------------------------------------------------------

    async def _running_root(self) -> Forker:
        async with self._starting:
            if self._root is None or not self._root.alive:
                try:
                    self._root = await self._begin_root()
                except PluginError as error:
                    if self._closed:
                        raise
                    log.warning("%s; once more", error.message)
                    self._root = await self._begin_root()
            return self._root

    async def _begin_root(self) -> Forker:
        """Start it, unless, or until, no process is to come from here any more."""
        if self._closed:
            raise PluginError(_CLOSED)
        self._coming = asyncio.create_task(self._start_root(), name="nursery")
        try:
            return await self._coming
        except asyncio.CancelledError:
            if self._closed:
                raise PluginError(_CLOSED) from None
            raise
        finally:
            self._coming = None

    async def _start_root(self) -> Forker:
        path = [entry or os.getcwd() for entry in sys.path]  # noqa: PTH109 - a text is wanted
        ours: socket.socket | None = None
        root: Forker | None = None
        try:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self._process = await self._launch(theirs.fileno(), path)
            root = Forker(ours)
            root.tell({"path": path, "preload": self._preload, "levels": self._levels})
            async with asyncio.timeout(_START_SECONDS):
                failed = await root.ready
        except BaseException as error:
            # also when the start is given up: it may import for seconds, and has no child yet
            if self._process is not None and self._process.returncode is None:
                self._process.kill()
            if root is not None:
                await root.close(0)
            elif ours is not None:
                ours.close()
            if not isinstance(error, OSError | PluginError):  # TimeoutError is an OSError
                raise
            late = f"it was not ready within {_START_SECONDS:g} s" if isinstance(error, TimeoutError) else str(error)
            message = f"The process that starts tasks did not come up: {late}"
            raise PluginError(message) from error
        for name, why in failed.items():
            log.warning("Could not load %s in advance: %s", name, why)
        return root

    @staticmethod
    async def _launch(socket_number: int, path: Sequence[str]) -> asyncio.subprocess.Process:
        code = (
            "import sys; sys.path[:] = sys.argv[2:]; from linkspan.worker.nursery import main; main(int(sys.argv[1]))"
        )
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            code,
            str(socket_number),
            *path,
            pass_fds=(socket_number,),
            start_new_session=True,  # a terminal's Ctrl-C and hang-up reach the worker only
        )

    # --- branches ---------------------------------------------------------------------------------------------------

    async def _branch(self, plugin: PluginInfo) -> Forker | None:
        """The branch of a class; None when it has to do without."""
        root = await self._running_root()
        key = (plugin.python_path, plugin.location)
        known = self._branches.get(key)
        if known is not None and known.done():
            forker = known.result()
            if forker is None or forker.alive:
                return forker
            known = None  # it was killed; what comes now gets a new one
        if known is None:
            known = asyncio.create_task(self._start_branch(root, plugin, key), name=f"branch of {plugin.class_name}")
            self._branches[key] = known
        return await asyncio.shield(known)

    async def _start_branch(self, root: Forker, plugin: PluginInfo, key: _Key) -> Forker | None:
        module = plugin.python_path.partition(":")[0]
        forker: Forker | None = None
        try:
            forker = await root.branch(
                f"plugin {plugin.class_name}", {"location": plugin.location, "preload": [module]}
            )
            async with asyncio.timeout(_BRANCH_SECONDS):
                failed = await forker.ready
        except TimeoutError:
            failed = {module: f"it was not imported within {_BRANCH_SECONDS:g} s"}
        except PluginError as error:
            if forker is None:  # there was no room, or it was killed at once: the next child tries anew
                self._branches.pop(key, None)
            failed = {module: error.message}
        except Exception as error:  # supervision point: what is kept of a branch must not fail whoever asks for it
            log.exception("The branch for %s could not be made", plugin.class_name)
            failed = {module: str(error)}
        if failed or forker is None:
            log.debug("Every child of %s imports it by itself: %s", plugin.class_name, "; ".join(failed.values()))
            if forker is not None:
                forker.kill()
                await forker.close(0)
            return None
        branch = forker
        branch.on_empty = lambda: self._rest(key, branch)
        return branch

    def _rest(self, key: _Key, branch: Forker) -> None:
        """A branch has no child any more: end it when that stays so."""
        asyncio.get_running_loop().call_later(_IDLE_SECONDS, self._end_if_idle, key, branch)

    def _end_if_idle(self, key: _Key, branch: Forker) -> None:
        known = self._branches.get(key)
        if known is not None and known.done() and known.result() is branch and branch.empty:
            del self._branches[key]
            branch.kill()

    @staticmethod
    async def _close_branch(starting: asyncio.Task[Forker | None]) -> None:
        branch = await starting
        if branch is not None:
            await branch.close(_CLOSE_SECONDS)
