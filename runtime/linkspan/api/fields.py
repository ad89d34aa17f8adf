"""Typed declaration of a configuration: written once, rendered everywhere.

::

    class TickerConfig(Config):
        topic = Str(doc="Topic to write to.", importance=HIGH)
        interval_ms = Duration("interval.ms", default=1000, doc="Time between two ticks.", validator=at_least(1))

An attribute ``interval_ms`` without an explicit name has the key ``interval.ms``. The declaration becomes a list of
:class:`ConfigKey`; the config engine turns these into Kafka's ConfigDef JSON, documentation and JSON Schema.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar, Final, Generic, Literal, TypeVar, final, overload

from linkspan.api.errors import ConfigError

__all__ = [
    "HIGH",
    "LOW",
    "MEDIUM",
    "NO_DEFAULT",
    "Bool",
    "ClassName",
    "Config",
    "ConfigField",
    "ConfigKey",
    "ConfigType",
    "Double",
    "Duration",
    "Importance",
    "Int",
    "Long",
    "Password",
    "Recommender",
    "Secret",
    "Short",
    "Str",
    "StrList",
    "Validator",
    "Width",
]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class ConfigType(Enum):
    """Types of configuration values (Kafka's ConfigDef.Type)."""

    BOOLEAN = "BOOLEAN"
    STRING = "STRING"
    INT = "INT"
    SHORT = "SHORT"
    LONG = "LONG"
    DOUBLE = "DOUBLE"
    LIST = "LIST"
    CLASS = "CLASS"
    PASSWORD = "PASSWORD"


class Importance(Enum):
    """How much a user has to care."""

    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


class Width(Enum):
    """Size of the input field in a form."""

    NONE = "NONE"
    SHORT = "SHORT"
    MEDIUM = "MEDIUM"
    LONG = "LONG"


HIGH: Final = Importance.HIGH
MEDIUM: Final = Importance.MEDIUM
LOW: Final = Importance.LOW


@final
class _NoDefault(Enum):
    NO_DEFAULT = "no default"


NO_DEFAULT: Final = _NoDefault.NO_DEFAULT
"""Marks a required key."""


@final
class Secret:
    """A password: never printed, compared by value.

    Attributes:
        value: the text itself; take it only where it is used.
    """

    __slots__ = ("value",)

    def __init__(self, value: str) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "[hidden]"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.value)


Validator = Callable[[str, object], None]
"""Called with key and parsed value (None included); raises :class:`ConfigError` (``ConfigError.invalid``)."""


class Recommender:
    """Suggests values for a key, given the other values; override either method."""

    def valid_values(self, name: str, parsed: Mapping[str, object]) -> Sequence[object]:
        """Values to offer for the key ``name``."""
        return ()

    def is_visible(self, name: str, parsed: Mapping[str, object]) -> bool:
        """Whether the key ``name`` matters, given the other values."""
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigKey:
    """One configuration key, as Kafka's ConfigDef.ConfigKey knows it.

    Attributes:
        name: the key.
        type: type of its value.
        default: value of the Python type (str, int, bool, float, list[str], Secret, None) or :data:`NO_DEFAULT`.
        validator: check on the parsed value.
        importance: how much a user has to care.
        doc: documentation.
        group: heading in forms, or None.
        order: place in the group, -1 without a group.
        width: size of the input field.
        display_name: label; the key itself by default.
        dependents: keys whose recommended values depend on this one.
        recommender: suggests values.
        aliases: older names of the key, read when the key itself is absent.
        deprecated: what to use instead, when the key is on its way out.
    """

    name: str
    type: ConfigType
    default: object = NO_DEFAULT
    validator: Validator | None = None
    importance: Importance = Importance.MEDIUM
    doc: str = ""
    group: str | None = None
    order: int = -1
    width: Width = Width.NONE
    display_name: str = ""
    dependents: tuple[str, ...] = field(default=())
    recommender: Recommender | None = None
    aliases: tuple[str, ...] = field(default=())
    deprecated: str | None = None

    @property
    def required(self) -> bool:
        """Whether the key has no default."""
        return self.default is NO_DEFAULT


class ConfigField(Generic[T_co]):
    """Descriptor of one key in a :class:`Config`; made by :func:`Str`, :func:`Int` and their siblings."""

    __slots__ = ("_attribute", "_options", "key")

    def __init__(self, name: str | None, kind: ConfigType, options: dict[str, Any]) -> None:
        self._options = {**options, "type": kind, "name": name}
        self._attribute = ""
        self.key: ConfigKey | None = None

    def __set_name__(self, owner: type, attribute: str) -> None:
        name = self._options.pop("name") or attribute.replace("_", ".")
        options = {"display_name": name, **self._options}
        if options["type"] is ConfigType.PASSWORD and isinstance(options.get("default"), str):
            options["default"] = Secret(options["default"])
        if isinstance(options.get("default"), tuple):
            options["default"] = list(options["default"])
        self._attribute = attribute
        self.key = ConfigKey(name=name, **options)

    @overload
    def __get__(self, instance: None, owner: type) -> ConfigField[T_co]: ...
    @overload
    def __get__(self, instance: Config, owner: type) -> T_co: ...
    def __get__(self, instance: Config | None, owner: type) -> ConfigField[T_co] | T_co:
        if instance is None:
            return self
        assert self.key is not None
        return instance.values[self.key.name]  # type: ignore[return-value]  # the engine parsed it by this key's type


class Config:
    """Parsed configuration of a plugin: subclass it with one attribute a key.

    Args:
        values: parsed value of every declared key (made by the config engine).
        originals: every key of the submitted configuration as it was written, declared or not.
    """

    keys: ClassVar[tuple[ConfigKey, ...]] = ()

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        inherited = {key.name: key for parent in reversed(cls.__mro__[1:]) for key in getattr(parent, "keys", ())}
        own = [item.key for item in vars(cls).values() if isinstance(item, ConfigField) and item.key is not None]
        cls.keys = tuple({**inherited, **{key.name: key for key in own}}.values())

    def __init__(self, values: Mapping[str, object], originals: Mapping[str, str | None] | None = None) -> None:
        self.values = dict(values)
        self.originals: dict[str, str | None] = dict(originals or {})

    def with_prefix(self, prefix: str) -> dict[str, str | None]:
        """Submitted keys that start with ``prefix``, without it."""
        return {name.removeprefix(prefix): value for name, value in self.originals.items() if name.startswith(prefix)}

    @classmethod
    def check(cls, config: Config) -> Sequence[ConfigError]:
        """Rules that concern more than one key; called with the parsed values when every key is fine by itself.

        Returns:
            one error a problem, each with its ``key``.
        """
        return ()


@overload
def Str(name: str | None = None, *, default: None, **options: Any) -> ConfigField[str | None]: ...
@overload
def Str(name: str | None = None, *, default: str = ..., **options: Any) -> ConfigField[str]: ...
def Str(name: str | None = None, **options: Any) -> ConfigField[Any]:
    """A text. Without ``default`` the key is required; ``default=None`` makes it optional."""
    return ConfigField(name, ConfigType.STRING, options)


@overload
def Int(name: str | None = None, *, default: None, **options: Any) -> ConfigField[int | None]: ...
@overload
def Int(name: str | None = None, *, default: int = ..., **options: Any) -> ConfigField[int]: ...
def Int(name: str | None = None, **options: Any) -> ConfigField[Any]:
    """A whole number of 32 bits."""
    return ConfigField(name, ConfigType.INT, options)


@overload
def Short(name: str | None = None, *, default: None, **options: Any) -> ConfigField[int | None]: ...
@overload
def Short(name: str | None = None, *, default: int = ..., **options: Any) -> ConfigField[int]: ...
def Short(name: str | None = None, **options: Any) -> ConfigField[Any]:
    """A whole number of 16 bits."""
    return ConfigField(name, ConfigType.SHORT, options)


@overload
def Long(name: str | None = None, *, default: None, **options: Any) -> ConfigField[int | None]: ...
@overload
def Long(name: str | None = None, *, default: int = ..., **options: Any) -> ConfigField[int]: ...
def Long(name: str | None = None, **options: Any) -> ConfigField[Any]:
    """A whole number of 64 bits."""
    return ConfigField(name, ConfigType.LONG, options)


@overload
def Duration(name: str | None = None, *, default: None, **options: Any) -> ConfigField[int | None]: ...
@overload
def Duration(name: str | None = None, *, default: int = ..., **options: Any) -> ConfigField[int]: ...
def Duration(name: str | None = None, **options: Any) -> ConfigField[Any]:
    """A time span in milliseconds (LONG for Kafka)."""
    return ConfigField(name, ConfigType.LONG, options)


@overload
def Double(name: str | None = None, *, default: None, **options: Any) -> ConfigField[float | None]: ...
@overload
def Double(name: str | None = None, *, default: float = ..., **options: Any) -> ConfigField[float]: ...
def Double(name: str | None = None, **options: Any) -> ConfigField[Any]:
    """A number with fraction."""
    return ConfigField(name, ConfigType.DOUBLE, options)


def Bool(
    name: str | None = None, *, default: bool | Literal[_NoDefault.NO_DEFAULT] = NO_DEFAULT, **options: Any
) -> ConfigField[bool]:
    """``true`` or ``false``."""
    return ConfigField(name, ConfigType.BOOLEAN, {**options, "default": default})


@overload
def StrList(name: str | None = None, *, default: None, **options: Any) -> ConfigField[list[str] | None]: ...
@overload
def StrList(name: str | None = None, *, default: Sequence[str] = ..., **options: Any) -> ConfigField[list[str]]: ...
def StrList(name: str | None = None, **options: Any) -> ConfigField[Any]:
    """Texts separated by commas."""
    return ConfigField(name, ConfigType.LIST, options)


@overload
def Password(name: str | None = None, *, default: None, **options: Any) -> ConfigField[Secret | None]: ...
@overload
def Password(name: str | None = None, *, default: str = ..., **options: Any) -> ConfigField[Secret]: ...
def Password(name: str | None = None, **options: Any) -> ConfigField[Any]:
    """A text that is never shown."""
    return ConfigField(name, ConfigType.PASSWORD, options)


@overload
def ClassName(name: str | None = None, *, default: None, **options: Any) -> ConfigField[str | None]: ...
@overload
def ClassName(name: str | None = None, *, default: str = ..., **options: Any) -> ConfigField[str]: ...
def ClassName(name: str | None = None, **options: Any) -> ConfigField[Any]:
    """Name of a plugin class: a Java name, a Python path, or a short name."""
    return ConfigField(name, ConfigType.CLASS, options)
