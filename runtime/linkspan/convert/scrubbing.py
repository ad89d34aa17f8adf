"""Names that Avro and Protobuf take, made of names that they do not, as Confluent's converters make them."""

from __future__ import annotations

from urllib.parse import quote_plus

__all__ = ["scrubbed"]


def scrubbed(name: str) -> str:
    """A name of letters, digits and underscores, with the codes of other characters in place of these."""
    if not name or (name.isascii() and name.replace("_", "a").isalnum() and not name[0].isdigit()):
        return name
    encoded = quote_plus(name, safe="*").replace("~", "%7E")
    if encoded[0].isdigit():
        encoded = f"x{encoded}"
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter == "_") else "_" for letter in encoded)
