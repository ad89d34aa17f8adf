"""Limits of control groups, read from folders as both versions lay them out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from linkspan.worker.control_groups import ControlGroups, Use

UNLIMITED = "9223372036854771712\n"
GIB = 1 << 30


@pytest.fixture
def groups(tmp_path: Path) -> Callable[..., ControlGroups]:
    """Control groups out of files; their names with two underscores for a slash and a dash for a dot."""

    def make(membership: str, **files: object) -> ControlGroups:
        (tmp_path / "membership").write_text(membership)
        for name, content in files.items():
            path, _, file = name.rpartition("__")
            folder = tmp_path / "mount" / path.replace("__", "/")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / file.replace("_", ".", 1)).write_text(f"{content}\n")
        return ControlGroups(tmp_path / "membership", tmp_path / "mount")

    return make


def test_without_files_there_is_no_limit(tmp_path: Path):
    found = ControlGroups(tmp_path / "none", tmp_path)
    assert (found.processors(), found.memory(), found.memory_limit(), found.processes()) == (None, None, None, None)


# --- processors


def test_a_quota_of_the_second_version_counts(groups):
    assert groups("0::/pod/app\n", pod__app__cpu_max="150000 100000").processors() == 1.5


def test_the_smallest_quota_around_counts(groups):
    nested = {"pod__app__cpu_max": "max 100000", "pod__cpu_max": "50000 100000", "cpu_max": "400000 100000"}
    assert groups("0::/pod/app\n", **nested).processors() == 0.5


def test_a_quota_of_the_first_version_counts_as_a_container_sees_it(groups):
    membership = "4:memory:/docker/1\n3:cpu,cpuacct:/docker/1\n"
    assert groups(membership, cpu__cpu_cfs_quota_us=200000, cpu__cpu_cfs_period_us=100000).processors() == 2.0


def test_no_quota_of_the_first_version_is_none(groups):
    assert groups("3:cpu:/\n", cpu__cpu_cfs_quota_us=-1, cpu__cpu_cfs_period_us=100000).processors() is None


# --- memory


def test_memory_of_the_second_version_is_used_but_for_the_cache_of_files(groups):
    stat = "anon 300\ninactive_file 500\nactive_file 100\nslab_reclaimable 7\nslab_unreclaimable 50"
    found = groups("0::/app\n", app__memory_max=2000, app__memory_current=1007, app__memory_stat=stat)
    assert found.memory() == Use("memory.max", 2000, 400)
    assert found.memory_limit() == 2000


def test_memory_of_the_first_version_counts_what_is_inside_nested_groups(groups):
    stat = "inactive_file 1\nactive_file 2\ntotal_inactive_file 500\ntotal_active_file 100"
    files = {"limit_in_bytes": 2000, "usage_in_bytes": 1000, "stat": stat}
    found = groups("4:memory:/app\n", **{f"memory__app__memory_{name}": text for name, text in files.items()})
    assert found.memory() == Use("memory.limit_in_bytes", 2000, 400)


@pytest.mark.parametrize(
    ("membership", "files"),
    [
        ("0::/\n", {"memory_max": "max", "memory_current": 10}),
        ("4:memory:/\n", {"memory__memory_limit_in_bytes": UNLIMITED, "memory__memory_usage_in_bytes": 10}),
    ],
)
def test_memory_without_a_limit_is_not_watched(groups, membership, files):
    assert groups(membership, **files).memory() is None


def test_of_nested_limits_the_one_counts_that_is_reached_first(groups):
    inner = {"pod__app__memory_max": 2 * GIB, "pod__app__memory_current": GIB}
    outer = {"pod__memory_max": 3 * GIB, "pod__memory_current": 3 * GIB - 5}
    found = groups("0::/pod/app\n", **inner, **outer)
    assert found.memory() == Use("memory.max", 3 * GIB, 3 * GIB - 5)
    assert found.memory_limit() == 2 * GIB


def test_a_limit_that_is_changed_counts_at_once(groups, tmp_path: Path):
    found = groups("0::/\n", memory_max=2000, memory_current=1000)
    (tmp_path / "mount" / "memory.max").write_text("1500\n")
    assert found.memory() == Use("memory.max", 1500, 1000)


# --- processes


def test_processes_are_limited_in_both_versions(groups):
    assert groups("0::/app\n", app__pids_max=100, app__pids_current=40).processes() == Use("pids.max", 100, 40)
    assert groups("8:pids:/\n", pids__pids_max=50, pids__pids_current=20).processes() == Use("pids.max", 50, 20)


def test_processes_without_a_limit_are_not_counted(groups):
    assert groups("0::/\n", pids_max="max", pids_current=20).processes() is None
