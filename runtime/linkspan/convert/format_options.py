"""Settings that change the mapping of every format with a registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from linkspan.convert.sum_types import GENERAL_ENUM

__all__ = ["FormatOptions"]


@dataclass(frozen=True, slots=True)
class FormatOptions:
    """The settings of the same names.

    Attributes:
        generalized: ``generalized.sum.type.support``.
        keep_nulls: ``ignore.default.for.nullables``.
        own_enum: parameter by which the format alone says that a schema is an enum.
    """

    own_enum: ClassVar[str]

    generalized: bool = False
    keep_nulls: bool = False

    @property
    def enum_parameter(self) -> str:
        """Parameter of a schema that says that it is an enum."""
        return GENERAL_ENUM if self.generalized else self.own_enum
