"""Two workers never write the same offset file, whatever becomes of the file."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from linkspan.api.errors import ConflictError
from linkspan.worker import offset_file
from linkspan.worker.offsets import FileOffsetStore

OFFSETS = [({"f": 1}, {"p": 1})]


async def refused(path: Path) -> None:
    with pytest.raises(ConflictError, match=f"The offset file {path} is in use by another worker"):
        await FileOffsetStore(str(path)).start()


async def started(path: Path) -> FileOffsetStore:
    store = FileOffsetStore(str(path))
    await store.start()
    return store


def play(story: Callable[[Path], Coroutine[None, None, None]], folder: Path) -> None:
    asyncio.run(story(folder / "offsets"))


@pytest.mark.parametrize("content", [None, {}, {b'["c",{"f":0}]': b'{"p":0}'}])
def test_a_second_worker_is_refused_before_and_after_the_file_is_replaced(tmp_path, content):
    if content is not None:
        offset_file.save(tmp_path / "offsets", content)

    async def story(path: Path) -> None:
        store = await started(path)
        await refused(path)
        for _ in range(3):
            await store.set("c", OFFSETS)
            await refused(path)
        await store.stop()
        other = await started(path)
        assert await other.get("c", [{"f": 1}]) == [{"p": 1}]
        await other.stop()

    play(story, tmp_path)


def test_a_refused_worker_takes_nothing_from_the_one_that_runs(tmp_path):
    async def story(path: Path) -> None:
        store = await started(path)
        other = FileOffsetStore(str(path))
        with pytest.raises(ConflictError):
            await other.start()
        await other.stop()
        await refused(path)
        await store.stop()

    play(story, tmp_path)


def test_a_file_that_cannot_be_replaced_stays_claimed(tmp_path, monkeypatch):
    def busy(*_: object) -> None:
        raise OSError(16, "Device or resource busy")

    async def story(path: Path) -> None:
        store = await started(path)
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", busy)
            await store.set("c", OFFSETS)
        await refused(path)
        await store.stop()
        assert dict(offset_file.load(path)) == {b'["c",{"f":1}]': b'{"p":1}'}

    play(story, tmp_path)


def test_a_link_is_claimed_like_its_file(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "offsets")

    async def story(path: Path) -> None:
        store = await started(tmp_path / "link")
        await store.set("c", OFFSETS)
        await refused(path)
        await store.stop()

    play(story, tmp_path)


def test_the_file_that_was_replaced_while_it_was_opened_is_not_taken_for_the_new_one(tmp_path, monkeypatch):
    path = tmp_path / "offsets"
    offset_file.save(path, {})
    real = os.open
    first = []

    def slow(name: object, flags: int, *more: int) -> int:
        descriptor = real(name, flags, *more)
        if not first and name == path:
            first.append(descriptor)
            offset_file.save(path, {b"new": b"new"})
        return descriptor

    async def story(path: Path) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(os, "open", slow)
            store = await started(path)
        await refused(path)
        await store.stop()

    play(story, tmp_path)
    assert first


def test_nothing_but_the_file_is_left_and_no_folder_is_made(tmp_path):
    async def story(path: Path) -> None:
        store = await started(path)
        await store.set("c", OFFSETS)
        await store.stop()
        assert [file.name for file in path.parent.iterdir()] == ["offsets"]
        nowhere = await started(path.parent / "nowhere" / "offsets")
        await nowhere.stop()
        assert [file.name for file in path.parent.iterdir()] == ["offsets"]

    play(story, tmp_path)
