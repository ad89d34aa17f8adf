"""What the invented records look like. A template is a schema and a function that makes one record."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from linkspan.api import Schema, Type, schema

__all__ = ["BLOCK", "TEMPLATES", "Template", "access_log_line", "records"]

Row = dict[str, object]

BLOCK: Final = 1000
"""Records that share one random generator: to go on at any position, at most this many are made in vain."""

_START: Final = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Template:
    """One kind of invented record.

    Attributes:
        schema: the STRUCT of a record.
        key: field that serves as key unless told otherwise.
        make: makes the record with a given number.
    """

    schema: Schema
    key: str
    make: Callable[[random.Random, int], Row]


def records(template: Template, seed: int, begin: int) -> Iterator[Row]:
    """Endless records from number ``begin`` on; the same for the same seed, wherever one begins."""
    block, skip = divmod(begin, BLOCK)
    while True:
        generator = random.Random(f"{seed}/{block}")  # noqa: S311 - invented data, not a secret
        for number in range(block * BLOCK, (block + 1) * BLOCK):
            row = template.make(generator, number)
            if skip:
                skip -= 1
            else:
                yield row
        block += 1


def access_log_line(row: Mapping[str, object]) -> str:
    """A record of the clickstream template as a line of a web server's access log (combined format)."""
    moment = row["time"]
    assert isinstance(moment, datetime)
    return (
        f'{row["ip"]} - {row["user"]} [{moment:%d/%b/%Y:%H:%M:%S} +0000] "{row["method"]} {row["path"]} HTTP/1.1" '
        f'{row["status"]} {row["bytes"]} "{row["referrer"]}" "{row["agent"]}"'
    )


def _struct(name: str, **fields: Schema) -> Schema:
    return Schema(Type.STRUCT, name=f"linkspan.datagen.{name}", version=1, fields=fields)


_CITIES: Final = ("Berlin", "Lagos", "Lima", "Mumbai", "Osaka", "Paris", "Toronto", "Wellington")
_ITEMS: Final = ("anvil", "book", "camera", "desk", "easel", "fan", "globe", "hammer")


def _order(generator: random.Random, number: int) -> Row:
    units = generator.randint(1, 12)
    return {
        "order_id": number,
        "time": _START + timedelta(milliseconds=number * 37),
        "customer": f"customer-{generator.randint(1, 5000)}",
        "item": generator.choice(_ITEMS),
        "units": units,
        "total": round(units * generator.uniform(1.0, 90.0), 2),
        "city": generator.choice(_CITIES),
    }


_PATHS: Final = ("/", "/cart", "/checkout", "/login", "/news", "/search?q=kafka", "/static/app.js", "/help")
_AGENTS: Final = ("Mozilla/5.0 (X11; Linux x86_64)", "Mozilla/5.0 (Macintosh)", "Mozilla/5.0 (iPhone)", "curl/8.5.0")
_STATUSES: Final = (200, 200, 200, 200, 200, 204, 301, 304, 404, 500)


def _click(generator: random.Random, number: int) -> Row:
    return {
        "ip": f"10.{generator.randint(0, 255)}.{generator.randint(0, 255)}.{generator.randint(1, 254)}",
        "user": f"user-{generator.randint(1, 900)}",
        "time": _START + timedelta(milliseconds=number * 11),
        "method": "POST" if generator.random() < 0.1 else "GET",
        "path": generator.choice(_PATHS),
        "status": generator.choice(_STATUSES),
        "bytes": generator.randint(120, 48_000),
        "referrer": "-",
        "agent": generator.choice(_AGENTS),
    }


def _reading(generator: random.Random, number: int) -> Row:
    return {
        "device": f"device-{generator.randint(1, 200):03d}",
        "time": _START + timedelta(milliseconds=number * 100),
        "temperature": round(generator.gauss(21.0, 3.0), 2),
        "humidity": round(generator.uniform(20.0, 80.0), 1),
        "battery": generator.randint(0, 100),
        "online": generator.random() > 0.02,
    }


TEMPLATES: Final[Mapping[str, Template]] = {
    "orders": Template(
        _struct(
            "Order",
            order_id=schema.INT64,
            time=schema.timestamp(),
            customer=schema.STRING,
            item=schema.STRING,
            units=schema.INT32,
            total=schema.FLOAT64,
            city=schema.STRING,
        ),
        "order_id",
        _order,
    ),
    "clickstream": Template(
        _struct(
            "Click",
            ip=schema.STRING,
            user=schema.STRING,
            time=schema.timestamp(),
            method=schema.STRING,
            path=schema.STRING,
            status=schema.INT32,
            bytes=schema.INT32,
            referrer=schema.STRING,
            agent=schema.STRING,
        ),
        "user",
        _click,
    ),
    "devices": Template(
        _struct(
            "Reading",
            device=schema.STRING,
            time=schema.timestamp(),
            temperature=schema.FLOAT64,
            humidity=schema.FLOAT64,
            battery=schema.INT32,
            online=schema.BOOLEAN,
        ),
        "device",
        _reading,
    ),
}
