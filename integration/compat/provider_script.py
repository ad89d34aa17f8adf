"""Configurations that refer to values of config providers, over REST.

Placeholders as in connector_script.py; ``${DIR}`` also has the files that :func:`secrets_in` makes. The workers have
the providers ``file`` and ``dir``, which may read below ``${DIR}/allowed`` only, and ``env`` for variables that begin
with ``LINKSPAN_COMPAT_``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from integration.compat.connector_script import connector, of
from integration.compat.exchange import Difference, Step

__all__ = ["PROVIDER_STEPS", "VARIABLES", "provider_settings", "secrets_in"]

KAFKA: Final = "org.apache.kafka.common.config.provider."
VARIABLES: Final = {"LINKSPAN_COMPAT_TASKS": "1", "LINKSPAN_COMPAT_FLUSH": "300"}

FILE: Final = "${file:${DIR}/allowed/p.properties:%s}"
DIRECTORY: Final = "${dir:${DIR}/allowed/d:%s}"
SOURCE: Final = {
    "connector.class": "FileStreamSource",
    "tasks.max": "${env:LINKSPAN_COMPAT_TASKS}",
    "file": FILE % "in",
    "topic": DIRECTORY % "topic",
    "errors.tolerance": "${file:${DIR}//allowed/../allowed/p.properties:tolerance}",
}
SINK: Final = {
    "connector.class": "FileStreamSink",
    "topics": DIRECTORY % "topic",
    "file": f"{FILE % 'folder'}/out${{env::LINKSPAN_COMPAT_TASKS}}.txt",
    "transforms": "t",
    "transforms.t.type": FILE % "transform",
    "transforms.t.regex": "(.*)",
    "transforms.t.replacement": "$1",
}
SOURCE_CHECK: Final = "PUT /connector-plugins/FileStreamSource/config/validate"
UNKNOWN: Final = (
    "${vault:x:y}${dir:${DIR}/allowed/d:gone}${file:/etc/passwd:root}${env:PATH}${dir:${DIR}:x}${a}"
    "${env: LINKSPAN_COMPAT_TASKS}"
)
LEAVES_UNKNOWN: Final = {"name": "left", **SOURCE, "topic": UNKNOWN}

SHOWN: Final = Difference(200, 200, "Value of a key with a reference, in the answer to a validation")
UNREADABLE: Final = Difference(500, 400, "Config provider that refuses a path, in a validation or submission")

PROVIDER_STEPS: Final = (
    Step("validate", SOURCE_CHECK, {"name": "a", **SOURCE}, differs=SHOWN),
    Step("validate a wrong value", SOURCE_CHECK, {"name": "a", **SOURCE, "tasks.max": FILE % "in"}, differs=SHOWN),
    Step("validate what nobody knows", SOURCE_CHECK, LEAVES_UNKNOWN, differs=SHOWN),
    Step(
        "validate an unreadable file",
        SOURCE_CHECK,
        {"name": "a", **SOURCE, "file": "${file:${DIR}/allowed/x:y}"},
        differs=UNREADABLE,
    ),
    Step("create", "POST /connectors", connector("a", SOURCE), leads_to=of("a", "RUNNING")),
    Step("info", "GET /connectors/a"),
    Step("config", "GET /connectors/a/config"),
    Step("tasks", "GET /connectors/a/tasks"),
    Step("expanded", "GET /connectors?expand=info"),
    Step("status", "GET /connectors/a/status", until=('"id":0,"state":"RUNNING"',)),
    Step("sink", "POST /connectors", connector("b", SINK), leads_to=of("b", "RUNNING")),
    Step("sink tasks", "GET /connectors/b/tasks"),
    Step(
        "create with an unreadable file",
        "POST /connectors",
        connector("c", {**SOURCE, "file": "${file:${DIR}/allowed/x:y}"}),
        differs=UNREADABLE,
    ),
    Step(
        "create with a path for a variable",
        "POST /connectors",
        connector("c", {**SOURCE, "file": "${env:/x:y}"}),
        differs=UNREADABLE,
    ),
    Step("put", "PUT /connectors/a/config", {**SOURCE, "batch.size": FILE % "batch"}, leads_to=of("a", "RUNNING")),
    Step("tasks after put", "GET /connectors/a/tasks"),
    Step("patch", "PATCH /connectors/a/config", {"batch.size": None, "x": "${vault:p:k}"}, leads_to=of("a", "RUNNING")),
    Step("tasks after patch", "GET /connectors/a/tasks"),
    Step("delete sink", "DELETE /connectors/b", leads_to=of("b", "-")),
    Step("delete", "DELETE /connectors/a", leads_to=of("a", "-")),
)


def provider_settings(folder: Path) -> Mapping[str, object]:
    """Worker settings that declare the providers, and use them."""
    return {
        "config.providers": "file,dir,env",
        "config.providers.file.class": f"{KAFKA}FileConfigProvider",
        "config.providers.file.param.allowed.paths": f"{folder}/x/../allowed",
        "config.providers.dir.class": f"{KAFKA}DirectoryConfigProvider",
        "config.providers.dir.param.allowed.paths": f"/tmp/../{folder}/allowed,/nowhere/..",
        "config.providers.env.class": f"{KAFKA}EnvVarConfigProvider",
        "config.providers.env.param.allowlist.pattern": "LINKSPAN_COMPAT_.*",
        "offset.flush.interval.ms": "${env:LINKSPAN_COMPAT_FLUSH}",
        "value.converter": f"${{file:{folder}/allowed/p.properties:converter}}",
        "client.id": "${vault:x:y}",
    }


def secrets_in(folder: Path, topic: str) -> None:
    """Files for the providers."""
    inside = folder / "allowed" / "d"
    inside.mkdir(parents=True)
    (inside / "topic").write_text(topic)
    (folder / "allowed" / "p.properties").write_text(
        f"in={folder}/in.txt\nfolder={folder}\ntolerance=all\nbatch=1000\n"
        "transform=org.apache.kafka.connect.transforms.RegexRouter\n"
        "converter=org.apache.kafka.connect.storage.StringConverter\n"
    )
