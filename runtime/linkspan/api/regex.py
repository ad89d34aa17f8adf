r"""Regular expressions as Java writes them, evaluated by Python: those of a configuration that was written for Java.

Python 3.11 knows possessive quantifiers, atomic groups, look-around and named groups. What is written differently is
translated: named groups, quotes, POSIX classes, ``\h``, ``\R``, ``\z``, ``\Z``, inline flags in the middle. What has no
counterpart is refused by name.
"""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Callable
from typing import Final

from linkspan.api.errors import ConfigError

__all__ = ["java_pattern", "java_regex"]

_CLASSES: Final = {
    "Lower": "a-z",
    "Upper": "A-Z",
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Alnum": "a-zA-Z0-9",
    "Punct": r"!-/:-@\[-`{-~",
    "Graph": "!-~",
    "Print": " -~",
    "Blank": r" \t",
    "Cntrl": r"\x00-\x1f\x7f",
    "XDigit": "0-9a-fA-F",
    "Space": r" \t\n\x0b\f\r",
    "ASCII": r"\x00-\x7f",
}
# Without UNICODE_CHARACTER_CLASS Java's shorthands are ASCII.
_SHORTHANDS: Final = {"h": r" \t\xa0\u1680\u180e\u2000-\u200a\u202f\u205f\u3000", "v": r"\n\x0b\f\r\x85\u2028\u2029"}
_ESCAPES: Final = {
    "z": r"\Z",
    "Z": r"(?=\n?\Z)",
    "e": r"\x1b",
    "a": r"\x07",
    "A": r"\A",
    "R": r"(?:\r\n|[\n\x0b\f\r\x85\u2028\u2029])",
    **{letter: f"[{content}]" for letter, content in _SHORTHANDS.items()},
    **{letter.upper(): f"[^{content}]" for letter, content in _SHORTHANDS.items()},
}
_COUNT: Final = re.compile(r"\{[0-9]+(?:,[0-9]*)?\}")
_GROUP_NAME: Final = re.compile("[a-zA-Z][a-zA-Z0-9]*>")
_FLAGS: Final = re.compile(r"\(\?([imsxudU]*)(?:-([imsxudU]+))?([:)])")


def java_regex(pattern: str) -> Callable[[str], bool]:
    """Matcher of whole strings.

    Raises:
        ConfigError: as :func:`java_pattern`.
    """
    compiled = java_pattern(pattern)
    return lambda text: compiled.fullmatch(text) is not None


@functools.lru_cache(maxsize=256)
def java_pattern(pattern: str) -> re.Pattern[str]:
    """The expression for Python.

    Raises:
        ConfigError: the expression is malformed, or uses something that cannot be translated.
    """
    translated = _Translation(pattern).run()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return re.compile(translated, re.ASCII)
    except (re.error, FutureWarning, DeprecationWarning, OverflowError, RecursionError) as error:
        raise ConfigError(f"{error} in the regular expression {pattern!r}") from error


class _Translation:
    """One pass over an expression."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.out: list[str] = []
        self.scopes: list[list[str]] = [[]]

    def run(self) -> str:
        """The expression in Python's syntax."""
        while self.at < len(self.pattern):
            character = self.pattern[self.at]
            if character == "\\":
                self.out.append(self._escape(in_class=False))
            elif character == "[":
                self.out.append(self._class())
            elif character == "(":
                self._open()
            elif character == ")":
                self._close()
            elif character == "|":
                self._alternative()
            elif character == "{":
                self._count()
            else:
                self.out.append(character)
                self.at += 1
        self.out.append(")" * len(self.scopes.pop()))
        return "".join(self.out)

    def _refuse(self, what: str) -> ConfigError:
        return ConfigError(f"{what} in the regular expression {self.pattern!r} is not supported")

    def _count(self) -> None:
        count = _COUNT.match(self.pattern, self.at)
        if count is None:
            raise ConfigError(f"Illegal repetition near index {self.at} in the regular expression {self.pattern!r}")
        self.out.append(count.group())
        self.at = count.end()

    def _open(self) -> None:
        rest = self.pattern[self.at :]
        flags = _FLAGS.match(rest)
        if flags is not None and not rest.startswith("(?:"):
            self._open_flags(flags)
            return
        if rest.startswith("(?P"):
            raise ConfigError(f"Unknown group (?P in the regular expression {self.pattern!r}")
        if rest.startswith("(?<") and rest[3:4] not in ("=", "!"):
            if not _GROUP_NAME.match(rest, 3):
                raise ConfigError(f"A group's name has letters and digits only, in {self.pattern!r}")
            self.out.append("(?P<")
            self.at += 3
        else:
            self.out.append("(")
            self.at += 1
        self.scopes.append([])

    def _open_flags(self, flags: re.Match[str]) -> None:
        on, off, end = flags.group(1), flags.group(2) or "", flags.group(3)
        if refused := set(on + off) & set("duxU"):
            raise self._refuse(f"The flag {min(refused)}")
        self.at += flags.end()
        scope = f"(?{on}{f'-{off}' if off else ''}:" if on or off else "(?:"
        self.out.append(scope)
        if end == ":":
            self.scopes.append([])
        else:
            # A flag in the middle holds until the enclosing group ends: it becomes a group of its own up to there.
            self.scopes[-1].append(scope)

    def _alternative(self) -> None:
        # … and across the alternatives of that group.
        scopes = self.scopes[-1]
        self.out.append(f"{')' * len(scopes)}|{''.join(scopes)}")
        self.at += 1

    def _close(self) -> None:
        if len(self.scopes) == 1:
            raise ConfigError(f"Unmatched closing ')' near index {self.at} in the regular expression {self.pattern!r}")
        self.out.append(")" * (len(self.scopes.pop()) + 1))
        self.at += 1

    def _escape(self, *, in_class: bool) -> str:
        if self.at + 1 >= len(self.pattern):
            raise ConfigError(f"Unexpected end after \\ in the regular expression {self.pattern!r}")
        letter = self.pattern[self.at + 1]
        if letter == "Q":
            return self._quoted()
        if letter in "pP":
            return self._property(letter, in_class=in_class)
        self.at += 2
        if in_class:
            return _SHORTHANDS.get(letter) or self._plain_escape(letter)
        if letter == "k":
            return self._back_reference()
        return _ESCAPES.get(letter) or self._plain_escape(letter)

    def _plain_escape(self, letter: str) -> str:
        if letter == "x" and self.pattern[self.at : self.at + 1] == "{":
            end = self.pattern.find("}", self.at)
            number = self.pattern[self.at + 1 : end]
            if end < 0 or not re.fullmatch("[0-9a-fA-F]{1,6}", number) or int(number, 16) > 0x10FFFF:
                raise ConfigError(f"Illegal hexadecimal escape in the regular expression {self.pattern!r}")
            self.at = end + 1
            return re.escape(chr(int(number, 16)))
        if letter == "b" and self.pattern[self.at : self.at + 1] == "{":
            raise self._refuse("\\b{")
        if letter.isalpha() and letter not in "dDsSwWbBntrfxu":
            raise self._refuse(f"\\{letter}")
        if letter == "0":
            raise self._refuse("An octal escape")
        return f"\\{letter}"

    def _back_reference(self) -> str:
        end = self.pattern.find(">", self.at)
        if self.pattern[self.at : self.at + 1] != "<" or end < 0:
            raise ConfigError(f"\\k is not followed by '<name>' in the regular expression {self.pattern!r}")
        name = self.pattern[self.at + 1 : end]
        self.at = end + 1
        return f"(?P={name})"

    def _quoted(self) -> str:
        end = self.pattern.find("\\E", self.at + 2)
        text = self.pattern[self.at + 2 : end if end >= 0 else None]
        self.at = len(self.pattern) if end < 0 else end + 2
        return re.escape(text)

    def _property(self, letter: str, *, in_class: bool) -> str:
        end = self.pattern.find("}", self.at)
        name = self.pattern[self.at + 3 : end] if self.pattern[self.at + 2 : self.at + 3] == "{" and end > 0 else ""
        ranges = _CLASSES.get(name)
        if ranges is None or (in_class and letter == "P"):
            raise self._refuse(f"\\{letter}{{{name}}}")
        self.at = end + 1
        return ranges if in_class else f"[{'^' if letter == 'P' else ''}{ranges}]"

    def _class(self) -> str:
        start = self.at
        self.at += 1
        out = ["["]
        if self.pattern[self.at : self.at + 1] == "^":
            out.append("^")
            self.at += 1
        empty = True
        while self.at < len(self.pattern):
            character = self.pattern[self.at]
            if character == "]" and not empty:
                self.at += 1
                return "".join(out) + "]"
            if character == "[":
                raise self._refuse("A character class inside another")
            if self.pattern.startswith("&&", self.at):
                raise self._refuse("An intersection of character classes (&&)")
            if character == "\\":
                out.append(self._escape(in_class=True))
            else:
                out.append("\\" + character if character in "]&~|" else character)
                self.at += 1
            empty = False
        raise ConfigError(f"Unclosed character class near index {start} in the regular expression {self.pattern!r}")
