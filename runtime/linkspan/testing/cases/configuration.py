"""The configuration: declared, documented, and refused with the right key when it is wrong."""

from __future__ import annotations

from typing import Any, Final

from linkspan.api import NO_DEFAULT, ConfigKey, ConfigType
from linkspan.testing.cases.case import Case
from linkspan.testing.trial import CaseFailedError, CaseSkippedError, Trial, config_keys

__all__ = ["CASES"]

_NOT_OF_THE_TYPE: Final = {
    ConfigType.BOOLEAN: "neither-nor",
    ConfigType.INT: "many",
    ConfigType.SHORT: "many",
    ConfigType.LONG: "many",
    ConfigType.DOUBLE: "many",
}


def _keys(trial: Trial[Any]) -> tuple[ConfigKey, ...]:
    keys: tuple[ConfigKey, ...] = trial.adapter.connector.config_class.keys
    return keys


def _validate(trial: Trial[Any], change: dict[str, str | None]) -> dict[str, Any]:
    config = {key: value for key, value in {**trial.config, **change}.items() if value is not None}
    return trial.worker.validate({"name": trial.name, **config})


def _errors(infos: dict[str, Any]) -> dict[str, list[str]]:
    found = {config["value"]["name"]: config["value"]["errors"] for config in infos["configs"]}
    return {name: errors for name, errors in found.items() if errors}


def declared(trial: Trial[Any]) -> None:
    """Every key says what it is for, and the connector has a version."""
    silent = [key.name for key in _keys(trial) if not key.doc.strip()]
    if silent:
        raise CaseFailedError(f"Keys without documentation: {', '.join(silent)}")
    if trial.adapter.connector.version == "undefined":
        raise CaseFailedError("The connector class has no version")
    unknown = sorted(set(trial.config) - config_keys(_validate(trial, {})))
    own = [name for name in unknown if not name.startswith(("consumer.override.", "producer.override."))]
    if own:
        raise CaseFailedError(f"The adapter sets keys that nobody declares: {', '.join(own)}")


def accepted(trial: Trial[Any]) -> None:
    """The configuration that the adapter gives is valid."""
    errors = _errors(_validate(trial, {}))
    if errors:
        raise CaseFailedError(f"The adapter's configuration is refused: {errors}")


def required_keys(trial: Trial[Any]) -> None:
    """Without a required key, the error stands at that key."""
    required = [key.name for key in _keys(trial) if key.default is NO_DEFAULT]
    if not required:
        raise CaseSkippedError("No key is required")
    for name in required:
        errors = _errors(_validate(trial, {name: None}))
        if name not in errors:
            raise CaseFailedError(f"Without {name} the errors are {errors or 'none'}; none stands at {name}")
    trial.details["keys"] = required


def wrong_types(trial: Trial[Any]) -> None:
    """A value of the wrong type is refused at its key."""
    typed = [key for key in _keys(trial) if key.type in _NOT_OF_THE_TYPE]
    if not typed:
        raise CaseSkippedError("No key is a number or a boolean")
    for key in typed:
        wrong = _NOT_OF_THE_TYPE[key.type]
        errors = _errors(_validate(trial, {key.name: wrong}))
        if key.name not in errors:
            raise CaseFailedError(f"{key.name}={wrong} is accepted, though it is a {key.type.value}")
    trial.details["keys"] = [key.name for key in typed]


CASES: Final = (
    Case("configuration.declared", declared),
    Case("configuration.accepted", accepted),
    Case("configuration.required-keys", required_keys),
    Case("configuration.wrong-types", wrong_types),
)
