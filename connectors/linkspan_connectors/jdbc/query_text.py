"""A user's query, made ready for conditions behind it (spec/jdbc.md 4.9 and 15)."""

from __future__ import annotations

import logging
from typing import Final

from linkspan.api import ConfigError

__all__ = ["conditionable", "stripped"]

log = logging.getLogger(__name__)

_CLAUSES: Final = (
    "where",
    "order",
    "group",
    "having",
    "limit",
    "fetch",
    "offset",
    "qualify",
    "windows",
    "locks",
    "with",
    "with_",
)
"""What a SELECT may end in that a WHERE cannot follow, or begin with, in sqlglot's words."""

_GRAMMARS: Final = {
    "PostgreSqlDatabaseDialect": "postgres",
    "MySqlDatabaseDialect": "mysql",
    "SqliteDatabaseDialect": "sqlite",
    "OracleDatabaseDialect": "oracle",
    "SqlServerDatabaseDialect": "tsql",
}
"""What sqlglot calls the databases that it knows; it takes the others for one of its own."""


def stripped(query: str) -> str:
    """The query without blanks and a semicolon at its end; what is put behind it is no part of a comment there."""
    text = query.strip().rstrip(";").rstrip()
    return f"{text}\n" if "--" in text.rsplit("\n", 1)[-1] else text


def conditionable(query: str, dialect: str) -> str:
    """A text behind which a WHERE can stand, with the same rows as the query.

    A plain SELECT stays as it is, since the names of tracking columns may be those of its tables; one that ends in
    clauses of its own, joins others by a set operator, or begins with WITH is put in parentheses. So does one that
    cannot be understood stay.

    Args:
        query: the query, :func:`stripped`.
        dialect: name of the database's dialect.

    Raises:
        ConfigError: what understands queries is not installed.
    """
    if _is_plain(query, _GRAMMARS.get(dialect)):
        return query
    log.info("The query has clauses of its own; its rows are chosen by a SELECT around it")
    return f"SELECT * FROM ({query}) q"


def _is_plain(query: str, dialect: str | None) -> bool:
    try:
        import sqlglot  # noqa: PLC0415 - of the extra "jdbc", and slow to import
        from sqlglot import errors, expressions  # noqa: PLC0415 - as above
    except ImportError as error:
        reason = (
            f"a query is understood by sqlglot, which is missing ({error}); install it: pip install 'linkspan[jdbc]'"
        )
        raise ConfigError(reason, "query") from error
    try:
        parsed = sqlglot.parse_one(query, dialect=dialect)
    except (errors.SqlglotError, RecursionError):
        log.warning("The query is not understood; it has to be one that a WHERE can stand behind")
        return True
    if not isinstance(parsed, expressions.Select):
        return False
    return not any(parsed.args.get(clause) for clause in _CLAUSES)
