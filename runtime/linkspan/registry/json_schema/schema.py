"""JSON Schema as a format of the registry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from linkspan.convert import json_text
from linkspan.convert.registry_schema import Named
from linkspan.convert.rules.json_schema.comparison import differences
from linkspan.convert.rules.json_schema.differences import COMPATIBLE, LENIENT, message
from linkspan.convert.rules.json_schema.model import Part, load
from linkspan.registry.formats import ParsedSchema

__all__ = ["JsonSchema"]


class JsonSchema(ParsedSchema):
    """A schema with what it refers to.

    Args:
        text: JSON.
        references: what it may refer to by name; nothing is fetched from elsewhere.
        strict: check it against the schema of its draft.

    Raises:
        ValueError: this is no JSON schema, or refers to what is not there.
    """

    type = "JSON"

    def __init__(self, text: str, references: Sequence[Named], *, strict: bool) -> None:
        self._body = json_text.parse(text, exactly=True)
        if strict:
            _check(self._body)
        self._references = references
        self._root: Part | None = load(self._body, references) if strict else None
        self.text = json_text.write(self._body)

    def normal_text(self) -> str:
        """Canonical text with all members sorted."""
        return json_text.write(_sorted(self._body))

    def unreadable(self, written: ParsedSchema, reader: str, writer: str, *, lenient: bool = False) -> list[str]:
        """Why data of another schema is not valid here."""
        assert isinstance(written, JsonSchema)
        compatible = LENIENT if lenient else COMPATIBLE
        found = differences(written.root, self.root, compatible)
        return [message(each, reader, writer) for each in found if each.kind not in compatible]

    @property
    def root(self) -> Part:
        """The schema, taken apart; raises ValueError when it refers to what is not there."""
        if self._root is None:
            self._root = load(self._body, self._references)
        return self._root


def _check(body: Any) -> None:  # noqa: ANN401 - any JSON
    from jsonschema import Draft7Validator  # noqa: PLC0415 - of an extra
    from jsonschema.exceptions import best_match  # noqa: PLC0415 - as above
    from jsonschema.validators import validator_for  # noqa: PLC0415 - as above

    if not isinstance(body, dict | bool):
        raise ValueError("a JSON schema is an object or a boolean")  # noqa: TRY004 - a malformed text
    draft = validator_for(body, default=Draft7Validator)
    # formats are not checked: patterns are for other languages, and may say what those of Python cannot
    error = best_match(draft(draft.META_SCHEMA).iter_errors(body))
    if error is not None:
        where = "/".join(map(str, error.absolute_path))
        raise ValueError(f"#/{where}: {error.message}")


def _sorted(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value
