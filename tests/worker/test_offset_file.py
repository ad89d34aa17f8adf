"""The offset file: the original's exact bytes, refused when damaged, replaced in one step."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkspan.api.errors import CorruptStateError
from linkspan.worker import offset_file

GOLDEN = Path(__file__).parent / "golden"
JAVAS = GOLDEN / "offsets-java-4.3.1.bin"


def listed() -> dict[bytes, bytes | None]:
    """What the golden file was made from."""
    pairs = [line.split("\t") for line in (GOLDEN / "offsets-java-4.3.1.tsv").read_text(encoding="utf-8").splitlines()]
    return {key.encode(): None if value == "null" else value.encode() for key, value in pairs}


def test_a_file_of_the_original_is_read():
    assert offset_file.load(JAVAS) == listed()
    assert offset_file.load(GOLDEN / "empty-java-4.3.1.bin") == {}


@pytest.mark.parametrize("name", ["offsets-java-4.3.1.bin", "empty-java-4.3.1.bin"])
def test_what_was_read_is_written_with_the_same_bytes(tmp_path, name):
    offset_file.save(tmp_path / "offsets", offset_file.load(GOLDEN / name))
    assert (tmp_path / "offsets").read_bytes() == (GOLDEN / name).read_bytes()


def test_missing_and_empty_files_have_no_offsets(tmp_path):
    assert offset_file.load(tmp_path / "none") == {}
    (tmp_path / "empty").touch()
    assert offset_file.load(tmp_path / "empty") == {}


@given(entries=st.dictionaries(st.binary(max_size=50), st.none() | st.binary(max_size=50), max_size=40))
def test_everything_written_is_read_again(tmp_path_factory, entries):
    path = tmp_path_factory.mktemp("offsets") / "offsets"
    offset_file.save(path, entries)
    assert list(offset_file.load(path).items()) == list(entries.items())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"hello, world", "not a Java object stream"),
        (b"\xac\xed\x00\x05sr\x00\x13java.util.ArrayList....", "Expected HashMap but found java.util.ArrayList"),
        (b"\xac\xed\x00\x05t\x00\x01x", "Expected HashMap but found something else"),
        (b"\xac\xed", "it ends after 2 bytes"),
    ],
)
def test_another_file_is_refused_by_name_and_stays(tmp_path, content, said):
    path = tmp_path / "offsets"
    path.write_bytes(content)
    with pytest.raises(CorruptStateError, match=said) as refused:
        offset_file.load(path)
    assert str(path) in str(refused.value)
    assert path.read_bytes() == content


@given(end=st.integers(1, JAVAS.stat().st_size - 1))
def test_a_file_cut_off_anywhere_is_refused(tmp_path_factory, end):
    path = tmp_path_factory.mktemp("offsets") / "offsets"
    path.write_bytes(JAVAS.read_bytes()[:end])
    with pytest.raises(CorruptStateError):
        offset_file.load(path)


@given(place=st.integers(0, JAVAS.stat().st_size - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_is_refused_or_read_but_never_a_crash(tmp_path_factory, place, bit):
    damaged = bytearray(JAVAS.read_bytes())
    damaged[place] ^= 1 << bit
    path = tmp_path_factory.mktemp("offsets") / "offsets"
    path.write_bytes(damaged)
    try:
        assert isinstance(offset_file.load(path), dict)
    except CorruptStateError as error:
        assert str(path) in str(error)  # noqa: PT017 - both ends are right


def test_a_link_goes_on_pointing_and_permissions_stay(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    offset_file.save(target, {b"a": b"1"})
    target.chmod(0o640)
    link.symlink_to(target)
    offset_file.save(link, {b"a": b"2"})
    assert link.is_symlink()
    assert offset_file.load(target) == {b"a": b"2"}
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "target"]


def test_what_a_crash_left_behind_is_in_nobodys_way(tmp_path):
    path, trap = tmp_path / "offsets", tmp_path / "trap"
    trap.write_bytes(b"of somebody else")
    (tmp_path / "offsets.new").symlink_to(trap)
    offset_file.save(path, {b"a": b"1"})
    assert offset_file.load(path) == {b"a": b"1"}
    assert trap.read_bytes() == b"of somebody else"


def refuse_to_replace(monkeypatch, number: int) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "replace", refuse)


def test_a_file_mounted_by_itself_is_overwritten_in_place(tmp_path, monkeypatch):
    path = tmp_path / "offsets"
    offset_file.save(path, {b"a": b"1" * 1000})
    before = path.stat().st_ino
    refuse_to_replace(monkeypatch, errno.EBUSY)
    offset_file.save(path, {b"a": b"2"})
    assert path.stat().st_ino == before
    assert offset_file.load(path) == {b"a": b"2"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["offsets"]


def test_on_a_full_disk_the_old_offsets_stay(tmp_path, monkeypatch):
    path = tmp_path / "offsets"
    offset_file.save(path, {b"a": b"1"})
    refuse_to_replace(monkeypatch, errno.ENOSPC)
    with pytest.raises(OSError, match="No space left"):
        offset_file.save(path, {b"a": b"2"})
    assert offset_file.load(path) == {b"a": b"1"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["offsets"]
