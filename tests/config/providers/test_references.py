from __future__ import annotations

import time

import pytest

from linkspan.config.providers.references import has_references, references, resolution, wanted

FOUND = {
    "file": {"/p": {"user": "u", "k:with:colons": "c", "odd": "${file:/p:user}"}, "": {"plain": "x"}},
    "env": {"": {"HOST": "h"}},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${file:/p:user}", "u"),
        ("a ${file:/p:user} b ${env:HOST}${env:HOST}", "a u b hh"),
        ("${file:/p:k:with:colons}", "c"),
        ("${file: /p:user}", "${file: /p:user}"),
        ("${file:/p: user}", "${file:/p: user}"),
        ("${file::plain}", "x"),
        ("${file:plain}", "x"),
        ("${file:/p:odd}", "${file:/p:user}"),
        ("${file:/p:gone}", "${file:/p:gone}"),
        ("${file:/q:user}", "${file:/q:user}"),
        ("${ file:/p:user}", "${ file:/p:user}"),
        ("${other:/p:user}", "${other:/p:user}"),
        ("${HOST} $HOST ${", "${HOST} $HOST ${"),
        ("${none} ${env:HOST}", "${none} h"),
        ("${${env:HOST}}", "${${env:HOST}}"),
        ("${a ${env:HOST}", "${a ${env:HOST}"),
        ("${env:HOST", "${env:HOST"),
        ("${env:HOST}\n${env:\nHOST}", "h\n${env:\nHOST}"),
        ("${file:/p:user}}", "u}"),
        ("", ""),
    ],
)
def test_references_are_replaced_once_and_what_is_not_known_stays(text: str, expected: str) -> None:
    assert resolution({"k": text, "n": None}, FOUND).config == {"k": expected, "n": None}


def test_what_stays_is_told_by_key_and_what_is_replaced_by_its_text() -> None:
    made = resolution({"a": "${env:HOST} ${env:GONE}", "b": "plain", "c": "${file:/p:odd}"}, FOUND)
    assert made.unresolved == {"a": ("${env:GONE}",)}
    assert made.values == {"${env:HOST}": "h", "${file:/p:odd}": "${file:/p:user}"}
    assert made.written["a"] == "${env:HOST} ${env:GONE}"


def test_each_path_is_asked_for_once_with_all_its_keys() -> None:
    asked = wanted([{"a": "${f:/p:x}${f:/p:y}", "b": "${f:/p:x}", "c": None}, {"d": "${f:/q:z}${e:v}"}])
    assert asked == {"f": {"/p": ["x", "y"], "/q": ["z"]}, "e": {"": ["v"]}}


def test_only_what_has_a_colon_is_a_reference() -> None:
    assert not has_references({"a": "${topic}", "b": None, "c": "$"})
    assert has_references({"a": "${timestamp:yyyy}"})


LONG = {
    "begins": "${" * 50_000,
    "begins and ends": "${" * 50_000 + "}",
    "colons": "${a:" * 50_000,
    "references": "${:}" * 20_000,
}


@pytest.mark.parametrize("name", LONG)
def test_a_long_text_takes_no_long_time(name: str) -> None:
    begun = time.monotonic()
    list(references(LONG[name]))
    assert time.monotonic() - begun < 2
