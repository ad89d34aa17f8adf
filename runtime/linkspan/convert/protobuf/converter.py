"""ProtobufConverter: Protobuf in Confluent's format."""

from __future__ import annotations

from typing import ClassVar

from linkspan.api import MEDIUM, Bool, Config
from linkspan.convert.format import Format
from linkspan.convert.later_imports import needs
from linkspan.convert.protobuf.options import KIND, Options
from linkspan.convert.registered import RegistryConverter
from linkspan.convert.registry_settings import RegistryConfig

__all__ = ["ProtobufConverter", "ProtobufConverterConfig"]

needs("antlr4", "google.protobuf", "proto_schema_parser")


class ProtobufConverterConfig(RegistryConfig):
    """Settings of the ProtobufConverter."""

    enhanced_protobuf_schema_support = Bool(
        default=False,
        importance=MEDIUM,
        doc="Toggle for enabling/disabling enhanced protobuf schema support: package name preservation",
    )
    scrub_invalid_names = Bool(
        default=False,
        importance=MEDIUM,
        doc="Whether to scrub invalid names by replacing invalid characters with valid ones",
    )
    int_for_enums = Bool(default=False, importance=MEDIUM, doc="Whether to represent enums as integers")
    optional_for_nullables = Bool(
        default=False, importance=MEDIUM, doc="Whether nullable fields should be specified with an optional label"
    )
    optional_for_proto2 = Bool(default=True, importance=MEDIUM, doc="Whether proto2 optionals are supported")
    wrapper_for_nullables = Bool(
        default=False, importance=MEDIUM, doc="Whether nullable fields should use primitive wrapper messages"
    )
    wrapper_for_raw_primitives = Bool(
        default=True,
        importance=MEDIUM,
        doc="Whether a wrapper message should be interpreted as a raw primitive at the root level",
    )
    generate_struct_for_nulls = Bool(
        default=False, importance=MEDIUM, doc="Whether to generate a default struct for null messages"
    )
    generate_index_for_unions = Bool(
        default=True, importance=MEDIUM, doc="Whether to suffix union names with an underscore followed by an index"
    )
    flatten_unions = Bool(default=False, importance=MEDIUM, doc="Whether to flatten unions (oneofs)")


class ProtobufConverter(RegistryConverter):
    """Protobuf, with its schemas in a registry."""

    config_class: ClassVar[type[Config]] = ProtobufConverterConfig
    java_class = "io.confluent.connect.protobuf.ProtobufConverter"
    kind = KIND
    write_failure = "Failed to serialize Protobuf data from topic {topic} : "
    read_failure = "Failed to deserialize data for topic {topic} to Protobuf: "

    def make_format(self, config: RegistryConfig) -> Format:
        """Protobuf with these settings of the mapping."""
        assert isinstance(config, ProtobufConverterConfig)
        from linkspan.convert.protobuf.format import ProtobufFormat  # noqa: PLC0415 - see linkspan.convert.later_imports

        return ProtobufFormat(
            Options(
                enhanced=config.enhanced_protobuf_schema_support,
                scrub=config.scrub_invalid_names,
                int_enums=config.int_for_enums,
                optional_nullables=config.optional_for_nullables,
                optional_proto2=config.optional_for_proto2,
                wrapped_nullables=config.wrapper_for_nullables,
                wrapped_primitives=config.wrapper_for_raw_primitives,
                structs_for_nulls=config.generate_struct_for_nulls,
                numbered_unions=config.generate_index_for_unions,
                flatten=config.flatten_unions,
                generalized=config.generalized_sum_type_support,
                keep_nulls=config.ignore_default_for_nullables,
            )
        )
