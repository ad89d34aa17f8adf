"""What a dialect is told of a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import NamedTuple

from linkspan_connectors.jdbc.urls import JdbcUrl

__all__ = ["Settings"]


class Settings(NamedTuple):
    """Of one connector.

    Attributes:
        url: of the database.
        properties: for the driver, from ``connection.<name>``, by their names there.
        quote: whether names are quoted.
        zone: ``db.timezone``: wall clocks of TIME and TIMESTAMP columns are those of this zone.
        date_zone: zone whose days Connect's Dates are written as (``date.timezone``, sink only).
        proleptic: whether days before 1582-10-15 are those of the Gregorian calendar, as Python has them; else they are
            Julian ones in the database, as Java's old dates are (``date.calendar.system``).
        holdlock: whether MERGE of SQL Server holds its locks (``mssql.use.merge.holdlock``, sink only).
        login_seconds: how long a connection may take to be opened.
    """

    url: JdbcUrl
    properties: Mapping[str, str] = {}
    quote: bool = True
    zone: tzinfo = UTC
    date_zone: tzinfo = UTC
    proleptic: bool = False
    holdlock: bool = True
    login_seconds: float = 40.0

    def option(self, *names: str) -> str | None:
        """A driver property by any of its names, in any case; ``connection.<name>`` comes before the URL's."""
        folded = {name.casefold(): value for name, value in self.properties.items()}
        found = next((folded[name.casefold()] for name in names if name.casefold() in folded), None)
        return self.url.option(*names) if found is None else found

    @property
    def all_properties(self) -> dict[str, str]:
        """All driver properties by their names as they were written; those of ``connection.<name>`` win."""
        folded = {name.casefold() for name in self.properties}
        kept = {name: value for name, value in self.url.properties.items() if name.casefold() not in folded}
        return {**kept, **self.properties}
