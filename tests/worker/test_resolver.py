"""Config providers run in children: whatever they do, the worker and the other providers go on."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from conftest import CATALOG

from linkspan.api.errors import ConfigError, ConnectError, PluginError
from linkspan.worker.nurseries import Nurseries
from linkspan.worker.resolver import Resolver

FILE = "org.apache.kafka.common.config.provider.FileConfigProvider"
ROGUE = "rogue_plugins.RogueProvider"

Story = Callable[[Resolver, Path], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., None]:
    """Run a story with a resolver whose providers are ``file`` and two rogues."""
    (tmp_path / "p").write_text("user=u\npassword=hunter-2\n")

    def run(story: Story, seconds: float = 30.0, **params: str) -> None:
        properties = {
            "config.providers": "file,rogue,other",
            "config.providers.file.class": FILE,
            "config.providers.rogue.class": ROGUE,
            "config.providers.other.class": ROGUE,
            **{f"config.providers.{key.replace('_', '.param.')}": value for key, value in params.items()},
        }

        async def whole() -> None:
            nurseries = Nurseries(["linkspan.worker.provider_child"])
            resolver = Resolver(properties, nurseries, lambda name: CATALOG.find("configprovider", name), seconds)
            try:
                await story(resolver, tmp_path / "p")
                await resolver.stop()
                assert not [child for child in nurseries.children() if child.alive]
            finally:
                await nurseries.close()

        asyncio.run(whole())

    return run


def test_references_of_several_providers_are_resolved_together(play) -> None:
    async def story(resolver: Resolver, file: Path) -> None:
        made = await resolver.resolve({"a": f"${{file:{file}:user}}-${{rogue:x}}", "b": "${nobody:x}", "n": None})
        assert made.config == {"a": "u-y", "b": "${nobody:x}", "n": None}
        assert made.unresolved == {"b": ("${nobody:x}",)}

    play(story, rogue_x="y")


def test_a_configuration_without_references_needs_no_child(play) -> None:
    async def story(resolver: Resolver, _: Path) -> None:
        await resolver.resolve({"a": "${plain}", "b": "${nobody:x}"})
        assert not resolver._children

    play(story)


def test_one_child_answers_all_questions(play, caplog) -> None:
    async def story(resolver: Resolver, _: Path) -> None:
        await asyncio.gather(*(resolver.resolve({"a": "${rogue:x}"}) for _ in range(5)))
        await resolver.resolve({"a": "${rogue:x}"})

    play(story, rogue_x="y")
    pids = re.findall(r"asked in process (\d+)", caplog.text)
    assert len(pids) == 6
    assert len(set(pids)) == 1
    assert int(pids[0]) != os.getpid()


@pytest.mark.parametrize(
    ("path", "kind", "message"),
    [
        ("raise", PluginError, "Config provider rogue: ValueError: no luck in get"),
        ("sys.exit", PluginError, "Config provider rogue: SystemExit: 3"),
        ("not text", PluginError, "RogueProvider.get returned no text for the key x"),
        ("unspeakable", PluginError, "Unspeakable, whose text cannot be made"),
        ("os._exit", PluginError, "The process of config provider rogue ended with status 7"),
        ("segfault", PluginError, "ended with SIGSEGV"),
        ("ttl=x", PluginError, "invalid literal for int()"),
    ],
)
def test_a_provider_that_fails_is_named_and_asked_again_the_next_time(
    play, path: str, kind: type[ConnectError], message: str
) -> None:
    async def story(resolver: Resolver, file: Path) -> None:
        with pytest.raises(kind, match=re.escape(message)):
            await resolver.resolve({"a": f"${{rogue:{path}:x}}", "b": f"${{file:{file}:user}}"})
        assert (await resolver.resolve({"a": "${rogue:x}"})).config == {"a": "y"}

    play(story, rogue_x="y")


def test_a_provider_that_hangs_is_killed_and_holds_up_no_other(play, caplog) -> None:
    async def story(resolver: Resolver, file: Path) -> None:
        await resolver.resolve({"a": "${rogue:x}"})
        hanging = asyncio.create_task(resolver.resolve({"a": "${rogue:sleep:x}"}))
        waiting = asyncio.create_task(resolver.resolve({"a": "${rogue:x}"}))
        await asyncio.sleep(0.1)
        made = await resolver.resolve({"a": f"${{file:{file}:user}}", "b": "${other:x}"})
        assert made.config == {"a": "u", "b": "${other:x}"}
        for asked in (hanging, waiting):
            with pytest.raises(
                PluginError, match=r"config provider rogue did not answer within 1 s; its process was k"
            ):
                await asked
        assert (await resolver.resolve({"a": "${rogue:x}"})).config == {"a": "y"}

    play(story, seconds=1.0, rogue_x="y")
    assert "sleep_for_ever" in caplog.text


def test_a_pipe_that_nobody_writes_to_is_given_up(play, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    async def story(resolver: Resolver, file: Path) -> None:
        with pytest.raises(PluginError, match="config provider file did not answer within 1 s"):
            await resolver.resolve({"a": f"${{file:{tmp_path / 'pipe'}:x}}"})
        assert (await resolver.resolve({"a": f"${{file:{file}:user}}"})).config == {"a": "u"}

    play(story, seconds=1.0)


def test_a_changed_log_level_reaches_providers(play, caplog) -> None:
    async def story(resolver: Resolver, _: Path) -> None:
        await resolver.resolve({"a": "${rogue:x}"})
        resolver.send({"type": "level", "logger": "rogue_plugins", "level": 50})
        await resolver.resolve({"a": "${rogue:x}"})

    play(story, rogue_x="y")
    assert len(re.findall(r"asked in process", caplog.text)) == 1


def test_a_child_that_was_killed_is_replaced(play, caplog) -> None:
    async def story(resolver: Resolver, _: Path) -> None:
        await resolver.resolve({"a": "${rogue:x}"})
        pid = int(re.findall(r"asked in process (\d+)", caplog.text)[0])
        os.kill(pid, signal.SIGKILL)
        deadline = asyncio.get_running_loop().time() + 20
        while True:  # its end may not have been told yet
            try:
                assert (await resolver.resolve({"a": "${rogue:x}"})).config == {"a": "y"}
            except PluginError:
                assert asyncio.get_running_loop().time() < deadline
            else:
                return

    play(story, rogue_x="y")


def test_a_provider_that_cannot_be_made_is_refused_with_the_reason(play) -> None:
    async def story(resolver: Resolver, _: Path) -> None:
        for _again in range(2):
            with pytest.raises(ConfigError, match=r"^Config provider file .* cannot be used: Path x is not absolute"):
                await resolver.resolve({"a": "${file:/p:x}"})

    play(story, **{"file_allowed.paths": "x"})


def test_a_file_that_is_missing_below_an_allowed_path_is_named_in_full(play, tmp_path: Path) -> None:
    async def story(resolver: Resolver, _: Path) -> None:
        with pytest.raises(ConfigError) as refused:
            await resolver.resolve({"a": f"${{file:{tmp_path}/none:x}}"})
        assert refused.value.message == f"Could not read properties from file {tmp_path}/none"

    play(story, **{"file_allowed.paths": str(tmp_path)})


def test_an_error_of_one_path_hides_no_other_and_is_told_as_the_original_does(play) -> None:
    async def story(resolver: Resolver, file: Path) -> None:
        config = {"a": "${file:/nowhere:x}", "b": f"${{file:{file}:user}}"}
        answers = await resolver.ask([config])
        assert answers.found["file"] == {str(file): {"user": "u"}}
        assert [error.message for error in answers.errors.values()] == ["Could not read properties from file /nowhere"]
        with pytest.raises(ConfigError) as refused:
            await resolver.resolve(config)
        assert refused.value.message == "Could not read properties from file /nowhere"

    play(story)


def test_a_value_that_is_no_text_hides_no_other(play, tmp_path: Path) -> None:
    half = tmp_path / "half"
    half.write_text("password=hunter\\ud800\n")

    async def story(resolver: Resolver, file: Path) -> None:
        whole, broken = {"a": f"${{file:{file}:user}}"}, {"a": f"${{file:{half}:password}}"}
        answers = await resolver.ask([whole, broken])
        assert answers.resolution(whole).config == {"a": "u"}
        with pytest.raises(ConfigError) as refused:
            answers.resolution(broken)
        assert refused.value.message == f"The value of password in {half} is no text: it has half a character"

    play(story)


def test_parameters_and_values_of_a_provider_are_not_told(play, caplog) -> None:
    async def story(resolver: Resolver, file: Path) -> None:
        with pytest.raises(PluginError) as refused:
            await resolver.resolve({"a": "${rogue:quote:x}"})
        told = f"{refused.value.message} {refused.value.trace}"
        assert "[hidden]" in told
        assert "param-of-vault" not in told
        await resolver.resolve({"a": f"${{file:{file}:password}}"})

    play(story, rogue_token="param-of-vault")
    assert "param-of-vault" not in caplog.text


def test_ttls_and_wishes_to_be_asked_again_are_told(play) -> None:
    async def story(resolver: Resolver, file: Path) -> None:
        soon, late = {"a": "${rogue:ttl=70:x}"}, {"a": "${other:ttl=5000:x}", "b": "${rogue:ttl=9000:x}"}
        endless = {"f": f"${{file:{file}:user}}"}
        answers = await resolver.ask([soon, late, endless])
        assert answers.polled == {"rogue", "other", "file"}
        assert [answers.ttl_of([one]) for one in (soon, late, endless)] == [0.07, 5.0, None]
        assert answers.ttl_of([late, soon]) == 0.07

    play(story)
