"""The conformance kit on our own connectors: every case passes, or is left out for the reason that is named here."""

from __future__ import annotations

import pytest

from linkspan.testing import Adapter, check
from tests.testing.adapters import Datagen, FileSink, FileSource, LedgerSink

NO_OUTAGE = {"stop.while-the-outside-is-away", "retry.outage"}
NO_STORED_OFFSETS = {
    "kill.before-stored_offsets",
    "kill.after-stored_offsets",
    "retry.stored-offsets",
    "sharing.one-sleeps",
}
TWO_TASKS = {"sharing.two-tasks"}
IN_TRANSACTIONS = {"kill.before-commit_offsets", "kill.after-commit_offsets", "retry.commit-offsets"}
NOT_IN_TRANSACTIONS = {"kill.before-commit_transaction", "kill.after-commit_transaction"}
NO_TYPED_KEYS = {"configuration.wrong-types"}
NO_REQUIRED_KEYS = {"configuration.required-keys"}


@pytest.mark.parametrize(
    ("adapter", "guarantee", "skipped"),
    [
        (FileSource, "EXACTLY_ONCE", NO_OUTAGE | TWO_TASKS | IN_TRANSACTIONS),
        (Datagen, "AT_LEAST_ONCE", NO_OUTAGE | TWO_TASKS | NOT_IN_TRANSACTIONS),
        (FileSink, "AT_LEAST_ONCE", NO_OUTAGE | NO_STORED_OFFSETS | NO_TYPED_KEYS | NO_REQUIRED_KEYS),
        (LedgerSink, "EXACTLY_ONCE", NO_TYPED_KEYS),
    ],
)
def test_our_connectors_keep_what_they_promise(adapter: type[Adapter], guarantee: str, skipped: set[str], tmp_path):
    report = check(adapter, folder=tmp_path)
    assert report.passed, report.text()
    assert report.guarantee == guarantee
    assert {case.name for case in report.cases if case.verdict == "skipped"} == skipped, report.text()
