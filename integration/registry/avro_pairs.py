"""Random pairs of Avro schemas: a schema, and what has become of it after some changes; some of them are malformed."""

from __future__ import annotations

import copy
import json
import random
from typing import Any, Final

__all__ = ["pairs"]

_PRIMITIVES: Final = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
_LOGICAL: Final = (
    {"type": "int", "logicalType": "date"},
    {"type": "long", "logicalType": "timestamp-millis"},
    {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
    {"type": "string", "logicalType": "uuid", "b": 1, "a": {"z": 1.5, "y": [1e10, None]}},
    {"type": "string", "avro.java.string": "String"},
)
_NAMES: Final = ("a", "b", "c", "d", "e", "f")
_SPACES: Final = ("", "n.s", "other")
_DEFAULTS: Final = (None, 0, 1, -7, 1.5, 1e8, 0.1, "", "x", "\u00ff", True, [], {}, {"a": 1}, [1], 2**40)


class _Maker:
    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._count = 0
        self._named: list[str] = []

    def schema(self, depth: int = 0) -> Any:
        chance = self._chance
        kinds = ["primitive"] * 4 + ["logical", "again"]
        if depth < 3:
            kinds += ["record", "record", "enum", "fixed", "array", "map", "union", "union"]
        kind = chance.choice(kinds if depth else ["record"] * 5 + kinds)
        if kind == "again" and self._named:
            return chance.choice(self._named)
        if kind == "logical":
            return copy.deepcopy(chance.choice(_LOGICAL))
        if kind == "array":
            return {"type": "array", "items": self.schema(depth + 1), **self._props()}
        if kind == "map":
            return {"type": "map", "values": self.schema(depth + 1)}
        if kind == "union":
            return self._union(depth)
        if kind in {"record", "enum", "fixed"}:
            return self._a_named(kind, depth)
        return chance.choice(_PRIMITIVES)

    def _union(self, depth: int) -> Any:
        branches: list[Any] = []
        for _ in range(self._chance.randint(1, 4)):
            branch = self.schema(depth + 1)
            if not isinstance(branch, list):
                branches.append(branch)
        return branches

    def _a_named(self, kind: str, depth: int) -> Any:
        chance = self._chance
        self._count += 1
        name = f"N{self._count}" if chance.random() < 0.9 else "N1"
        made: dict[str, Any] = {"type": kind, "name": name}
        space = chance.choice((*_SPACES, None, None))
        if space is not None:
            made["namespace"] = space
        if chance.random() < 0.2:
            made["doc"] = chance.choice(("", 'a "doc" – ü'))
        if chance.random() < 0.2:
            made["aliases"] = chance.sample(("z", "n.s.y", "other.x"), 2)
        made |= self._props()
        if space in {"", None}:
            self._named.append(name)
        else:
            self._named.append(f"{space}.{name}")
        if kind == "enum":
            made["symbols"] = list(chance.sample("ABCDE", chance.randint(1, 4)))
            if chance.random() < 0.4:
                made["default"] = chance.choice(made["symbols"])
        elif kind == "fixed":
            made["size"] = chance.randint(1, 4)
        else:
            made["fields"] = [self.field(each, depth) for each in chance.sample(_NAMES, chance.randint(0, 4))]
            if chance.random() < 0.1:
                made["type"] = "error"
        return made

    def field(self, name: str, depth: int) -> dict[str, Any]:
        chance = self._chance
        kind = self.schema(depth + 1)
        made: dict[str, Any] = {"name": name, "type": kind}
        if '[{"' in json.dumps(kind).replace('"fields": [{"', "") or '["' in json.dumps(kind):
            # Avro 1.11 wants the default of a union to be of the first branch, later ones and ours of any
            if isinstance(kind, list) and kind[0] in _PRIMITIVES and chance.random() < 0.4:
                made["default"] = _fitting(kind)
        elif kind not in self._named and chance.random() < 0.4:
            made["default"] = _fitting(kind) if chance.random() < 0.9 else chance.choice(_DEFAULTS)
        if chance.random() < 0.2:
            made["aliases"] = chance.sample(_NAMES, 2)
        if chance.random() < 0.1:
            made["order"] = chance.choice(("ignore", "ascending", "descending"))
        if chance.random() < 0.1:
            made["doc"] = chance.choice(("", "text"))
        return made | self._props()

    def _props(self) -> dict[str, Any]:
        if self._chance.random() < 0.85:
            return {}
        names = self._chance.sample(("q", "connect.version", "p"), 2)
        return {name: self._chance.choice(_DEFAULTS) for name in names}


def _fitting(kind: Any) -> Any:
    if isinstance(kind, list):
        return _fitting(kind[0]) if kind else None
    name = kind.get("type") if isinstance(kind, dict) else kind
    values = {"null": None, "boolean": False, "int": 3, "long": 4, "float": 1.5, "double": 1e8, "array": [], "map": {}}
    if name == "enum" and isinstance(kind, dict):
        return kind["symbols"][0]
    if name == "fixed" and isinstance(kind, dict):
        return "x" * kind["size"]
    if name in {"record", "error"} and isinstance(kind, dict):
        return {each["name"]: each.get("default", _fitting(each["type"])) for each in kind["fields"]}
    return values.get(str(name), "text")


def _changed(body: Any, chance: random.Random, maker: _Maker) -> Any:
    """The same schema with a change somewhere."""
    if isinstance(body, list):
        if not body or chance.random() < 0.3:
            return [*body, chance.choice(_PRIMITIVES)]
        place = chance.randrange(len(body))
        if chance.random() < 0.3:
            return body[:place] + body[place + 1 :]
        return [*body[:place], _changed(body[place], chance, maker), *body[place + 1 :]]
    if not isinstance(body, dict):
        return chance.choice((*_PRIMITIVES, ["null", body]))
    made = dict(body)
    kind = body.get("type")
    if kind in {"array", "map"}:
        part = "items" if kind == "array" else "values"
        made[part] = _changed(body[part], chance, maker)
    elif kind == "enum":
        made["symbols"] = list(chance.sample("ABCDEF", chance.randint(1, 4)))
        made.pop("default", None)
    elif kind == "fixed":
        made["size"] = chance.randint(1, 5)
    elif kind in {"record", "error"}:
        made["fields"] = _changed_fields(body["fields"], chance, maker)
    if "name" in body and chance.random() < 0.15:
        made["name"] = chance.choice(("z", "y", "Renamed"))
    return made


def _changed_fields(fields: list[Any], chance: random.Random, maker: _Maker) -> list[Any]:
    made = list(fields)
    if made and chance.random() < 0.4:
        place = chance.randrange(len(made))
        made[place] = {**made[place], "type": _changed(made[place]["type"], chance, maker)}
        made[place].pop("default", None)
    elif made and chance.random() < 0.4:
        made.pop(chance.randrange(len(made)))
    else:
        free = [name for name in _NAMES if all(each["name"] != name for each in made)]
        if free:
            made.append(maker.field(chance.choice(free), 2))
    return made


def pairs(count: int, seed: int) -> list[dict[str, str]]:
    """Texts of so many pairs."""
    found = []
    for index in range(count):
        chance = random.Random(seed * 1_000_003 + index)
        maker = _Maker(chance)
        old = maker.schema()
        new = copy.deepcopy(old)
        for _ in range(chance.choice((0, 1, 1, 2, 3))):
            new = _changed(new, chance, maker)
        if chance.random() < 0.1:
            new = _Maker(chance).schema()
        found.append({"reader": json.dumps(new), "writer": json.dumps(old, ensure_ascii=False)})
    return found
