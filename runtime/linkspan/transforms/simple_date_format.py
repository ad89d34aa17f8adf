"""Java's ``SimpleDateFormat`` in English and UTC: writes moments, and reads them as leniently.

Patterns of numbers with fixed widths, the bulk of what is used, are read and written in one step; everything else goes
field by field, as in Java.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from linkspan.api.errors import DataError
from linkspan.transforms.java_calendar import Calendar, week_of_month, week_of_year
from linkspan.transforms.moments import from_ms

__all__ = ["PatternError", "SimpleDateFormat"]

_LETTERS: Final = "GyMdkHmsSEDFwWahKzZYuXL"
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_ZONES: Final = {
    **dict.fromkeys(("UTC", "GMT", "UT", "Coordinated Universal Time", "Greenwich Mean Time"), 0),
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
}
"""Hours by name."""
_MINUTE: Final = 60_000
_HOUR: Final = 60 * _MINUTE
_WIDEST_MONTH_NUMBER: Final = 2
_OF_ISO: Final = re.compile(r"([+-])(\d\d)(?::?(\d\d))?")
_OF_GMT: Final = re.compile(r"(?i:GMT)(?:([+-])(\d\d?):(\d\d))?")
_OF_RFC: Final = re.compile(r"([+-])(\d\d)(\d\d)")


class PatternError(ValueError):
    """A pattern that is malformed; the text is Java's."""


class _Part(NamedTuple):
    """A letter and how often it stands, or a text (no letter)."""

    letter: str
    width: int
    text: str = ""


class SimpleDateFormat:
    """One pattern.

    Args:
        pattern: as in Java.

    Raises:
        PatternError: it is malformed.
    """

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self._parts = _parts_of(pattern)
        self.format: Final[Callable[[datetime], str]] = _quick_writer(self._parts) or self._write
        self._quick = _quick_pattern(self._parts)

    def parse(self, text: str) -> datetime:
        """The moment that a text begins with.

        Raises:
            DataError: there is none, or Python does not know it.
        """
        if self._quick is not None:
            found = self._quick.match(text)
            if found is not None:
                moment = _moment_of(found.groupdict())
                if moment is not None:
                    return moment
        calendar = Calendar()
        end = _Reading(text, calendar).run(self._parts)
        if not end:
            raise DataError(f"Could not parse timestamp: value ({text}) does not match pattern ({self.pattern})")
        return from_ms(calendar.ms())

    def _write(self, moment: datetime) -> str:
        return "".join([part.text or _WRITERS[part.letter](moment, part.width) for part in self._parts])


# --- patterns ---------------------------------------------------------------------------------------------------------


def _parts_of(pattern: str) -> list[_Part]:
    parts: list[_Part] = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        if character == "'":
            text, at = _quoted(pattern, at)
            parts.append(_Part("", 0, text))
        elif character.isascii() and character.isalpha():
            count = len(pattern) - at - len(pattern[at:].lstrip(character))
            if character not in _LETTERS:
                raise PatternError(f"Illegal pattern character '{character}'")
            if character == "X" and count > 3:
                raise PatternError(f"invalid ISO 8601 format: length={count}")
            parts.append(_Part(character, count))
            at += count
        else:
            parts.append(_Part("", 0, character))
            at += 1
    return _joined(parts)


def _quoted(pattern: str, begin: int) -> tuple[str, int]:
    """The text between quotes, and where the pattern goes on; two quotes are one."""
    if pattern.startswith("''", begin):
        return "'", begin + 2
    text, at = "", begin + 1
    while True:
        end = pattern.find("'", at)
        if end < 0:
            raise PatternError("Unterminated quote")
        text += pattern[at:end]
        if not pattern.startswith("''", end):
            return text, end + 1
        text, at = f"{text}'", end + 2


def _joined(parts: Sequence[_Part]) -> list[_Part]:
    joined: list[_Part] = []
    for part in parts:
        if not part.letter and joined and not joined[-1].letter:
            joined[-1] = _Part("", 0, joined[-1].text + part.text)
        elif part.letter or part.text:
            joined.append(part)
    return joined


# --- the quick way ----------------------------------------------------------------------------------------------------

_FIXED: Final = {
    ("y", 4): ("year", r"\d{4}"),
    ("M", 2): ("month", r"\d\d"),
    ("d", 2): ("day", r"\d\d"),
    ("H", 2): ("hour", r"\d\d"),
    ("m", 2): ("minute", r"\d\d"),
    ("s", 2): ("second", r"\d\d"),
    ("S", 3): ("ms", r"\d{3}"),
}
_TEMPLATES: Final = {
    **{(letter, count): f"{{0.{name}:0{count}d}}" for (letter, count), (name, _) in _FIXED.items() if name != "ms"},
    ("S", 3): "{1:03d}",
    ("X", 1): "Z",
    ("X", 2): "Z",
    ("X", 3): "Z",
    ("Z", 1): "+0000",
}


def _quick_writer(parts: Sequence[_Part]) -> Callable[[datetime], str] | None:
    template = ""
    for letter, count, text in parts:
        piece = _TEMPLATES.get((letter, count)) if letter else text.replace("{", "{{").replace("}", "}}")
        if piece is None:
            return None
        template += piece
    form = template.format
    return lambda moment: form(moment, moment.microsecond // 1000)


def _quick_pattern(parts: Sequence[_Part]) -> re.Pattern[str] | None:
    """What matches texts whose numbers have the widths of the pattern; None when it has anything else."""
    expression, seen = "", set()
    for letter, count, text in parts:
        if not letter:
            expression += re.escape(text)
            continue
        name, digits = ("zone", "Z") if letter == "X" else _FIXED.get((letter, count), ("", ""))
        if not name or name in seen:
            return None
        seen.add(name)
        expression += f"(?P<{name}>{digits})"
    return re.compile(rf"{expression}(?!\d)", re.ASCII) if {"year", "month", "day"} <= seen else None


def _moment_of(groups: Mapping[str, str]) -> datetime | None:
    """The moment, when there is one with exactly these numbers."""
    try:
        return datetime(
            int(groups["year"]),
            int(groups["month"]),
            int(groups["day"]),
            int(groups.get("hour", 0)),
            int(groups.get("minute", 0)),
            int(groups.get("second", 0)),
            int(groups.get("ms", 0)) * 1000,
            tzinfo=UTC,
        )
    except ValueError:
        return None


# --- writing ----------------------------------------------------------------------------------------------------------


def _padded(number: int, count: int) -> str:
    return f"{number:0{count}d}"


def _year(number: int, count: int) -> str:
    return _padded(number % 100, 2) if count == 2 else _padded(number, count)


def _month(moment: datetime, count: int) -> str:
    name = _MONTHS[moment.month - 1]
    if count > 3:
        return name
    return name[:3] if count == 3 else _padded(moment.month, count)


def _day_name(moment: datetime, count: int) -> str:
    name = _DAYS[moment.isoweekday() % 7]
    return name if count > 3 else name[:3]


_WRITERS: Final[Mapping[str, Callable[[datetime, int], str]]] = {
    "G": lambda _moment, _count: "AD",
    "y": lambda moment, count: _year(moment.year, count),
    "Y": lambda moment, count: _year(week_of_year(moment)[0], count),
    "M": _month,
    "L": _month,
    "d": lambda moment, count: _padded(moment.day, count),
    "k": lambda moment, count: _padded(moment.hour or 24, count),
    "H": lambda moment, count: _padded(moment.hour, count),
    "m": lambda moment, count: _padded(moment.minute, count),
    "s": lambda moment, count: _padded(moment.second, count),
    "S": lambda moment, count: _padded(moment.microsecond // 1000, count),
    "E": _day_name,
    "D": lambda moment, count: _padded(moment.timetuple().tm_yday, count),
    "F": lambda moment, count: _padded((moment.day - 1) // 7 + 1, count),
    "w": lambda moment, count: _padded(week_of_year(moment)[1], count),
    "W": lambda moment, count: _padded(week_of_month(moment), count),
    "a": lambda moment, _count: "AM" if moment.hour < 12 else "PM",
    "h": lambda moment, count: _padded(moment.hour % 12 or 12, count),
    "K": lambda moment, count: _padded(moment.hour % 12, count),
    "z": lambda _moment, count: "UTC" if count < 4 else "Coordinated Universal Time",
    "Z": lambda _moment, _count: "+0000",
    "u": lambda moment, count: _padded(moment.isoweekday(), count),
    "X": lambda _moment, _count: "Z",
}


# --- reading ----------------------------------------------------------------------------------------------------------

_FIELDS: Final = {
    "y": "year",
    "Y": "week_year",
    "d": "day",
    "k": "hour_of_day",
    "H": "hour_of_day",
    "m": "minute",
    "s": "second",
    "S": "ms",
    "D": "day_of_year",
    "F": "weekday_in_month",
    "w": "week_of_year",
    "W": "week_of_month",
    "h": "hour",
    "K": "hour",
    "u": "weekday",
}


def _is_number(part: _Part) -> bool:
    """Whether a part is read as a number, so that one before it has to end where its letters do."""
    return part.letter in _FIELDS or (part.letter in ("M", "L") and part.width <= _WIDEST_MONTH_NUMBER)


class _Reading:
    """One text that is read."""

    def __init__(self, text: str, calendar: Calendar) -> None:
        self._text = text
        self._calendar = calendar
        self._at = 0

    def run(self, parts: Sequence[_Part]) -> int:
        """Where the moment ends; 0 when there is none."""
        for place, part in enumerate(parts):
            if not part.letter:
                if not self._text.startswith(part.text, self._at):
                    return 0
                self._at += len(part.text)
                continue
            is_next_to_number = place + 1 < len(parts) and _is_number(parts[place + 1])
            start = self._at
            while self._text[self._at : self._at + 1] in (" ", "\t"):
                self._at += 1
            if self._at >= len(self._text):
                return 0
            limit = start + part.width if is_next_to_number else None
            if not self._field(part.letter, part.width, limit):
                return 0
        return self._at

    def _field(self, letter: str, count: int, limit: int | None) -> bool:
        if letter == "G":
            return self._name(("BC", "AD"), "era", 0)
        if letter == "a":
            return self._name(("AM", "PM"), "half", 0)
        if letter == "E":
            return self._name(_DAYS, "weekday", 1)
        if letter in "ML" and count > _WIDEST_MONTH_NUMBER:
            return self._name(_MONTHS, "month", 0)
        if letter in "zZ":
            return self._zone()
        if letter == "X":
            return self._iso_zone(count)
        return self._number(letter, count, limit)

    def _number(self, letter: str, count: int, limit: int | None) -> bool:
        if limit is not None and limit > len(self._text):
            return False
        begin, end = self._at, len(self._text) if limit is None else limit
        at = begin + 1 if self._text[begin : begin + 1] == "-" else begin
        digits = at
        while at < end and self._text[at].isdecimal():
            at += 1
        if at == digits:
            return False
        number = _as_int(int(self._text[begin:at]))
        self._at = at
        if letter in "ML":
            self._calendar.set("month", number - 1)
        elif letter in "yY" and count <= 2 and at - begin == 2 and digits == begin:
            self._calendar.set_two_digits(_FIELDS[letter], number)
        elif letter == "u":
            self._calendar.set("weekday", number if not 1 <= number <= 7 else number % 7 + 1)
        else:
            is_midnight = (letter == "k" and number == 24) or (letter == "h" and number == 12)
            self._calendar.set(_FIELDS[letter], 0 if is_midnight else number)
        return True

    def _name(self, names: Sequence[str], field: str, first: int) -> bool:
        """Take the longest name, written out or cut to three letters, that the text goes on with."""
        rest = self._text[self._at :].lower()
        best, chosen = 0, 0
        for index, name in enumerate(names):
            for form in (name.lower(), name[:3].lower()):
                if len(form) > best and rest.startswith(form):
                    best, chosen = len(form), index
        if best:
            self._at += best
            self._calendar.set(field, chosen + first)
        return best > 0

    def _zone(self) -> bool:
        found = _OF_RFC.match(self._text, self._at)
        if found is not None:
            return self._offset(found)
        found = _OF_GMT.match(self._text, self._at)
        if found is not None:
            return self._offset(found)
        rest = self._text[self._at :].lower()
        for name, hours in _ZONES.items():
            if rest.startswith(name.lower()):
                self._at += len(name)
                self._calendar.set("zone", hours * _HOUR)
                return True
        return False

    def _iso_zone(self, count: int) -> bool:
        if self._text[self._at] == "Z":
            self._at += 1
            self._calendar.set("zone", 0)
            return True
        found = _OF_ISO.match(self._text, self._at)
        if found is None:
            return False
        sign, hours, minutes = found.groups()
        if count == 1:
            self._at += 3
            return self._set_zone(sign, int(hours), 0)
        has_colon = self._text[self._at + 3 : self._at + 4] == ":"
        if minutes is None or has_colon != (count == 3):
            return False
        return self._offset(found)

    def _offset(self, found: re.Match[str]) -> bool:
        sign, hours, minutes = found.groups()
        self._at = found.end()
        return self._set_zone(sign or "+", int(hours or 0), int(minutes or 0))

    def _set_zone(self, sign: str, hours: int, minutes: int) -> bool:
        if hours > 23 or minutes > 59:
            return False
        size = hours * _HOUR + minutes * _MINUTE
        self._calendar.set("zone", -size if sign == "-" else size)
        return True


def _as_int(number: int) -> int:
    """A number that is read as Java's int: what exceeds a long is cut to the largest, a long loses its upper half."""
    if not -(1 << 63) <= number < 1 << 63:
        return (1 << 31) - 1 if number > 0 else -(1 << 31)
    return ((number + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
