"""What a worker measures of its part in its group; names are those of the original's metrics (spec/runtime.md 8)."""

from __future__ import annotations

from linkspan.herder.participant import Participant
from linkspan.herder.protocol import CONNECTOR
from linkspan.observe.metrics import Family, labels

__all__ = ["group_metrics"]


def group_metrics(group: Participant, protocol: str) -> list[Family]:
    """The values now.

    Args:
        group: this worker's part in it.
        protocol: ``connect.protocol`` in small letters.
    """
    connectors = sum(number == CONNECTOR for _, number in group.items)
    rebalance = "kafka_connect_worker_rebalance_"
    coordinator = "kafka_connect_coordinator_"
    info = labels(connect_protocol=protocol.upper(), leader_name=group.leader_url or "")
    values: list[tuple[Family, float, str]] = [
        (Family("linkspan_group_member", "gauge", "Whether this worker is in its group."), group.outside is None, ""),
        (Family("linkspan_group_leader", "gauge", "Whether this worker leads its group."), group.leads, ""),
        (Family(f"{rebalance}info", "gauge", "Protocol of the group, and the leader's address."), 1, info),
        (Family(f"{rebalance}epoch", "gauge", "Generation of the group."), group.generation, ""),
        (Family(f"{rebalance}rebalancing", "gauge", "Whether a rebalance is under way."), not group.settled, ""),
        (
            Family(f"{rebalance}completed_rebalances_total", "counter", "Rebalances that this worker took part in."),
            group.rounds,
            "",
        ),
        (Family(f"{coordinator}assigned_connectors", "gauge", "Connectors assigned to this worker."), connectors, ""),
        (
            Family(f"{coordinator}assigned_tasks", "gauge", "Tasks assigned to this worker."),
            len(group.items) - connectors,
            "",
        ),
    ]
    for family, value, label_text in values:
        family.add(value, label_text)
    return [family for family, _, _ in values]
