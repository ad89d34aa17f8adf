"""Enums and unions in the form that all of Confluent's converters share (``generalized.sum.type.support``)."""

from __future__ import annotations

from typing import Final

__all__ = ["GENERAL_ENUM", "GENERAL_UNION"]

GENERAL_UNION: Final = "org.apache.kafka.connect.data.Union"
"""Parameter of a STRUCT that stands for a union: its name."""

GENERAL_ENUM: Final = "org.apache.kafka.connect.data.Enum"
"""Parameter of a STRING that stands for an enum: its name; one more parameter a symbol, with its number."""
