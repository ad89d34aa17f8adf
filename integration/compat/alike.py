"""What two answers to the same request must have in common: everything but what is normalised here, with its reason."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from integration.compat.exchange import Answer
from integration.services.kafka import VERSION as KAFKA_VERSION

__all__ = ["comparable"]

# Plugins that are only in one of the two distributions.
_ONLY_IN_ONE: Final = (
    "org.apache.kafka.connect.mirror.",
    "linkspan_connectors.datagen.",
    "linkspan.transforms.python.",
    "io.confluent.connect.",
    "io.aiven.connect.",
    "io.debezium.connector.",
    "com.ibm.eventstreams.connect.",
)
# Loggers are named after the code of each worker; those that the script makes exist in both.
_LOGGERS_OF_BOTH: Final = ("root", "my.")
# What follows is a list of the available plugins, or the reason, in the words of the language.
_OWN_WORDS: Final = (", available connectors are: ", "Invalid regex: ")
# The order of a hash table; values may be passwords, so that ours names keys only.
_CONFIG: Final = re.compile(r"(?<=Connector config \{).*(?=\})")


def comparable(answer: Answer) -> tuple[int, dict[str, str], Any]:
    """Status, headers and body, without what must differ."""
    headers = dict(answer.headers)
    if "x-date" in headers:
        # A time of day.
        headers["x-date"] = headers["x-date"][-4:]
    for name in ("allow", "access-control-allow-methods"):
        if name in headers:
            headers[name] = _any_order(headers[name])
    body = answer.body
    if isinstance(body, dict) and "error_code" in body:
        # The framework's own refusals (404, 405, 406, 415) come without a type there, though they are JSON.
        headers.pop("content-type", None)
    if "allow" in headers and isinstance(body, str):
        # An answer to OPTIONS.
        return answer.status, headers, _any_order(body)
    return answer.status, headers, _body(body)


def _any_order(methods: str) -> str:
    """A list of methods, which comes from a hash table there."""
    return ",".join(sorted(method.strip() for method in methods.split(",")))


def _body(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return _object(value)
    if isinstance(value, list):
        return [_body(item) for item in value if not _is_of_one(item)]
    if isinstance(value, str):
        return _text(value, key)
    return value


def _object(value: Mapping[str, Any]) -> dict[str, Any]:
    if "root" in value:
        value = {name: level for name, level in value.items() if name.startswith(_LOGGERS_OF_BOTH)}
    found = {key: _body(item, key) for key, item in value.items()}
    if "kafka_cluster_id" in found:
        # The release that is reproduced; there, the file connectors have the same version.
        found["version"] = found["version"].replace("${VERSION}", KAFKA_VERSION)
    if "last_modified" in found:
        # A time of day.
        found["last_modified"] = found["last_modified"] is not None
    if "documentation" in found and str(found.get("name")).split(".")[1:2] == ["override"]:
        # The original prints the manual of its client.
        found["documentation"] = bool(found["documentation"])
    return found


def _text(text: str, key: str) -> str | bool:
    if key in {"commit", "trace"}:
        # A build; a stack trace names the lines of the program.
        return bool(text)
    for stem in _OWN_WORDS:
        text = text.partition(stem)[0]
    return _CONFIG.sub(lambda found: ", ".join(sorted(item.partition("=")[0] for item in found[0].split(", "))), text)


def _is_of_one(item: Any) -> bool:
    if isinstance(item, str):
        return item.startswith(_ONLY_IN_ONE)
    if not isinstance(item, dict) or not {"class", "type"} <= item.keys():
        return False
    return bool(item["class"].startswith(_ONLY_IN_ONE))
