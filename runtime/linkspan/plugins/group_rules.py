"""What only workers of a group ask of a connector configuration (spec/runtime.md 1.9)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from linkspan.api import ConnectError, Connector
from linkspan.api.connector import ExactlyOnceSupport, SourceConnector, TransactionBoundaries
from linkspan.config.connector import LONGEST_NAME
from linkspan.config.definition import ConfigValue

__all__ = ["check_in_group"]

_GROUP_OVERRIDE: Final = "consumer.override.group.id"
_GUARANTEE: Final = "exactly.once.support"
_BOUNDARY: Final = "transaction.boundary"
_log: Final = logging.getLogger(__name__)


def check_in_group(
    connector: Connector[Any],
    values: dict[str, ConfigValue],
    props: Mapping[str, str | None],
    worker: Mapping[str, str],
) -> None:
    """Add what is wrong to the values; nothing when the worker is alone.

    Args:
        connector: a fresh instance.
        values: of the framework's keys.
        props: the submitted configuration.
        worker: the worker's properties.
    """
    if "config.storage.topic" not in worker:
        return
    _check_name(values["name"], props.get("name"))
    if isinstance(connector, SourceConnector):
        given = {key: value for key, value in props.items() if value is not None}
        _check_guarantee(connector, values[_GUARANTEE], given, worker)
        _check_boundary(connector, values[_BOUNDARY], given)
    else:
        _check_consumer_group(values, props, worker.get("group.id"))


def _check_name(value: ConfigValue, name: str | None) -> None:
    size = len((name or "").encode())
    if name is not None and size > LONGEST_NAME:
        value.errors.append(
            f"Invalid value {name[:80]}… for configuration name: it has {size} bytes, but the workers of a group can "
            f"tell each other {LONGEST_NAME} at most; shorten it"
        )


def _check_consumer_group(values: dict[str, ConfigValue], props: Mapping[str, str | None], group: str | None) -> None:
    """The consumers of a sink must not meet the workers in their group."""
    override = props.get(_GROUP_OVERRIDE)
    name = props.get("name")
    if override is not None:
        value = values.setdefault(_GROUP_OVERRIDE, ConfigValue(_GROUP_OVERRIDE, override))
        if override == group:
            value.errors.append(f"Consumer group {override} conflicts with Connect worker group {group}")
    elif name is not None and f"connect-{name}" == group:
        problem = f"Consumer group for sink connector named {name} conflicts with Connect worker group {group}"
        values["name"].errors.append(problem)


def _check_guarantee(
    connector: SourceConnector[Any], value: ConfigValue, given: Mapping[str, str], worker: Mapping[str, str]
) -> None:
    if value.errors or given.get(_GUARANTEE, "").lower() != "required":
        return
    if worker.get("exactly.once.source.support", "disabled").lower() != "enabled":
        value.errors.append("This worker does not have exactly-once source support enabled.")
    try:
        support = connector.exactly_once_support(given)
    except ConnectError as error:
        value.errors.append(_unexpected(error))
        return
    if support is None:
        value.errors.append(
            "The connector does not implement the API required for preflight validation of exactly-once source "
            "support. Please consult the documentation for the connector to determine whether it supports exactly-once "
            'semantics, and then consider reconfiguring the connector to use the value "requested" for this property '
            "(which will disable this preflight check and allow the connector to be created)."
        )
    elif support is ExactlyOnceSupport.UNSUPPORTED:
        value.errors.append("The connector does not support exactly-once semantics with the provided configuration.")


def _check_boundary(connector: SourceConnector[Any], value: ConfigValue, given: Mapping[str, str]) -> None:
    if value.errors or given.get(_BOUNDARY, "").lower() != "connector":
        return
    try:
        support = connector.transaction_boundaries(given)
    except ConnectError as error:
        value.errors.append(_unexpected(error))
        return
    if support is not TransactionBoundaries.SUPPORTED:
        value.errors.append(
            "The connector does not support connector-defined transaction boundaries with the given configuration. "
            "Please reconfigure it to use a different transaction boundary definition."
        )


def _unexpected(error: ConnectError) -> str:
    _log.error("The connector could not say what it supports: %s", error.message)
    return f"An unexpected error occurred during validation: {error.message}"
