"""The calls that both workers answer when they are in a group: those of every worker, and what only groups have."""

from __future__ import annotations

from typing import Final

from integration.compat.connector_script import (
    CONNECTOR_STEPS,
    FROM_FILES,
    MISTAKE,
    RENAMED,
    SINK,
    SOURCE,
    UNKNOWN,
    connector,
    of,
)
from integration.compat.exchange import Difference, Step
from integration.compat.plugin_script import PLUGIN_STEPS

__all__ = ["BETWEEN_WORKERS", "GROUP_STEPS", "in_group"]

SOURCE_CHECK: Final = "PUT /connector-plugins/FileStreamSource/config/validate"
SINK_CHECK: Final = "PUT /connector-plugins/FileStreamSink/config/validate"
GROUP_OF_SINK: Final = "consumer.override.group.id"

# HmacSHA256 with a key that is nobody's.
SIGNED: Final = {
    "X-Connect-Authorization": "d2hhdCBhIG5pY2UgZGF5IGZvciBhIHNpZ25hdHVyZSE=",
    "X-Connect-Request-Signature-Algorithm": "HmacSHA256",
}
UNSIGNED: Final = {"X-Connect-Request-Signature-Algorithm": "HmacSHA256"}
BY_NOTHING: Final = {"X-Connect-Authorization": SIGNED["X-Connect-Authorization"]}
BY_UNKNOWN: Final = {**SIGNED, "X-Connect-Request-Signature-Algorithm": "HmacNone"}
BY_ANOTHER: Final = {**SIGNED, "X-Connect-Request-Signature-Algorithm": "HmacSHA1"}
NOT_BASE64: Final = {**SIGNED, "X-Connect-Authorization": "***"}

NOT_ENCODED: Final = Difference(400, 400, "Request between workers whose signature is not base64")

IN_GROUPS: Final = (
    Step("validate required", SOURCE_CHECK, {**SOURCE, "name": "v", "exactly.once.support": "REQUIRED"}),
    Step("validate boundary", SOURCE_CHECK, {**SOURCE, "name": "v", "transaction.boundary": "Connector"}),
    Step("validate odd guarantee", SOURCE_CHECK, {**SOURCE, "name": "v", "exactly.once.support": "perhaps"}),
    Step("validate source with the workers' group", SOURCE_CHECK, {**SOURCE, "name": "${OWN}"}),
    Step("validate sink in the workers' group", SINK_CHECK, {**SINK, "name": "v", GROUP_OF_SINK: "${GROUP}"}),
    Step("validate sink with the workers' group", SINK_CHECK, {**SINK, "name": "${OWN}"}),
    Step("validate sink in another group", SINK_CHECK, {**SINK, "name": "${OWN}", GROUP_OF_SINK: "other"}),
    Step("create sink in the workers' group", "POST /connectors", connector("${OWN}", SINK)),
    Step("create exactly once", "POST /connectors", connector("v", {**SOURCE, "exactly.once.support": "required"})),
)

BETWEEN_WORKERS: Final = (
    Step("inner", "POST /connectors?forward=false", connector("inner", SOURCE), leads_to=of("inner", "RUNNING")),
    Step("inner tasks without signature", "POST /connectors/inner/tasks", [{}]),
    Step("inner tasks unsigned", "POST /connectors/inner/tasks", [{}], headers=UNSIGNED),
    Step("inner tasks signed wrongly", "POST /connectors/inner/tasks", [{}], headers=SIGNED),
    Step("inner tasks signed by no algorithm", "POST /connectors/inner/tasks", [{}], headers=BY_NOTHING),
    Step("inner tasks signed by an unknown algorithm", "POST /connectors/inner/tasks", [{}], headers=BY_UNKNOWN),
    Step("inner tasks signed by another algorithm", "POST /connectors/inner/tasks", [{}], headers=BY_ANOTHER),
    Step(
        "inner tasks with a signature that is none",
        "POST /connectors/inner/tasks",
        [{}],
        headers=NOT_BASE64,
        differs=NOT_ENCODED,
    ),
    Step("inner tasks malformed", "POST /connectors/inner/tasks", "{", headers=SIGNED, differs=MISTAKE),
    Step("inner tasks of an unknown connector", "POST /connectors/nope/tasks", [{}], headers=SIGNED),
    Step("inner tasks without a body", "POST /connectors/inner/tasks", headers=SIGNED, differs=MISTAKE),
    Step("inner fence without signature", "PUT /connectors/inner/fence"),
    Step("inner fence signed wrongly", "PUT /connectors/inner/fence", headers=SIGNED),
    Step("inner fence signed wrongly, with a body", "PUT /connectors/inner/fence", {}, headers=SIGNED),
    Step("inner fence of an unknown connector", "PUT /connectors/nope/fence", headers=SIGNED),
    Step("inner is as it was", "GET /connectors/inner/tasks"),
    Step("inner restart here", "POST /connectors/inner/restart?forward=false", leads_to=("connector-inner RUNNING",)),
    Step("inner deleted here", "DELETE /connectors/inner?forward=false", leads_to=of("inner", "-")),
)

# Where one of the two takes what the other refuses, the topics would differ ever after.
_PARTING: Final = {RENAMED}


def _same(step: Step) -> bool:
    if step.differs is None or step.differs is MISTAKE:
        return True
    return step.differs not in _PARTING and not (step.differs.original == 415 and step.differs.linkspan < 300)


def in_group(step: Step) -> Step:
    """Unknown connectors are refused alike by the workers of groups."""
    return Step(**{**step.__dict__, "differs": None}) if step.differs is UNKNOWN else step


GROUP_STEPS: Final = (
    *(in_group(step) for step in (*CONNECTOR_STEPS, *PLUGIN_STEPS) if step not in FROM_FILES and _same(step)),
    *IN_GROUPS,
    *BETWEEN_WORKERS,
)
