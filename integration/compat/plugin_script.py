"""The REST calls about plugins, validation and loggers, in addition to those of connector_script."""

from __future__ import annotations

from typing import Final

from integration.compat.connector_script import MISTAKE, SINK, SOURCE, TEXT
from integration.compat.exchange import Difference, Step
from integration.compat.transform_script import TRANSFORM_STEPS

__all__ = ["PLUGIN_STEPS"]

NO_CLASS: Final = Difference(500, 400, "`PUT …/validate` without a class or for an unknown one")
PLUGIN_VERSION: Final = "`GET /connector-plugins/…/config?version=` with nothing, or with what is no version"
NO_VERSION: Final = Difference(400, 200, PLUGIN_VERSION)
ODD_VERSION: Final = Difference(400, 400, PLUGIN_VERSION)

PLUGINS: Final = (
    Step("plugins", "GET /connector-plugins"),
    Step("plugins slash", "GET /connector-plugins/"),
    Step("plugins all", "GET /connector-plugins?connectorsOnly=false"),
    Step("plugins odd", "GET /connector-plugins?connectorsOnly=maybe"),
    Step("plugins TRUE", "GET /connector-plugins?connectorsOnly=TRUE"),
    Step("plugins empty", "GET /connector-plugins?connectorsOnly="),
    Step(
        "plugin config org.apache.kafka.connect.file.FileStreamSourceConnector",
        "GET /connector-plugins/org.apache.kafka.connect.file.FileStreamSourceConnector/config",
    ),
    Step("plugin config FileStreamSource", "GET /connector-plugins/FileStreamSource/config"),
    Step("plugin config FileStreamSourceConnector", "GET /connector-plugins/FileStreamSourceConnector/config"),
    Step("plugin config FileStreamSink", "GET /connector-plugins/FileStreamSink/config"),
    Step("plugin config StringConverter", "GET /connector-plugins/StringConverter/config"),
    Step("plugin config Nope", "GET /connector-plugins/Nope/config"),
    Step("plugin config JsonConverter", "GET /connector-plugins/JsonConverter/config"),
    Step("plugin config SimpleHeaderConverter", "GET /connector-plugins/SimpleHeaderConverter/config"),
    Step("plugin config ByteArrayConverter", "GET /connector-plugins/ByteArrayConverter/config"),
    Step("plugin config BooleanConverter", "GET /connector-plugins/BooleanConverter/config"),
    Step("plugin config ShortConverter", "GET /connector-plugins/ShortConverter/config"),
    Step("plugin config IntegerConverter", "GET /connector-plugins/IntegerConverter/config"),
    Step("plugin config LongConverter", "GET /connector-plugins/LongConverter/config"),
    Step("plugin config FloatConverter", "GET /connector-plugins/FloatConverter/config"),
    Step("plugin config DoubleConverter", "GET /connector-plugins/DoubleConverter/config"),
    Step(
        "plugin config org.apache.kafka.connect.json.JsonConverter",
        "GET /connector-plugins/org.apache.kafka.connect.json.JsonConverter/config",
    ),
    Step("plugin config Json", "GET /connector-plugins/Json/config"),
    Step("plugin config String", "GET /connector-plugins/String/config"),
    Step("plugin config slash", "GET /connector-plugins/FileStreamSource/config/"),
    Step("plugin config version", "GET /connector-plugins/FileStreamSource/config?version=9.9"),
    Step("plugin config version ok", "GET /connector-plugins/FileStreamSource/config?version=${VERSION}"),
    Step("plugin config version range", "GET /connector-plugins/FileStreamSource/config?version=%5B0.1,9)"),
    Step("plugin config version above", "GET /connector-plugins/FileStreamSource/config?version=%5B9,)"),
    Step("plugin config version empty", "GET /connector-plugins/FileStreamSource/config?version=", differs=NO_VERSION),
    Step(
        "plugin config version odd", "GET /connector-plugins/FileStreamSource/config?version=%5B1", differs=ODD_VERSION
    ),
    Step("plugin config connector", "GET /connector-plugins/Connector/config"),
    Step("validate", "PUT /connector-plugins/FileStreamSource/config/validate", {**SOURCE, "name": "v"}),
    Step(
        "validate full",
        "PUT /connector-plugins/org.apache.kafka.connect.file.FileStreamSourceConnector/config/validate",
        {**SOURCE, "name": "v"},
    ),
    Step(
        "validate errors",
        "PUT /connector-plugins/FileStreamSink/config/validate",
        {"connector.class": "FileStreamSink", "tasks.max": "0"},
    ),
    Step("validate mismatch", "PUT /connector-plugins/FileStreamSink/config/validate", SOURCE),
    Step("validate no class", "PUT /connector-plugins/FileStreamSink/config/validate", {"a": "b"}, differs=NO_CLASS),
    Step(
        "validate unknown class",
        "PUT /connector-plugins/Nope/config/validate",
        {"connector.class": "Nope"},
        differs=NO_CLASS,
    ),
    Step("validate empty", "PUT /connector-plugins/FileStreamSink/config/validate", differs=MISTAKE),
    Step("validate null", "PUT /connector-plugins/FileStreamSink/config/validate", "null", differs=MISTAKE),
    Step("validate malformed", "PUT /connector-plugins/FileStreamSink/config/validate", "{", differs=MISTAKE),
    Step(
        "validate name ctrl", "PUT /connector-plugins/FileStreamSource/config/validate", {**SOURCE, "name": "a\u0001b"}
    ),
    Step(
        "validate null value",
        "PUT /connector-plugins/FileStreamSource/config/validate",
        {"connector.class": "FileStreamSource", "tasks.max": "1", "file": None, "topic": "${TOPIC}", "name": "v"},
    ),
    Step(
        "validate nested",
        "PUT /connector-plugins/FileStreamSource/config/validate",
        {**SOURCE, "name": {"a": 1}},
        differs=MISTAKE,
    ),
    Step(
        "validate alias full",
        "PUT /connector-plugins/org.apache.kafka.connect.file.FileStreamSourceConnector/config/validate",
        {
            "connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector",
            "tasks.max": "1",
            "file": "${DIR}/in.txt",
            "topic": "${TOPIC}",
            "name": "v",
        },
    ),
    Step(
        "validate short with connector",
        "PUT /connector-plugins/FileStreamSourceConnector/config/validate",
        {**SOURCE, "name": "v"},
    ),
    Step(
        "validate sink",
        "PUT /connector-plugins/FileStreamSink/config/validate",
        {
            **SINK,
            "name": "v",
        },
    ),
    Step(
        "validate converters",
        "PUT /connector-plugins/FileStreamSource/config/validate",
        {
            **SOURCE,
            "name": "v",
            "key.converter": "org.apache.kafka.connect.json.JsonConverter",
            "key.converter.schemas.enable": "maybe",
            "value.converter": "StringConverter",
            "header.converter": "SimpleHeaderConverter",
        },
    ),
    Step(
        "validate unknown converter",
        "PUT /connector-plugins/FileStreamSource/config/validate",
        {**SOURCE, "name": "v", "value.converter": "Nope"},
    ),
    Step(
        "validate connector as converter",
        "PUT /connector-plugins/FileStreamSource/config/validate",
        {**SOURCE, "name": "v", "value.converter": "org.apache.kafka.connect.file.FileStreamSourceConnector"},
    ),
    Step(
        "validate unknown choices",
        "PUT /connector-plugins/FileStreamSink/config/validate",
        {
            **SINK,
            "name": "v",
            "errors.tolerance": "some",
            "config.action.reload": "maybe",
            "errors.retry.timeout": "soon",
        },
    ),
    Step(
        "validate topics twice",
        "PUT /connector-plugins/FileStreamSink/config/validate",
        {**SINK, "name": "v", "topics.regex": "x.*"},
    ),
    Step(
        "validate regex",
        "PUT /connector-plugins/FileStreamSink/config/validate",
        {**SINK, "name": "v", "topics": "", "topics.regex": "("},
    ),
    Step(
        "validate dead letters in topics",
        "PUT /connector-plugins/FileStreamSink/config/validate",
        {**SINK, "name": "v", "errors.deadletterqueue.topic.name": "${TOPIC}-3"},
    ),
    Step(
        "validate dead letters",
        "PUT /connector-plugins/FileStreamSink/config/validate",
        {**SINK, "name": "v", "errors.deadletterqueue.topic.name": "dead", "errors.tolerance": "all"},
    ),
    Step(
        "validate overrides",
        "PUT /connector-plugins/FileStreamSource/config/validate",
        {**SOURCE, "name": "v", "producer.override.linger.ms": "5", "producer.override.nobody": "1"},
    ),
    Step(
        "validate consumer overrides",
        "PUT /connector-plugins/FileStreamSink/config/validate",
        {
            **SINK,
            "name": "v",
            "consumer.override.max.poll.records": "5",
            "consumer.override.auto.offset.reset": "latest",
        },
    ),
    Step(
        "validate exactly once",
        "PUT /connector-plugins/FileStreamSource/config/validate",
        {**SOURCE, "name": "v", "exactly.once.support": "required", "transaction.boundary": "connector"},
    ),
    Step(
        "validate topic creation",
        "PUT /connector-plugins/FileStreamSource/config/validate",
        {**SOURCE, "name": "v", "topic.creation.groups": "a,b", "topic.creation.default.partitions": "1"},
    ),
    Step(
        "validate numbers of tasks",
        "PUT /connector-plugins/FileStreamSource/config/validate",
        {**SOURCE, "name": "v", "tasks.max": "two", "tasks.max.enforce": "perhaps"},
    ),
    Step(
        "validate numbers as JSON",
        "PUT /connector-plugins/FileStreamSource/config/validate",
        {**SOURCE, "name": "v", "tasks.max": 2, "batch.size": 0},
    ),
    Step(
        "validate own keys",
        "PUT /connector-plugins/FileStreamSource/config/validate",
        {**SOURCE, "name": "v", "batch.size": "many", "topic": "", "unknown.key": "x"},
    ),
    Step(
        "validate version",
        "PUT /connector-plugins/FileStreamSource/config/validate",
        {**SOURCE, "name": "v", "connector.plugin.version": "${VERSION}"},
    ),
    Step(
        "validate other version",
        "PUT /connector-plugins/FileStreamSource/config/validate",
        {**SOURCE, "name": "v", "connector.plugin.version": "9.9"},
    ),
    Step(
        "validate empty texts",
        "PUT /connector-plugins/FileStreamSink/config/validate",
        {**SINK, "name": "v", "topics": " , ", "file": "", "errors.log.enable": ""},
    ),
    Step("validate by another name", "PUT /connector-plugins/ileStreamSource/config/validate", SOURCE),
    Step("validate by package", "PUT /connector-plugins/file.FileStreamSourceConnector/config/validate", SOURCE),
)

LOGGERS: Final = (
    Step("loggers", "GET /admin/loggers"),
    Step("loggers slash", "GET /admin/loggers/"),
    Step("logger root", "GET /admin/loggers/root"),
    Step("logger ROOT", "GET /admin/loggers/ROOT"),
    Step("logger unknown", "GET /admin/loggers/nope.nope"),
    Step("logger no level", "PUT /admin/loggers/my.logger", {}),
    Step("logger null level", "PUT /admin/loggers/my.logger", {"level": None}),
    Step("logger bad level", "PUT /admin/loggers/my.logger", {"level": "FOO"}),
    Step("logger none", "PUT /admin/loggers/my.logger", differs=MISTAKE),
    Step("logger null", "PUT /admin/loggers/my.logger", "null", differs=MISTAKE),
    Step("logger number", "PUT /admin/loggers/my.logger", {"level": 5}),
    Step("logger malformed", "PUT /admin/loggers/my.logger", "{", differs=MISTAKE),
    Step("logger array", "PUT /admin/loggers/my.logger", "[]", differs=MISTAKE),
    Step("logger set", "PUT /admin/loggers/my.logger", {"level": "debug"}),
    Step("logger set extra", "PUT /admin/loggers/my.logger", {"level": "debug", "x": "y"}),
    Step("logger get", "GET /admin/loggers/my.logger"),
    Step("logger cluster", "PUT /admin/loggers/my.logger?scope=cluster", {"level": "WARN"}),
    Step("logger cluster seen", "GET /admin/loggers/my.logger", until=('"WARN"',)),
    Step("logger cluster caps", "PUT /admin/loggers/my.logger?scope=CLUSTER", {"level": "error"}),
    Step("logger cluster caps seen", "GET /admin/loggers/my.logger", until=('"ERROR"',)),
    Step("logger worker scope", "PUT /admin/loggers/my.logger?scope=worker", {"level": "INFO"}),
    Step("logger odd scope", "PUT /admin/loggers/my.logger?scope=odd", {"level": "INFO"}),
    Step("logger cluster bad", "PUT /admin/loggers/my.logger?scope=cluster", {"level": "FOO"}),
    Step("logger child", "PUT /admin/loggers/my.logger.child", {"level": "ERROR"}),
    Step("logger prefix", "PUT /admin/loggers/my.log", {"level": "TRACE"}),
    Step("logger after", "GET /admin/loggers/my.logger.child"),
    Step("logger delete", "DELETE /admin/loggers/my.logger"),
    Step("logger off", "PUT /admin/loggers/my.logger", {"level": "OFF"}),
    Step("logger all", "PUT /admin/loggers/my.logger", {"level": "ALL"}),
    Step("logger text type", "PUT /admin/loggers/my.logger", '{"level":"INFO"}', headers=TEXT),
    Step("end", "GET /connectors"),
    Step("logger inherited", "PUT /admin/loggers/my.fresh", {"level": "INFO"}),
    Step("loggers with an inherited one", "GET /admin/loggers"),
    Step("logger inherited seen", "GET /admin/loggers/my.fresh"),
    Step("logger inherited child", "PUT /admin/loggers/my.fresh.child", {"level": "WARN"}),
    Step("logger partly", "PUT /admin/loggers/my.fresh", {"level": "WARN"}),
    Step("logger lower case", "PUT /admin/loggers/my.fresh", {"level": "wArN"}),
    Step("logger below", "PUT /admin/loggers/my.parent.child", {"level": "INFO"}),
    Step("logger above", "PUT /admin/loggers/my.parent", {"level": "DEBUG"}),
    Step("logger below seen", "GET /admin/loggers/my.parent.child"),
    Step("loggers all", "GET /admin/loggers"),
)

PLUGIN_STEPS: Final = (*PLUGINS, *TRANSFORM_STEPS, *LOGGERS)
