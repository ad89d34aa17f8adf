"""What the converters with a schema registry have in common.

The bytes are Confluent's: a zero, the id of the schema in four bytes, and what the format writes. The format knows how
schemas and values are mapped; here is when the registry is asked: once a schema and topic, and once an id. For what it
refuses it is asked again, but not by each record.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, NamedTuple, TypeVar

from linkspan.api import Column, Config, Converter, DataError, Headers, Schema, SchemaAndValue
from linkspan.convert.format import ID_END, Format, ReadPlan, SchemaPlan
from linkspan.convert.later_imports import needs
from linkspan.convert.registry_schema import RegistrySchema
from linkspan.convert.registry_settings import RegistryConfig
from linkspan.convert.subjects import Strategy, strategy

if TYPE_CHECKING:
    from linkspan.convert.registry import Registry

__all__ = ["REFUSED_SECONDS", "Recent", "RegistryConverter", "WritePlan"]

needs("attrs", "authlib", "cachetools", "certifi")  # as the client of the registry does

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_MAGIC: Final = b"\0"
REFUSED_SECONDS: Final = 2.0
"""How long a registry is not asked again for what it has refused, such as an id that it does not know."""


class WritePlan(NamedTuple):
    """How values of a schema are written in one topic: what stands before them, and what makes the whole payload."""

    head: bytes
    write: Callable[[bytes, Any], bytes]


class Recent(Generic[K, V]):
    """The values last asked for, up to a number; also what there is no value for, for a short time.

    Args:
        most: how many are known.
        clock: seconds that only grow.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = most, clock
        self._known: OrderedDict[K, V] = OrderedDict()
        self._refused: OrderedDict[K, tuple[float, str]] = OrderedDict()

    def get(self, key: K, make: Callable[[], V]) -> V:
        """The value, made if it is not known.

        Raises:
            DataError: there was none when it was last asked for.
        """
        try:
            return self._known[key]
        except KeyError:
            pass
        self._check_refused(key)
        try:
            made = self._known[key] = make()
        except DataError as error:
            self._refused[key] = self._clock() + REFUSED_SECONDS, error.message
            _shorten(self._refused, self._most)
            raise
        _shorten(self._known, self._most)
        return made

    def _check_refused(self, key: K) -> None:
        until, message = self._refused.get(key, (0.0, ""))
        if message:
            if self._clock() < until:
                raise DataError(message)
            del self._refused[key]


def _shorten(known: OrderedDict[K, V], most: int) -> None:
    if len(known) > most:
        known.popitem(last=False)


class RegistryConverter(Converter):
    """A converter whose schemas are in a registry.

    Attributes:
        kind: type of its schemas in the registry.
        write_failure: how the message about a value that cannot be written begins.
        read_failure: how the message about a payload that cannot be read begins.
        takes_any_null: whether null is written, as no payload, also when the schema says that it is required.
    """

    config_class: ClassVar[type[Config]] = RegistryConfig
    version = "0.1.0"
    kind: ClassVar[str]
    write_failure: ClassVar[str]
    read_failure: ClassVar[str]
    takes_any_null: ClassVar[bool] = True

    def __init__(self) -> None:
        self._registry: Registry | None = None
        self._format: Format | None = None
        self._config: RegistryConfig | None = None
        self._strategy: Strategy | None = None
        self._is_key = False
        self._writing: Recent[tuple[str, Schema | None], WritePlan] = Recent(1000)
        self._reading: Recent[tuple[str, bytes], ReadPlan] = Recent(1000)

    def configure(self, config: Config, *, is_key: bool) -> None:
        """Take the settings; the registry is asked when the first record comes."""
        assert isinstance(config, RegistryConfig)
        side = "key" if is_key else "value"
        name = config.key_subject_name_strategy if is_key else config.value_subject_name_strategy
        self._strategy = strategy(f"{side}.subject.name.strategy", name)
        self._config, self._is_key = config, is_key
        most = max(config.schemas_cache_config, 1)
        self._writing, self._reading = Recent(most), Recent(most)
        self._format = self.make_format(config)
        from linkspan.convert.registry import Registry  # noqa: PLC0415 - every start of a worker looks at this class

        self._registry = Registry(config)

    @abstractmethod
    def make_format(self, config: RegistryConfig) -> Format:
        """The format by these settings; what takes long to import is imported here, if it has not been yet."""

    # --- writing ------------------------------------------------------------------------------------------------

    def from_connect(
        self, topic: str, schema: Schema | None, value: object, headers: Headers | None = None
    ) -> bytes | None:
        """Payload of one value; null stays null."""
        assert self._format is not None
        if value is None and not self._format.writes_null(schema):
            self._check_null(topic, schema)
            return None
        plan = self._write_plan(topic, schema)
        try:
            return plan.write(plan.head, value)
        except DataError as error:
            raise self._not_written(topic, error) from error

    def from_connect_batch(
        self, topic: str, column: Column, headers: Sequence[Headers | None] | None = None
    ) -> Sequence[bytes | None]:
        """Payloads of many values, which mostly share their schema."""
        if column.schemas is not None:
            return super().from_connect_batch(topic, column, headers)
        assert self._format is not None
        values, schema = column.values, column.schema
        writes_null = self._format.writes_null(schema)
        if not writes_null and all(value is None for value in values):
            return [self.from_connect(topic, schema, None) for _ in values]
        head, write = self._write_plan(topic, schema)
        if not writes_null and None in values:
            self._check_null(topic, schema)
            return [None if value is None else write(head, value) for value in values]
        return [write(head, value) for value in values]

    def _check_null(self, topic: str, schema: Schema | None) -> None:
        if schema is not None and not schema.optional and not self.takes_any_null:
            raise self._not_written(topic, DataError("Found null value for non-optional schema"))

    def _write_plan(self, topic: str, schema: Schema | None) -> WritePlan:
        return self._writing.get((topic, schema), lambda: self._new_write_plan(topic, schema))

    def _new_write_plan(self, topic: str, schema: Schema | None) -> WritePlan:
        assert self._config is not None
        assert self._format is not None
        assert self._registry is not None
        config, registry = self._config, self._registry
        target: RegistrySchema | None = None
        try:
            plan = self._format.plan(schema)
            own = plan.registered
            subject = self._subject(topic, plan.record_name)
            if config.auto_register_schemas:
                schema_id = registry.register(subject, own)
            elif config.use_schema_id >= 0:
                schema_id = config.use_schema_id
                target = registry.schema_of(schema_id, subject, self.kind)
                self._check(plan, target, strict=config.id_compatibility_strict, key="id.compatibility.strict")
            elif config.use_latest_version:
                schema_id, target = registry.latest(subject, self.kind)
                self._check(plan, target, strict=config.latest_compatibility_strict, key="latest.compatibility.strict")
            else:
                schema_id = registry.id_of(subject, own)
            if target == own:
                target = None
            references = {} if target is None else registry.referenced(target)
            return WritePlan(_MAGIC + schema_id.to_bytes(4, "big"), plan.writer(target, references))
        except DataError as error:
            raise self._not_written(topic, error) from error

    def _check(self, plan: SchemaPlan, target: RegistrySchema, *, strict: bool, key: str) -> None:
        assert self._registry is not None
        self._check_kind(target)
        own = plan.registered
        if not strict or target == own or plan.is_readable_by(target, self._registry.referenced(target)):
            return
        raise DataError(
            f"Incompatible schema {target.text} with refs {list(target.references)} of type {target.type} for schema "
            f"{own.text}. Set {key}=false to disable this check"
        )

    def _check_kind(self, schema: RegistrySchema) -> None:
        if schema.type != self.kind:
            raise DataError(f"The schema in the registry is of type {schema.type}, not {self.kind}")

    def _subject(self, topic: str, record: str | None) -> str:
        assert self._strategy is not None
        return self._strategy.subject(topic, self._is_key, record)

    def _not_written(self, topic: str, error: DataError) -> DataError:
        return DataError(f"{self.write_failure.format(topic=topic)}{error.message}")

    # --- reading ------------------------------------------------------------------------------------------------

    def to_connect(self, topic: str, payload: bytes | None, headers: Headers | None = None) -> SchemaAndValue:
        """Value of one payload; null stays null."""
        if payload is None:
            return SchemaAndValue(None, None)
        plan = self._read_plan(topic, payload)
        try:
            return SchemaAndValue(plan.schema, plan.read(payload))
        except DataError as error:
            raise self._not_read(topic, error) from error

    def to_connect_batch(
        self, topic: str, payloads: Sequence[bytes | None], headers: Sequence[Headers | None] | None = None
    ) -> Column:
        """Values of many payloads, which mostly begin with the same id."""
        first = payloads[0] if payloads else None
        if first is None:
            return super().to_connect_batch(topic, payloads, headers)
        assert self._format is not None
        head = self._format.head_of(first)
        alike = [payload for payload in payloads if payload is not None and payload.startswith(head)]
        if len(alike) != len(payloads) or len(head) < ID_END:
            return super().to_connect_batch(topic, payloads, headers)
        schema, read = self._read_plan(topic, first)
        return Column([read(payload) for payload in alike], schema)

    def _read_plan(self, topic: str, payload: bytes) -> ReadPlan:
        assert self._format is not None
        head = self._format.head_of(payload)
        return self._reading.get((topic, head), lambda: self._new_read_plan(topic, head))

    def _new_read_plan(self, topic: str, head: bytes) -> ReadPlan:
        assert self._format is not None
        assert self._registry is not None
        assert self._strategy is not None
        try:
            schema_id = _id_in(head)
            needs_record = self._strategy.needs_record
            subject = None if needs_record else self._subject(topic, None)
            schema = self._registry.schema_of(schema_id, subject, self.kind)
            self._check_kind(schema)
            return self._format.understand(
                head,
                schema,
                self._registry.referenced(schema),
                lambda record: self._version(topic, record, schema, schema_id),
            )
        except DataError as error:
            raise self._not_read(topic, error) from error

    def _version(self, topic: str, record: str | None, schema: RegistrySchema, schema_id: int) -> int:
        assert self._registry is not None
        return self._registry.version_of(self._subject(topic, record), schema, schema_id)

    def _not_read(self, topic: str, error: DataError) -> DataError:
        return DataError(f"{self.read_failure.format(topic=topic)}{error.message}")

    def close(self) -> None:
        """Close the connections."""
        if self._registry is not None:
            self._registry.close()


def _id_in(head: bytes) -> int:
    if head[:1] != _MAGIC:
        raise DataError("Unknown magic byte!")
    if len(head) < ID_END:
        raise DataError(f"The payload ends within the id of its schema: it has {len(head)} bytes")
    return int.from_bytes(head[1:ID_END], "big", signed=True)
