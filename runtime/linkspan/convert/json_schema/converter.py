"""JsonSchemaConverter: JSON in Confluent's format."""

from __future__ import annotations

from typing import ClassVar

from linkspan.api import LOW, MEDIUM, Bool, Config, Str
from linkspan.api.validators import one_of_ignoring_case
from linkspan.convert.format import Format
from linkspan.convert.json_schema.options import KIND, Options
from linkspan.convert.later_imports import needs
from linkspan.convert.registered import RegistryConverter
from linkspan.convert.registry_settings import RegistryConfig

__all__ = ["JsonSchemaConverter", "JsonSchemaConverterConfig"]

needs("jsonschema", "referencing")


class JsonSchemaConverterConfig(RegistryConfig):
    """Settings of the JsonSchemaConverter."""

    object_additional_properties = Bool(
        default=True, importance=MEDIUM, doc="Whether to allow additional properties for object schemas."
    )
    use_optional_for_nonrequired = Bool(
        default=False, importance=MEDIUM, doc="Whether to set non-required properties to be optional."
    )
    decimal_format = Str(
        default="BASE64",
        importance=LOW,
        validator=one_of_ignoring_case("BASE64", "NUMERIC"),
        doc=(
            "Controls which format this converter will serialize decimals in. This value is case insensitive and can "
            "be either 'BASE64' (default) or 'NUMERIC'"
        ),
    )
    flatten_singleton_unions = Bool(default=True, importance=LOW, doc="Whether to flatten singleton unions")
    json_fail_invalid_schema = Bool(
        default=False,
        importance=MEDIUM,
        doc="Whether to fail serialization if the payload does not match the schema",
    )


class JsonSchemaConverter(RegistryConverter):
    """JSON, with its JSON Schemas in a registry."""

    config_class: ClassVar[type[Config]] = JsonSchemaConverterConfig
    java_class = "io.confluent.connect.json.JsonSchemaConverter"
    kind = KIND
    write_failure = "Converting Kafka Connect data to byte[] failed due to serialization error of topic {topic}: "
    read_failure = "Converting byte[] to Kafka Connect data failed due to serialization error of topic {topic}: "

    def make_format(self, config: RegistryConfig) -> Format:
        """JSON with these settings of the mapping."""
        assert isinstance(config, JsonSchemaConverterConfig)
        from linkspan.convert.json_schema.format import JsonSchemaFormat  # noqa: PLC0415 - see linkspan.convert.later_imports

        return JsonSchemaFormat(
            Options(
                open_objects=config.object_additional_properties,
                optional_unless_required=config.use_optional_for_nonrequired,
                numeric_decimals=config.decimal_format.upper() == "NUMERIC",
                flatten=config.flatten_singleton_unions,
                generalized=config.generalized_sum_type_support,
                keep_nulls=config.ignore_default_for_nullables,
            ),
            validates=config.json_fail_invalid_schema,
        )
