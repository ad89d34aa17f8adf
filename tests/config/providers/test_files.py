"""Providers that read files, rule for rule as Kafka's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from linkspan.api.errors import ConfigError
from linkspan.config.providers import reading
from linkspan.config.providers.declared import DeclaredProvider, made
from linkspan.config.providers.directory import DirectoryConfigProvider
from linkspan.config.providers.file import FileConfigProvider

KINDS = [FileConfigProvider, DirectoryConfigProvider]


def provider(kind: type[Any], **params: str) -> Any:
    return made(
        DeclaredProvider("p", kind.__name__, {key.replace("_", "."): value for key, value in params.items()}), kind
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "secrets"
    place.mkdir()
    (place / "p.properties").write_bytes("user=uä\\u00e4\npassword=ge=heim \nempty=\n".encode())
    (place / "key.pem").write_bytes(b"one\r\ntwo\n")
    (place / "inside").mkdir()
    return place


def test_a_file_has_the_keys_of_properties_in_utf_8(folder: Path) -> None:
    data = provider(FileConfigProvider).get(str(folder / "p.properties"), ["user", "password", "empty", "gone"])
    assert data.values == {"user": "uää", "password": "ge=heim ", "empty": ""}
    assert data.ttl_ms is None


def test_a_directory_has_its_files_with_their_newlines(folder: Path) -> None:
    data = provider(DirectoryConfigProvider).get(
        str(folder), ["key.pem", "inside", "gone", "", "../secrets/key.pem", "."]
    )
    assert data.values == {"key.pem": "one\r\ntwo\n"}


def test_links_are_followed_as_kubernetes_makes_them(tmp_path: Path) -> None:
    (tmp_path / "..1").mkdir()
    (tmp_path / "..1" / "key").write_text("old")
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "key").symlink_to("..data/key")
    directory = provider(DirectoryConfigProvider, allowed_paths=str(tmp_path))
    assert directory.get(str(tmp_path), ["key"]).values == {"key": "old"}
    (tmp_path / "..2").mkdir()
    (tmp_path / "..2" / "key").write_text("new")
    (tmp_path / "..data_tmp").symlink_to("..2")
    (tmp_path / "..data_tmp").rename(tmp_path / "..data")
    assert directory.get(str(tmp_path), ["key"]).values == {"key": "new"}


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_path_has_nothing(kind: type[Any]) -> None:
    assert provider(kind).get("", ["user"]).values == {}


@pytest.mark.parametrize("path", ["{}", "{}/gone", "/dev/null/x", "\0", "{}/latin1"])
def test_a_file_that_cannot_be_read_is_named(folder: Path, path: str) -> None:
    (folder / "latin1").write_bytes(b"a=\xff")
    path = path.replace("{}", str(folder))
    with pytest.raises(ConfigError) as refused:
        provider(FileConfigProvider).get(path, ["a"])
    assert refused.value.message == f"Could not read properties from file {path}"


def test_a_file_in_a_directory_that_is_no_text_is_named(folder: Path) -> None:
    (folder / "latin1").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match=r"^Could not read file .*/secrets/latin1 for property latin1$"):
        provider(DirectoryConfigProvider).get(str(folder), ["latin1"])


def test_a_file_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LONGEST", 1000)
    with pytest.raises(ConfigError, match="Could not read properties from file /dev/zero"):
        provider(FileConfigProvider).get("/dev/zero", ["a"])


def test_what_is_no_directory_has_nothing_and_a_warning(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert provider(DirectoryConfigProvider).get(str(folder / "p.properties"), ["x"]).values == {}
    assert f"The path {folder / 'p.properties'} is not a directory" in caplog.text


@pytest.mark.parametrize(
    ("allowed", "path", "permitted"),
    [
        ("{}", "{}/p.properties", True),
        ("{}/p.properties", "{}/p.properties", True),
        ("/nowhere/..,{}/inside/..", "{}//./p.properties", True),
        ("{},,", "{}/inside/../p.properties", True),
        ("{}/inside", "{}/p.properties", False),
        ("{}", "{}/../secrets-too", False),
        ("{}", "{}x", False),
        ("{}", "secrets/p.properties", False),
        ("/", "{}/p.properties", True),
    ],
)
def test_only_what_is_below_an_allowed_path_is_read(
    folder: Path, caplog: pytest.LogCaptureFixture, allowed: str, path: str, permitted: bool
) -> None:
    (folder.parent / "secrets-too").write_text("user=x")
    (folder.parent / "secretsx").write_text("user=x")
    file = provider(FileConfigProvider, allowed_paths=allowed.replace("{}", str(folder)))
    path = path.replace("{}", str(folder))
    assert bool(file.get(path, ["user"]).values) is permitted
    assert (f"The path {path} is not allowed to be accessed" in caplog.text) is not permitted


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("allowed", "problem"),
    [
        ("relative", "Path relative is not absolute"),
        ("/nowhere/at/all", "Path /nowhere/at/all does not exist"),
        ("/tmp, /tmp", "Path  /tmp is not absolute"),
    ],
)
def test_a_wrong_list_of_allowed_paths_is_refused(kind: type[Any], allowed: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=rf"^Config provider p \({kind.__name__}\) cannot be used: {problem}$"):
        provider(kind, allowed_paths=allowed)


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_list_of_allowed_paths_allows_everything(kind: type[Any], folder: Path) -> None:
    path = folder if kind is DirectoryConfigProvider else folder / "p.properties"
    assert provider(kind, allowed_paths="").get(str(path), ["user", "key.pem"]).values
