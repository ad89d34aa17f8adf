"""Keys that every converter with a schema registry takes; names, defaults and texts are Confluent's."""

from __future__ import annotations

from linkspan.api import HIGH, LOW, MEDIUM, Bool, ClassName, Config, Int, Password, Str, StrList
from linkspan.api.validators import one_of
from linkspan.convert.subjects import DEFAULT_STRATEGY

__all__ = ["RegistryConfig"]


class RegistryConfig(Config):
    """Settings of a converter that keeps its schemas in a registry."""

    converter_type = Str(
        default="value",
        validator=one_of("key", "value", "header"),
        importance=LOW,
        doc="How this converter will be used.",
    )
    schema_registry_url = StrList(
        importance=HIGH,
        doc=(
            "Comma-separated list of URLs for schema registry instances that can be used to register or look up "
            "schemas. If you wish to get a connection to a mocked schema registry for testing, you can specify a scope "
            "using the 'mock://' pseudo-protocol."
        ),
    )
    max_schemas_per_subject = Int(
        default=1000, importance=LOW, doc="Maximum number of schemas to create or cache locally."
    )
    normalize_schemas = Bool(
        default=False,
        importance=MEDIUM,
        doc="Whether to normalize schemas, which generally ignores ordering when it is not significant",
    )
    auto_register_schemas = Bool(
        default=True,
        importance=MEDIUM,
        doc="Specify if the Serializer should attempt to register the Schema with Schema Registry",
    )
    use_schema_id = Int(default=-1, importance=LOW, doc="Schema ID to use for serialization")
    id_compatibility_strict = Bool(
        default=True,
        importance=LOW,
        doc=(
            "Whether to check for backward compatibility between the schema with the given ID and the schema of the "
            "object to be serialized"
        ),
    )
    use_latest_version = Bool(
        default=False,
        importance=LOW,
        doc="Specify if the Serializer should use the latest subject version for serialization",
    )
    latest_compatibility_strict = Bool(
        default=True,
        importance=LOW,
        aliases=("schema.compatibility.strict",),
        doc=(
            "Whether to check for backward compatibility between the latest subject version and the Schema of the "
            "object to be serialized"
        ),
    )
    basic_auth_credentials_source = Str(
        default="URL",
        importance=MEDIUM,
        validator=one_of("URL", "USER_INFO", "SASL_INHERIT"),
        doc=(
            "Specify how to pick the credentials for Basic Auth header. The supported values are URL, USER_INFO and "
            "SASL_INHERIT"
        ),
    )
    bearer_auth_credentials_source = Str(
        default=None,
        importance=MEDIUM,
        doc=(
            "Specify how to pick the credentials for Bearer Auth header: STATIC_TOKEN (bearer.auth.token) or "
            "OAUTHBEARER (bearer.auth.issuer.endpoint.url, bearer.auth.client.id, bearer.auth.client.secret, "
            "bearer.auth.scope). No Bearer Auth without it."
        ),
    )
    schema_registry_basic_auth_user_info = Password(
        default="",
        importance=MEDIUM,
        doc="Specify the user info for Basic Auth in the form of {username}:{password}",
    )
    basic_auth_user_info = Password(
        default="",
        importance=MEDIUM,
        doc="Specify the user info for Basic Auth in the form of {username}:{password}",
    )
    bearer_auth_token = Password(
        default="", importance=MEDIUM, doc="Specify the Bearer token to be used for authentication"
    )
    bearer_auth_client_secret = Password(
        default="", importance=MEDIUM, doc="The secret of the OAuth client, for OAUTHBEARER"
    )
    key_subject_name_strategy = ClassName(
        default=DEFAULT_STRATEGY,
        importance=MEDIUM,
        doc=(
            "Determines how to construct the subject name under which the key schema is registered with the schema "
            "registry. By default, <topic>-key is used as subject."
        ),
    )
    value_subject_name_strategy = ClassName(
        default=DEFAULT_STRATEGY,
        importance=MEDIUM,
        doc=(
            "Determines how to construct the subject name under which the value schema is registered with the schema "
            "registry. By default, <topic>-value is used as subject."
        ),
    )
    proxy_host = Str(
        default="",
        importance=LOW,
        doc=(
            "The hostname, or address, of the proxy server that will be used to connect to the schema registry "
            "instances."
        ),
    )
    proxy_port = Int(
        default=-1,
        importance=LOW,
        doc="The port number of the proxy server that will be used to connect to the schema registry instances.",
    )
    http_connect_timeout_ms = Int(
        default=60_000,
        importance=LOW,
        doc="Specify the http connection timeout in milliseconds for schema registry client",
    )
    http_read_timeout_ms = Int(
        default=60_000, importance=LOW, doc="Specify the http read timeout in milliseconds for schema registry client"
    )
    generalized_sum_type_support = Bool(
        default=False,
        importance=MEDIUM,
        doc=(
            "Toggle for enabling/disabling generalized sum type support: interoperability of enum/union with other "
            "schema formats"
        ),
    )
    ignore_default_for_nullables = Bool(
        default=False,
        importance=MEDIUM,
        doc="Whether to ignore the default for nullable fields when the value is null",
    )
    schemas_cache_config = Int(
        default=1000, importance=LOW, aliases=("schemas.cache.size",), doc="Size of the converted schemas cache"
    )
