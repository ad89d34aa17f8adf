"""What references stand for never gets out: not by logs, traces, messages, REST bodies or stored configurations."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from conftest import Watched, source, until

from linkspan.api.errors import ConnectError, PluginError
from linkspan.observe.hiding import know
from linkspan.worker.nurseries import Nurseries

SECRET = 'hunter"2\nof ä'
KEYS = {"plain": "${file:{}:secret}", "password": "${file:{}:secret}", "url": "jdbc:x?password=${file:{}:secret}&a=b"}
PARTS = ("hunter", "of ä", "of \\xe4", "of \\u00e4")


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "p").write_text('secret=hunter"2\\nof ä\nnumber=hunter\n', "utf-8")
    return {key: text.replace("{}", str(tmp_path / "p")) for key, text in KEYS.items()}


WORKER = {
    "config.providers": "file",
    "config.providers.file.class": "org.apache.kafka.common.config.provider.FileConfigProvider",
}


def assert_hidden(text: str) -> None:
    assert not [part for part in PARTS if part in text], text
    assert "[hidden]" in text


def test_a_task_that_tells_its_configuration_tells_no_secret(with_worker, keys, caplog) -> None:
    caplog.set_level(logging.INFO)

    async def story(watched: Watched) -> None:
        await watched.run_task("loud", **{**keys, "connector.class": "rogue_plugins.SecretSource"})
        failed = await watched.state("loud", 0, "FAILED")
        assert "cannot poll with" in failed.trace
        assert_hidden(failed.trace)

    with_worker(story, **WORKER)
    assert all(text in caplog.text for text in ("printed", "logged", "linkspan.stdout", "linkspan.stderr"))
    assert_hidden(caplog.text)


def test_a_connector_that_quotes_its_configuration_tells_no_secret(with_worker, keys) -> None:
    async def story(watched: Watched) -> None:
        with pytest.raises(ConnectError) as failed:
            await watched.worker.start_connector(
                "loud", source("loud", "SecretSource", **keys, **{"connector.start": "x"}), "STARTED"
            )
        assert "cannot start with" in failed.value.message
        assert_hidden(failed.value.message)
        assert_hidden((await watched.state("loud", None, "FAILED")).trace)

    with_worker(story, **WORKER)


def test_a_validation_shows_what_was_submitted_and_tells_no_secret(with_worker, keys) -> None:
    async def story(watched: Watched) -> None:
        number = keys["plain"].replace("secret}", "number}")
        config = source("loud", "SecretSource", **keys, refuse="yes", number=number)
        infos = await watched.worker.validate(config)
        text = json.dumps(infos, ensure_ascii=False)
        assert_hidden(text)
        shown = {entry["value"]["name"]: entry["value"] for entry in infos["configs"]}
        assert shown["number"]["errors"] == [
            "Invalid value [hidden] for configuration number: Not a number of type INT"
        ]
        assert infos["error_count"] == 1
        config["number"] = "1"
        infos = await watched.worker.validate(config)
        shown = {entry["value"]["name"]: entry["value"] for entry in infos["configs"]}
        assert shown["plain"]["value"] == keys["plain"]
        assert shown["password"]["value"] == "[hidden]"
        assert shown["plain"]["errors"][0].startswith("Refused {")
        assert_hidden(json.dumps(infos, ensure_ascii=False))

    with_worker(story, **WORKER)


@pytest.mark.parametrize("how", ["raise", "exit"])
def test_a_validation_that_fails_tells_no_secret(with_worker, keys, how) -> None:
    async def story(watched: Watched) -> None:
        with pytest.raises(PluginError) as failed:
            await watched.worker.validate(source("loud", "SecretSource", **keys, refuse=how))
        assert "cannot validate" in failed.value.message
        assert_hidden(failed.value.message)
        assert_hidden(failed.value.trace or "")

    with_worker(story, **WORKER)


def test_task_configurations_have_references_again_wherever_the_connector_put_the_value(with_worker, keys) -> None:
    async def story(watched: Watched) -> None:
        await watched.worker.start_connector("loud", source("loud", "SecretSource", **keys), "STARTED")
        (made,) = await watched.worker.task_configs("loud")
        assert {key: made[key] for key in keys} == keys
        assert made["derived"] == f"user:{keys['plain']}@host"
        assert not [part for part in PARTS if part in json.dumps(made, ensure_ascii=False)]

    with_worker(story, **WORKER)


def test_a_refused_client_override_is_not_quoted(with_worker, keys) -> None:
    async def story(watched: Watched) -> None:
        key = "linkspan.task.memory.max"
        config = source("loud", **{key: keys["plain"]})
        await watched.worker.start_task("loud", 0, {}, "STARTED", connector_config=config)
        failed = await watched.state("loud", 0, "FAILED")
        assert key in failed.trace
        assert_hidden(failed.trace)

    with_worker(story, **WORKER)


@pytest.mark.parametrize(
    ("key", "kind"), [("password", "SecretSource"), ("producer.override.ssl.key.password", "RogueSource")]
)
def test_a_password_that_still_is_a_reference_is_an_error_and_starts_nothing(
    with_worker, tmp_path: Path, key: str, kind: str
) -> None:
    (tmp_path / "p").write_text("secret=x")
    reference = f"${{file:{tmp_path / 'p'}:gone}}"
    message = f"Invalid value [hidden] for configuration {key}: no config provider knows {reference}; check"

    async def story(watched: Watched) -> None:
        config = source("c", kind, **{key: reference})
        infos = await watched.worker.validate(config)
        errors: list[Any] = [entry["value"]["errors"] for entry in infos["configs"] if entry["value"]["name"] == key]
        assert errors[0][0].startswith(message)
        assert infos["error_count"] == 1
        await watched.worker.start_task("c", 0, {key: reference}, "STARTED", connector_config=config)
        assert message in (await watched.state("c", 0, "FAILED")).trace
        if kind == "SecretSource":
            with pytest.raises(ConnectError) as refused:
                await watched.worker.start_connector("c", config, "STARTED")
            assert refused.value.message.startswith(message)

    with_worker(story, **WORKER)


def test_elsewhere_a_reference_that_nobody_knows_is_a_warning(with_worker, caplog) -> None:
    async def story(watched: Watched) -> None:
        await watched.run_task("c", plain="${nobody:x}", **{"connector.class": "rogue_plugins.RogueSource"})
        await watched.state("c", 0, "RUNNING")

    with_worker(story)
    assert "Connector c: plain keeps ${nobody:x} as it is written, which no config provider knows" in caplog.text
    assert "Task c-0: plain keeps ${nobody:x} as it is written, which no config provider knows" in caplog.text


def test_a_file_that_cannot_be_read_fails_connector_and_task_with_the_message_of_the_original(with_worker) -> None:
    async def story(watched: Watched) -> None:
        config = source("c", plain="${file:/nowhere:x}")
        with pytest.raises(ConnectError) as refused:
            await watched.worker.start_connector("c", config, "STARTED")
        assert refused.value.message == "Could not read properties from file /nowhere"
        assert "Could not read properties" in (await watched.state("c", None, "FAILED")).trace
        await watched.worker.start_task("c", 0, {}, "STARTED", connector_config=config)
        assert "Could not read properties" in (await watched.state("c", 0, "FAILED")).trace
        with pytest.raises(ConnectError) as refused:
            await watched.worker.validate(config)
        assert refused.value.message == "Could not read properties from file /nowhere"

    with_worker(story, **WORKER)


def test_plugin_code_does_not_see_the_parameters_of_providers(with_worker, tmp_path: Path) -> None:
    mark = tmp_path / "found"
    pattern = "hidden-of-[pw][a-z]+-[0-9]+"
    config = source("curious", "SearchingSource", mark=str(mark), pattern=pattern, plain="${rogue:secret}")

    async def story(watched: Watched) -> None:
        await watched.worker.validate(config)
        await watched.worker.start_connector("curious", config, "STARTED")
        for place in ("validate", "start"):
            told = tmp_path / f"found.{place}"
            await until(told.exists)
            assert told.read_text().splitlines() == ["hidden-of-plain-2"]

    with_worker(
        story,
        **{
            "config.providers": "rogue",
            "config.providers.rogue.class": "rogue_plugins.RogueProvider",
            "config.providers.rogue.param.token": "hidden-of-provider-1",
            "config.providers.rogue.param.secret": "hidden-of-plain-2",
        },
    )


def test_every_child_hides_the_secrets_of_the_worker_that_it_is_given_and_no_others(
    with_worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    know(["secret-of-converter", "secret-of-admin", "secret-of-nobody"])
    hiding: dict[str, set[str]] = {}
    spawn = Nurseries.spawn

    async def noted(self: Nurseries, context: str, on_message: Any, run: Any, plugin: Any = None) -> Any:
        hiding[run["job"].rpartition(":")[2]] = {value for value in run["hide"] if value.startswith("secret-of")}
        return await spawn(self, context, on_message, run, plugin)

    monkeypatch.setattr(Nurseries, "spawn", noted)

    async def story(watched: Watched) -> None:
        await watched.run_task("c")
        await watched.state("c", 0, "RUNNING")
        sink = source("s", "QuietSink", topics="t")
        await watched.worker.validate(sink)
        await watched.worker.connector_offsets("s", sink)
        await watched.worker.alter_offsets("s", sink, [])
        await watched.worker.reset_offsets("s", sink)
        with pytest.raises(PluginError, match="SilentAdmin"):
            await watched.worker.fence_producers("c", source("c"), ["id"])

    with_worker(
        story, **{"value.converter.token": "a secret-of-converter", "admin.ssl.key.password": "secret-of-admin"}
    )
    assert hiding["task"] == {"secret-of-converter"}
    assert hiding["connector"] == set()
    for asked in ("cluster_id", "group_offsets", "reset_group_offsets", "fence_producers"):
        assert hiding[asked] == {"secret-of-admin"}, asked
    assert hiding["validate"] == {"secret-of-converter"}


def test_a_secret_of_a_megabyte_arrives_whole_and_is_hidden(with_worker, tmp_path: Path, caplog) -> None:
    (tmp_path / "big").write_text("0123456789abcdef" * (1 << 16))

    async def story(watched: Watched) -> None:
        config = source("c", "SecretSource", plain=f"${{dir:{tmp_path}:big}}")
        await watched.worker.start_task("c", 0, config, "STARTED", connector_config=config)
        failed = await watched.state("c", 0, "FAILED")
        assert "'plain': '[hidden]'" in failed.trace

    with_worker(
        story,
        **{
            "config.providers": "dir",
            "config.providers.dir.class": "org.apache.kafka.common.config.provider.DirectoryConfigProvider",
        },
    )
    assert "0123456789abcdef0123456789abcdef" not in caplog.text


def test_a_changed_file_is_told_to_the_herder(with_worker, tmp_path: Path) -> None:
    (tmp_path / "p").write_text("secret=old-value")
    told: list[Any] = []

    async def story(watched: Watched) -> None:
        watched.worker.on_reload = told.append
        await watched.run_task("c", plain=f"${{file:{tmp_path / 'p'}:secret}}")
        await watched.run_task("d")
        await watched.state("c", 0, "RUNNING")
        draft = tmp_path / "draft"
        draft.write_text("secret=new-value")
        draft.rename(tmp_path / "p")
        await until(lambda: bool(told))
        assert [(reload.connector, reload.instance, reload.tasks) for reload in told] == [("c", True, (0,))]

    with_worker(story, **WORKER, **{"linkspan.config.providers.poll.interval.ms": "200"})


def test_what_could_not_be_read_is_told_to_the_herder_when_it_can(with_worker, tmp_path: Path) -> None:
    told: list[Any] = []

    async def story(watched: Watched) -> None:
        watched.worker.on_reload = told.append
        config = source("c", plain=f"${{file:{tmp_path / 'p'}:secret}}")
        with pytest.raises(ConnectError, match="Could not read properties"):
            await watched.worker.start_connector("c", config, "STARTED")
        await watched.worker.start_task("c", 0, {}, "STARTED", connector_config=config)
        await watched.state("c", 0, "FAILED")
        (tmp_path / "draft").write_text("secret=here")
        (tmp_path / "draft").rename(tmp_path / "p")
        await until(lambda: bool(told))
        assert [(reload.connector, reload.instance, reload.tasks) for reload in told] == [("c", True, (0,))]
        await watched.worker.start_connector("c", config, "STARTED")
        await watched.worker.start_task("c", 0, {}, "STARTED", connector_config=config)
        await watched.state("c", 0, "RUNNING")

    with_worker(story, **WORKER, **{"linkspan.config.providers.poll.interval.ms": "200"})


RESTARTED = {
    **WORKER,
    "linkspan.restart.enable": "true",
    "linkspan.restart.backoff.ms": "10",
    "linkspan.config.providers.poll.interval.ms": "0",
}


def test_what_begins_anew_by_itself_takes_the_values_of_now(with_worker, tmp_path: Path) -> None:
    (tmp_path / "p").write_text("deed=raise")

    async def story(watched: Watched) -> None:
        reference = f"${{file:{tmp_path / 'p'}:deed}}"
        config = source("c", poll=reference)
        await watched.worker.start_connector("c", config, "STARTED")
        await watched.worker.start_task("c", 0, config, "STARTED", connector_config=config)
        await watched.state("c", 0, "RESTARTING")
        (tmp_path / "draft").write_text("deed=sleep:0.01")
        (tmp_path / "draft").rename(tmp_path / "p")
        await until(lambda: watched.states("c", 0)[-1:] == ["RUNNING"], lambda: str(watched.events))
        before = len(watched.events)
        await asyncio.sleep(0.5)
        assert watched.events[before:] == []

    with_worker(story, **RESTARTED)


def test_what_begins_anew_while_nothing_can_be_read_keeps_its_values(with_worker, tmp_path: Path, caplog) -> None:
    (tmp_path / "p").write_text("deed=raise")

    async def story(watched: Watched) -> None:
        config = source("c", poll=f"${{file:{tmp_path / 'p'}:deed}}")
        await watched.worker.start_task("c", 0, config, "STARTED", connector_config=config)
        await watched.state("c", 0, "RUNNING")
        (tmp_path / "p").unlink()
        await until(lambda: "begins anew with the values that it had" in caplog.text)
        await until(lambda: watched.states("c", 0).count("RUNNING") >= 2, lambda: str(watched.events))

    with_worker(story, **RESTARTED)
    assert "Could not read properties from file" in caplog.text
