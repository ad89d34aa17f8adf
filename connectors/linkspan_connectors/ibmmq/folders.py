"""Folders of an MQRFH2: texts that look like XML, and are read and written as IBM's JMS classes do it.

They are not XML. A name may have any character that Java has in one, such as ``$``; characters that XML forbids stand
there as they are; the end of a line is kept. On the other hand there are no comments, no nested elements, and of
entities only the five of XML and numbers. A character beyond the basic plane has to be such a number: IBM's classes
refuse a whole message with one that is written as UTF-8.
"""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from linkspan.api import DataError

__all__ = ["Element", "escaped", "read_folder"]

_ROOT: Final = re.compile(r"<([^\s<>/]+)[^<>]*>")
_ELEMENT: Final = re.compile(r"\s*<([^\s<>/]+)((?:\s[^<>]*?)?)(?:/>|>([^<]*)</[^<>]*>)")
_FLAT: Final = re.compile(r"<([^\s<>/]+)( dt=(['\"])([^\s<>'\"]*)\3)?>([^<&]*)</\1>")
"""An element as JMS clients write most of them: without references, and not null."""
_REST: Final = re.compile(r"\s*</[^<>]*>")
_ATTRIBUTE: Final = re.compile(r"""([^\s=]++)(\s*=\s*(?:'([^']*)'|"([^"]*)"))?""")
"""Taken also without a value: looked for again behind each of its characters, a long one would take for ever."""
_REFERENCE: Final = re.compile(r"&(?:#(?:x([0-9A-Fa-f]{1,6})|([0-9]{1,7}))|(amp|lt|gt|quot|apos))?(;?)")
_ENTITIES: Final = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}

_NOT_IN_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HARMLESS: Final = re.compile("[ !#-%(-;=?-~]*")
_SPECIAL: Final = re.compile("[&<>\"'\U00010000-\U0010ffff]")
_ESCAPES: Final = {character: f"&{name};" for name, character in _ENTITIES.items()}


class Element(NamedTuple):
    """One element of a folder.

    Attributes:
        name: its name.
        kind: its attribute ``dt``; ``string`` without one.
        text: its text; None when it says that it is null.
    """

    name: str
    kind: str
    text: str | None


def read_folder(text: str, names: Container[str]) -> tuple[str, Sequence[Element]]:
    """Name and elements of a folder; an empty name, and none, for a folder that has none of these names.

    Raises:
        DataError: it is malformed; the message names the place, and nothing that stands there.
    """
    begin = _ROOT.match(text)
    if begin is None or begin[1] not in names:
        return "", ()
    name, at = begin[1], begin.end()
    if text[at - 2] == "/":
        return name, ()
    return name, _flat(text, at, name) or _found(text, at, name)


def _flat(text: str, at: int, folder: str) -> list[Element] | None:
    """What needs no closer look, in half the time; None if something does."""
    end = len(text) - len(folder) - 3
    if not text.endswith(f"</{folder}>"):
        return None
    found = []
    for name, attribute, _, kind, content in _FLAT.findall(text, at, end):
        found.append(Element(name, kind if attribute else "string", content))
        at += 2 * len(name) + len(attribute) + len(content) + 5
    # it is all of it if the lengths are
    return found if at == end else None


def _found(text: str, at: int, folder: str) -> list[Element]:
    found = []
    while element := _ELEMENT.match(text, at):
        name, attributes, content = element.groups()
        kind, is_null = _described(attributes) if attributes else ("string", False)
        value = _unescaped(content or "", folder, name)
        found.append(Element(name, kind, None if is_null else value))
        at = element.end()
    if _REST.match(text, at) is None:
        raise DataError(f"Folder {folder} of the MQRFH2 is malformed at character {at}")
    return found


@lru_cache(maxsize=256)
def _described(attributes: str) -> tuple[str, bool]:
    """Type of an element with these attributes, and whether it is null."""
    found = _ATTRIBUTE.findall(attributes)
    given = {name: single or double for name, has_value, single, double in found if has_value}
    return given.get("dt", "string"), given.get("xsi:nil") == "true"


def _unescaped(text: str, folder: str, name: str) -> str:
    if "&" not in text:
        return text

    def resolved(reference: re.Match[str]) -> str:
        hexadecimal, decimal, entity, end = reference.groups()
        number = int(hexadecimal, 16) if hexadecimal else int(decimal or 0)
        if end and entity:
            return _ENTITIES[entity]
        if end and (0 < number < 0xD800 or 0xDFFF < number < 0x110000):
            return chr(number)
        where = f"{name} in folder {folder} of the MQRFH2"
        raise DataError(f"{where} has a reference to a character that does not exist, at character {reference.start()}")

    return _REFERENCE.sub(resolved, text)


def escaped(text: str) -> str:
    """Text of an element.

    Raises:
        DataError: it has a character that there is not in XML; not everybody who gets the message could read it.
    """
    if _HARMLESS.fullmatch(text) is not None:
        return text
    found = _NOT_IN_XML.search(text)
    if found is not None:
        raise DataError(f"The text cannot be in an MQRFH2, for its character U+{ord(found[0]):04X} at {found.start()}")
    return _SPECIAL.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    return _ESCAPES.get(found[0]) or f"&#x{ord(found[0]):x};"
