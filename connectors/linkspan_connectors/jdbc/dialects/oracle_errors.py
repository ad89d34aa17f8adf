"""What the codes of Oracle's errors ask for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from linkspan_connectors.jdbc.errors import Kind

__all__ = ["kind_of_code"]

_ORACLE: Final[Mapping[Kind, frozenset[int]]] = {
    Kind.AGAIN: frozenset({51, 54, 60, 1013, 1555, 4020, 4021, 4061, 4068, 8176, 8177, 25408, 30006}),
    Kind.WAIT: frozenset({1033, 1034, 1089, 1090, 1536, 1650, 1652, 1653, 1654, 1655, 1688, 1691, 12528, 16000, 30036}),
    Kind.UNREACHABLE: frozenset(
        {28, 1012, 1041, 1092, 2396, 3113, 3114, 3135, 3136, 12170, 12505, 12514, 12521, 12526, 12527, 12535, 12537,
         12541, 12543, 12545, 12547, 12560, 12571, 12637, 25401, 25402, 25405, 25409}
    ),
    Kind.FULL: frozenset({18, 20, 2391, 12516, 12518, 12519, 12520}),
    Kind.CREDENTIALS: frozenset({1005, 1017, 1031, 1039, 1045, 1950, 28000, 28001, 28002, 28009, 28040}),
    Kind.URL: frozenset({12154, 12162, 12533}),
    Kind.RECORD: frozenset(
        {1, 1400, 1401, 1407, 1426, 1438, 1455, 1457, 1461, 1465, 1722, 1830, 1839, 1840, 1841, 1843, 1847, 1858,
         1861, 2290, 2291, 2292, 2359, 6502, 12899, 14400, 14402, 22275, 24801, 38301}
    ),
    Kind.MISSING: frozenset({903, 904, 942, 4043}),
}  # fmt: skip
_DRIVER: Final[Mapping[Kind, frozenset[int]]] = {
    Kind.UNREACHABLE: frozenset({1001, 4011, 4024, 6000, 6001, 6003, 6005}),
    Kind.CREDENTIALS: frozenset({3001, 4001, 4002}),
    Kind.URL: frozenset({4000, 4017, 4022, 4026, 4027}),
    Kind.RECORD: frozenset({3002, 3013, 4004, 4014}),
}
"""Of the driver itself, DPY."""
_KINDS: Final = {
    **{("ORA", code): kind for kind, codes in _ORACLE.items() for code in codes},
    **{("DPY", code): kind for kind, codes in _DRIVER.items() for code in codes},
}


def kind_of_code(code: str) -> Kind | None:
    """What ``ORA-00001`` or ``DPY-4011`` asks for; None for codes that say nothing that could be acted upon."""
    prefix, _, number = code.partition("-")
    if 20_000 <= int(number or 0) <= 20_999 and prefix == "ORA":
        return Kind.RECORD  # raised by a trigger
    return _KINDS.get((prefix, int(number))) if number.isdecimal() else None
