"""What has to be true of a cluster in which nothing goes wrong any more."""

from __future__ import annotations

from tests.simulation.children import Item, Run
from tests.simulation.cluster import Cluster, Process
from tests.simulation.wishes import User

TARGET_STATES = {"STARTED": "RUNNING", "PAUSED": "PAUSED", "STOPPED": "STOPPED"}


def group_problems(cluster: Cluster) -> list[str]:
    """Whether there is one group that all are in, and all know the same."""
    found = [] if cluster.coordinator.state == "stable" else [f"the group is {cluster.coordinator.state}"]
    if cluster.coordinator.members.keys() != {process.membership.member_id for process in cluster.processes.values()}:
        found.append(f"the group consists of {list(cluster.coordinator.members)}")
    for process in cluster.processes.values():
        if process.stopping:
            found.append(f"{process.name} is stopping")
        if not process.settled or not process.herder._group.settled:
            found.append(f"{process.name} has no settled part in the group")
        if process.herder._group._delayed is not None:
            found.append(f"{process.name} waits for lost work")
        if process.configs.snapshot.offset != cluster.config_topic.end(0) and cluster.config_topic.end(0):
            found.append(f"{process.name} has not read the config topic to its end")
    return found


def lost_wishes(cluster: Cluster, user: User) -> list[str]:
    """Whether each connector is what the user was told it is."""
    snapshot = next(iter(cluster.processes.values())).configs.snapshot
    found = []
    for name, wish in user.wishes.items():
        config = snapshot.connectors.get(name)
        version = None if config is None else config["version"]
        targets = {snapshot.targets.get(name, "STARTED")} if version is not None else {t for _, t in wish.possible}
        if not any((version, target) in wish.possible for target in targets):
            found.append(f"{name} has version {version} and is {targets}, but should be one of {wish.possible}")
    return found


def problems(cluster: Cluster, user: User) -> list[str]:
    """Everything that is not as it has to be; what hangs or has failed may be so."""
    found = group_problems(cluster)
    if found:
        return found
    process = next(iter(cluster.processes.values()))
    snapshot = process.configs.snapshot
    cut = {name for name in snapshot.connectors if not _uncut(cluster, name)}
    wanted: set[Item] = {(name, -1) for name in snapshot.connectors}
    wanted |= {(name, n) for name in cut for n in snapshot.tasks(name) if snapshot.targets.get(name) != "STOPPED"}
    owners: dict[Item, Run] = {}
    for item, runs in cluster.book.runs.items():
        if item[1] >= 0 and item[0] in snapshot.connectors and item[0] not in cut:
            continue
        if runs and item not in wanted:
            found.append(f"{item} runs on {', '.join(runs)}, but should not")
        found += [f"{run} still waits until older tasks are fenced out" for run in runs.values() if run.taking_over]
        if len(runs) > 1:
            found.append(f"{item} runs on {', '.join(runs)}")
        if runs:
            owners[item] = next(iter(runs.values()))
    found += [f"{item} runs nowhere" for item in sorted(wanted - owners.keys())]
    if found:
        return found
    for item in sorted(wanted):
        found += _outdated(cluster, process, item, owners[item], owners[item[0], -1])
    for process in cluster.processes.values():
        found += _untruths(process, cut, wanted, owners)
    return found + lost_wishes(cluster, user)


def _outdated(cluster: Cluster, process: Process, item: Item, run: Run, instance: Run) -> list[str]:
    """Whether an item runs with the newest configuration, and there are as many tasks as there should be."""
    name, number = item
    snapshot = process.configs.snapshot
    config, target = snapshot.connectors[name], snapshot.targets.get(name, "STARTED")
    if run.state == "UNASSIGNED":
        return []  # it hangs, and is told nothing before it is restarted
    if run.state == "RESTARTING":
        return [f"{item} waits for its restart"]
    if run.target != target:
        return [f"{item} should be {target}, but {run.target} was asked of it"]
    if number < 0 and run.config != config:
        return [f"{item} runs with {run.config}, but should with {config}"]
    if instance.state != "RUNNING":
        return []
    if number < 0:
        count = min(int(str(config["tasks.max"])), cluster.parts_of(name))
        if snapshot.task_counts.get(name) != count or name in snapshot.inconsistent:
            return [f"{name} has {snapshot.task_counts.get(name)} tasks, but should have {count}"]
    elif run.config["version"] != config["version"]:
        return [f"{item} runs with version {run.config['version']}, but should with {config['version']}"]
    return []


def _uncut(cluster: Cluster, name: str) -> bool:
    """Whether a connector's tasks are not known to all workers, and cannot be made anew for now.

    That is so when the task configurations were written by half, or compacted away, or the connector's configuration
    is newer than they are and what is read of the topic after a compaction begins with them; and the instance, which
    would make them anew, does not run.
    """
    snapshots = [process.configs.snapshot for process in cluster.processes.values()]
    running = any(run.state == "RUNNING" for run in cluster.book.runs.get((name, -1), {}).values())
    counts = {None if name in snapshot.inconsistent else snapshot.task_counts.get(name) for snapshot in snapshots}
    return not running and (len(counts) > 1 or any(name in snapshot.inconsistent for snapshot in snapshots))


def _untruths(process: Process, cut: set[str], wanted: set[Item], owners: dict[Item, Run]) -> list[str]:
    """Whether the statuses that a worker knows are those of what runs."""
    found = []
    snapshot = process.configs.snapshot
    for name, tasks in process.statuses.recorded().items():
        numbers = tasks if process.statuses.connector(name) is None else [-1, *tasks]
        found += [
            f"{process.name} has read a status of {name}-{number}, which does not exist"
            for number in numbers
            if (name, number) not in wanted
            and not (name in snapshot.connectors and name not in cut)
            and number >= snapshot.task_counts.get(name, 0)
        ]
    for item in sorted(wanted):
        run = owners[item]
        if run.state == "UNASSIGNED":
            continue  # it hangs
        status = process.statuses.connector(item[0]) if item[1] < 0 else process.statuses.task(*item)
        said = None if status is None else (status.state, status.worker_id)
        worker = f"{run.process.partition('.')[0]}:8083"
        if said != (run.state, worker):
            found.append(f"{process.name} knows {said} of {item}, which is {run.state} on {run.process}")
    return found


def broken(cluster: Cluster) -> list[Run]:
    """What has failed or hangs, and can be restarted."""
    runs = [run for here in cluster.book.runs.values() for run in here.values()]
    return [
        run
        for run in runs
        if run.state not in {"RUNNING", "PAUSED", "STOPPED"} and (run.item[1] < 0 or not _uncut(cluster, run.item[0]))
    ]
