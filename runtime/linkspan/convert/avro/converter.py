"""AvroConverter: Avro in Confluent's format."""

from __future__ import annotations

from typing import ClassVar

from linkspan.api import LOW, MEDIUM, Bool, Config
from linkspan.convert.avro.options import KIND, Options
from linkspan.convert.format import Format
from linkspan.convert.later_imports import needs
from linkspan.convert.registered import RegistryConverter
from linkspan.convert.registry_settings import RegistryConfig

__all__ = ["AvroConverter", "AvroConverterConfig"]

needs("fastavro")


class AvroConverterConfig(RegistryConfig):
    """Settings of the AvroConverter."""

    enhanced_avro_schema_support = Bool(
        default=False,
        importance=MEDIUM,
        doc=(
            "Toggle for enabling/disabling enhanced avro schema support: Enum symbol preservation and Package Name "
            "awareness"
        ),
    )
    scrub_invalid_names = Bool(
        default=False,
        importance=MEDIUM,
        doc="Whether to scrub invalid names by replacing invalid characters with valid ones",
    )
    connect_meta_data = Bool(
        default=True,
        importance=LOW,
        doc="Toggle for enabling/disabling connect converter to add its meta data to the output schema or not",
    )
    allow_optional_map_keys = Bool(
        default=False,
        importance=LOW,
        doc="Allow optional string map key when converting from Connect Schema to Avro Schema.",
    )
    flatten_singleton_unions = Bool(default=False, importance=LOW, doc="Whether to flatten singleton unions")
    discard_type_doc_default = Bool(
        default=False,
        importance=LOW,
        doc="Only Avro field doc and default will be retained during conversion of Avro and Connect schema.",
    )


class AvroConverter(RegistryConverter):
    """Avro, with its schemas in a registry."""

    config_class: ClassVar[type[Config]] = AvroConverterConfig
    java_class = "io.confluent.connect.avro.AvroConverter"
    kind = KIND
    write_failure = "Failed to serialize Avro data from topic {topic} : "
    read_failure = "Failed to deserialize data for topic {topic} to Avro: "
    takes_any_null = False

    def make_format(self, config: RegistryConfig) -> Format:
        """Avro with these settings of the mapping."""
        assert isinstance(config, AvroConverterConfig)
        from linkspan.convert.avro.format import AvroFormat  # noqa: PLC0415 - see linkspan.convert.later_imports

        return AvroFormat(
            Options(
                enhanced=config.enhanced_avro_schema_support,
                scrub=config.scrub_invalid_names,
                metadata=config.connect_meta_data,
                optional_keys=config.allow_optional_map_keys,
                flatten=config.flatten_singleton_unions,
                field_doc_only=config.discard_type_doc_default,
                generalized=config.generalized_sum_type_support,
                keep_nulls=config.ignore_default_for_nullables,
            )
        )
