"""Jobs of children: the task itself, and questions that are answered once. Run in the child, main thread.

Each takes the port and the arguments of the ``run`` message. Those that talk to the log with the worker's own
credentials (``cluster_id``, ``ensure_topic`` and the group offsets) load no plugin.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from linkspan.api.connector import SinkConnector, SourceConnector
from linkspan.api.errors import ConflictError, ConnectError, UnsupportedError
from linkspan.api.records import TopicPartition
from linkspan.api.task import SinkTask
from linkspan.config import definition
from linkspan.log.port import Log, OutgoingBatch, TopicSpec
from linkspan.plugins.catalog import Catalog
from linkspan.worker import sink_offsets
from linkspan.worker.child import ChannelPort, unpack

__all__ = [
    "alter_group_offsets",
    "alter_sink_offsets",
    "alter_source_offsets",
    "cluster_id",
    "ensure_topic",
    "fence_producers",
    "give_up_place",
    "group_offsets",
    "plugin_config",
    "plugin_folders",
    "reset_group_offsets",
    "scan",
    "stored_sink_offsets",
    "task",
    "validate",
    "write_once",
]

Args = Mapping[str, Any]


def task(port: ChannelPort, args: Args) -> None:
    """Run a task to its end."""
    from linkspan.task.host import run_task  # noqa: PLC0415 - one-shot questions do without the data plane

    run_task(unpack(args["spec"]), port)


def scan(port: ChannelPort, args: Args) -> object:
    """Import plugins of one place; the catalog as JSON."""
    from linkspan.plugins.discovery import scan as scan_plugins  # noqa: PLC0415 - only here

    port.calling("import")
    return Catalog(scan_plugins(args["location"], args["package"])).to_json()


def plugin_folders(port: ChannelPort, args: Args) -> list[str]:
    """Folders of ``plugin.path`` that hold plugins."""
    from linkspan.plugins.discovery import folders  # noqa: PLC0415 - only here

    port.calling("plugin.path")
    return folders(args["plugin_path"])


def validate(port: ChannelPort, args: Args) -> dict[str, Any]:
    """Check a connector configuration."""
    from linkspan.plugins.concealment import concealed  # noqa: PLC0415 - only here
    from linkspan.plugins.preflight import validate_connector  # noqa: PLC0415 - only here

    port.calling("validate")
    infos = validate_connector(Catalog.from_json(args["catalog"]), args["props"], worker=args["worker"])
    return concealed(infos, args["written"], args["unresolved"])


def plugin_config(port: ChannelPort, args: Args) -> list[dict[str, Any]]:
    """Keys of a plugin."""
    from linkspan.plugins.definitions import plugin_config as describe  # noqa: PLC0415 - only here

    port.calling("config")
    keys: list[dict[str, Any]] = describe(Catalog.from_json(args["catalog"]), args["name"])
    return keys


def _fresh(args: Args, direction: type[Any], question: str) -> Any:  # noqa: ANN401 - either direction
    """A connector to ask a question; it has its configuration if it answers that one itself."""
    from linkspan.plugins.loading import load  # noqa: PLC0415 - only here

    made = load(unpack(args["plugin"]))()
    if not isinstance(made, direction):
        message = f"{type(made).__qualname__} is no {direction.__name__}"
        raise UnsupportedError(message)
    if getattr(type(made), question) is not getattr(direction, question):
        made.config = definition.load(type(made).config_class, args["config"])
    return made


def _alter(port: ChannelPort, args: Args, connector: Any, offsets: Any) -> bool:  # noqa: ANN401 - as above
    port.calling("alter_offsets")
    try:
        return bool(connector.alter_offsets(args["config"], offsets))
    except (NotImplementedError, UnsupportedError) as error:
        message = (
            f"Failed to modify offsets for connector {args['name']} because it doesn't support external modification "
            "of offsets"
        )
        raise ConnectError(message) from error


def alter_source_offsets(port: ChannelPort, args: Args) -> bool:
    """Let a fresh source connector judge or apply offsets."""
    offsets = [(partition, offset) for partition, offset in args["offsets"]]
    return _alter(port, args, _fresh(args, SourceConnector, "alter_offsets"), offsets)


def alter_sink_offsets(port: ChannelPort, args: Args) -> bool:
    """Let a fresh sink connector judge or apply offsets."""
    offsets = {TopicPartition(topic, partition): offset for topic, partition, offset in args["offsets"]}
    return _alter(port, args, _fresh(args, SinkConnector, "alter_offsets"), offsets)


def stored_sink_offsets(port: ChannelPort, args: Args) -> list[list[Any]] | None:
    """What a fresh sink connector says its target stores, as triples; None when it stores no offsets.

    Raises:
        UnsupportedError: its tasks store offsets, but it cannot tell of them.
    """
    connector = _fresh(args, SinkConnector, "stored_offsets")
    of_task = getattr(connector.task_class, "stored_offsets", SinkTask.stored_offsets)
    if of_task is not SinkTask.stored_offsets and type(connector).stored_offsets is SinkConnector.stored_offsets:
        message = (
            f"Tasks of connector {args['name']} store offsets with their data, but {type(connector).__qualname__} has "
            "no stored_offsets and alter_offsets to read and change them; change them in the target itself"
        )
        raise UnsupportedError(message)
    port.calling("stored_offsets")
    found = connector.stored_offsets(args["config"])
    return None if found is None else [[place.topic, place.partition, offset] for place, offset in found.items()]


def cluster_id(port: ChannelPort, args: Args) -> str | None:
    """Identity of the log."""
    log: Log = unpack(args["log"])
    port.calling("cluster_id")
    admin = log.admin(args["settings"])
    try:
        return admin.cluster_id(args["timeout"])
    finally:
        admin.close()


def ensure_topic(_: ChannelPort, args: Args) -> bool:
    """Create a topic unless it exists; whether it was created now."""
    log: Log = unpack(args["log"])
    spec = TopicSpec(*args["topic"])
    admin = log.admin(args["settings"])
    try:
        return spec.name not in admin.describe_topics([spec.name]) and admin.create_topic(spec)
    finally:
        admin.close()


def group_offsets(_: ChannelPort, args: Args) -> list[list[Any]]:
    """Offsets of a consumer group as triples of topic, partition and offset."""
    log: Log = unpack(args["log"])
    admin = log.admin(args["settings"])
    try:
        return [[place.topic, place.partition, offset] for place, offset in admin.group_offsets(args["group"]).items()]
    finally:
        admin.close()


def alter_group_offsets(_: ChannelPort, args: Args) -> None:
    """Set and delete offsets of a consumer group without members."""
    log: Log = unpack(args["log"])
    places = {TopicPartition(topic, partition): offset for topic, partition, offset in args["offsets"]}
    kept = {place: offset for place, offset in places.items() if offset is not None}
    gone = [place for place, offset in places.items() if offset is None]
    admin = log.admin(args["settings"])
    try:
        if kept:
            admin.alter_group_offsets(args["group"], kept)
        if gone:
            admin.delete_group_offsets(args["group"], gone)
    except ConflictError as error:
        raise ConnectError(sink_offsets.still_in_use(args["name"], "alter")) from error
    finally:
        admin.close()


def fence_producers(_: ChannelPort, args: Args) -> None:
    """Make it impossible for older tasks of a connector to write anything."""
    log: Log = unpack(args["log"])
    admin = log.admin(args["settings"])
    try:
        admin.fence_producers(args["ids"], args["timeout"])
    finally:
        admin.close()


def write_once(_: ChannelPort, args: Args) -> None:
    """Write records in one transaction."""
    log: Log = unpack(args["log"])
    records: list[tuple[bytes, bytes | None]] = unpack(args["records"])
    batch = OutgoingBatch(args["topic"], [value for _, value in records], keys=[key for key, _ in records])
    writer = log.transactional_writer(args["settings"], args["id"])
    try:
        writer.open(args["timeout"])
        writer.begin()
        writer.send(batch)
        writer.commit(args["timeout"])
    finally:
        writer.close()


def give_up_place(port: ChannelPort, args: Args) -> None:
    """Take a dead sink task out of its consumer group."""
    from linkspan.task.place import give_up_place as give_up  # noqa: PLC0415 - only here

    port.calling("give_up_place")
    give_up(unpack(args["spec"]), args["seconds"])


def reset_group_offsets(_: ChannelPort, args: Args) -> None:
    """Forget a consumer group."""
    log: Log = unpack(args["log"])
    admin = log.admin(args["settings"])
    try:
        admin.delete_group(args["group"])
    except ConflictError as error:
        raise ConnectError(sink_offsets.still_in_use(args["name"], "reset")) from error
    finally:
        admin.close()
