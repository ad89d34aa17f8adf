"""Cases of the conformance kit can fail: connectors that break a promise on purpose are found out, and only there."""

from __future__ import annotations

import pytest

from linkspan.testing import Adapter, check
from tests.testing import broken


@pytest.mark.parametrize(
    ("adapter", "fails", "why", "passes"),
    [
        (broken.DuplicatesThoughExactlyOnce, "kill.after-put", "written twice", "kill.before-start"),
        (broken.DuplicatesThoughExactlyOnce, "retry.put-that-had-written", "written twice", "retry.put"),
        (broken.LosesOnKill, "kill.after-commit_group", "were lost", "stop.while-nothing-comes"),
        (broken.CommitsBeforeTheNextCall, "kill.after-commit_group", "were lost", "stop.while-nothing-comes"),
        (broken.CommitsBeforeFlush, "kill.after-commit_group", "were lost", "kill.before-start"),
        (broken.HangsInStop, "stop.while-nothing-comes", "had to be killed", "configuration.accepted"),
        (broken.HangsInStop, "stop.after-put", "had not ended", "configuration.accepted"),
        (broken.Reorders, "delivery.everything-in-order", "arrived after a record", "kill.after-put"),
        (broken.ChokesOnGaps, "delivery.bad-records-tolerated", "has a gap", "delivery.everything-in-order"),
        (broken.SharesNothing, "sharing.two-tasks", "were lost", "delivery.everything-in-order"),
        (broken.DropsInAnOutage, "retry.outage", "were lost", "delivery.everything-in-order"),
        (broken.LetsZombiesWrite, "sharing.one-sleeps", "written twice", "kill.after-put"),
        (broken.Misconfigured, "configuration.accepted", "is refused", "configuration.declared"),
        (broken.IgnoresPause, "delivery.pause-and-resume", "not PAUSED", "configuration.accepted"),
        (broken.ForgetsOffsets, "delivery.restart-in-good-order", "written twice", "delivery.everything-in-order"),
        (broken.ForgetsOffsets, "kill.after-commit_offsets", "written twice", "kill.before-start"),
        (broken.ForgetsItsTransactions, "kill.after-commit_transaction", "written twice", "kill.before-start"),
        (broken.SkipsOnKill, "kill.after-commit_offsets", "were lost", "kill.before-send"),
        (broken.LosesTheFirst, "delivery.everything-in-order", "were lost", "configuration.accepted"),
        (broken.ReadsEverythingTwice, "sharing.two-tasks", "written twice", "delivery.restart-in-good-order"),
        (broken.ForgetsOffsets, "offsets.altered", "records came again, from", "delivery.everything-in-order"),
        (broken.LiesAboutOffsets, "offsets.reset", "did not change them as asked", "kill.after-put"),
        (broken.Undocumented, "configuration.declared", "without documentation: secret.knob", "kill.after-send"),
    ],
)
def test_a_broken_promise_is_found_out(adapter: type[Adapter], fails: str, why: str, passes: str, tmp_path):
    report = check(adapter, only=[fails, passes], folder=tmp_path)
    assert not report.passed
    assert report.case(fails).verdict == "failed", report.text()
    assert why in report.case(fails).reason
    assert report.case(passes).verdict == "passed", report.text()
