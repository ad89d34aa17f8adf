from __future__ import annotations

import json
import re
from importlib import metadata
from pathlib import Path
from typing import Any

import hypothesis
import pytest

import linkspan
from linkspan.api import ConfigError
from linkspan.testing import CaseResult, Report, case_names, check
from linkspan.testing.account import Account
from linkspan.testing.report import versions
from tests.testing import broken
from tests.testing.adapters import FileSource, LedgerSink

DOCS = Path(__file__).parents[2] / "docs"


def report(*cases: CaseResult) -> Report:
    return Report("c.C", "1", "sink", "AT_LEAST_ONCE", 1, "2026-01-01T00:00:00+00:00", 1.0, cases, {})


def fields(table: int) -> set[str]:
    """Names in the n-th table of the reference page."""
    page = (DOCS / "reference/conformance-record.md").read_text()
    return set(re.findall(r"^\| `(\w+)` \|", page.split("\n|---|---|---|\n")[table], re.MULTILINE))


def test_the_record_has_the_fields_of_its_reference_page():
    record: dict[str, Any] = json.loads(report(CaseResult("a.b", "passed")).to_json())
    assert set(record) == fields(1)
    assert set(record["cases"][0]) == fields(2)


@pytest.mark.parametrize(
    ("verdicts", "passed"),
    [(["passed", "skipped"], True), (["passed", "failed"], False), (["skipped"], False), ([], False)],
)
def test_a_connector_has_passed_when_cases_ran_and_none_failed(verdicts, passed):
    made = report(*(CaseResult(f"case.{number}", verdict) for number, verdict in enumerate(verdicts)))
    assert made.passed is passed
    assert json.loads(made.to_json())["verdict"] == ("passed" if passed else "failed")


def test_the_text_names_what_failed_before_what_was_skipped_and_says_nothing_of_the_rest():
    cases = [CaseResult("a", "skipped", "no outage"), CaseResult("b", "failed", "lost"), CaseResult("c", "passed")]
    lines = report(*cases).text().splitlines()
    assert lines[0] == "c.C 1 (sink), at least once"
    assert [line.split(":")[0] for line in lines[1:3]] == ["  failed  b", "  skipped a"]
    assert lines[-1] == "  1 passed, 1 failed, 1 skipped in 1.0 s, seed 1"


def test_the_same_seed_gives_the_same_counts_and_another_one_may_not(tmp_path):
    names = ["kill.before-put", "kill.after-put"]
    counts = []
    for number, seed in enumerate((1, 1, 2, 3, 4)):
        made = check(LedgerSink, seed=seed, only=names, folder=tmp_path / str(number))
        assert made.passed, made.text()
        assert made.versions["linkspan"] == linkspan.__version__
        counts.append([made.case(name).details["count"] for name in names])
    assert counts[0] == counts[1]
    assert any(count != counts[0] for count in counts[2:])


def test_the_versions_name_the_package_of_the_connector_and_what_it_requires():
    assert set(versions(broken.HonestConnector)) == {"linkspan", "kafka_connect", "python", "sqlite", "system"}
    found = versions(hypothesis.settings)  # any class of an installed package
    assert found["hypothesis"] == metadata.version("hypothesis")
    assert found["sortedcontainers"] == metadata.version("sortedcontainers")
    assert {"linkspan", "kafka_connect", "python", "sqlite", "system"} <= found.keys()


def test_every_case_is_in_a_group_of_the_how_to_page():
    page = (DOCS / "how-to/test-a-connector.md").read_text()
    groups = set(re.findall(r"^\| `(\w+)\.\*` \|", page, re.MULTILINE))
    assert {name.partition(".")[0] for direction in ("source", "sink") for name in case_names(direction)} == groups


def test_an_unknown_case_is_named_with_those_that_there_are():
    with pytest.raises(ConfigError, match=r"No case for a source is called kill\.after-put; there are configuration"):
        check(FileSource, only=["kill.after-put"])


def test_an_adapter_of_the_wrong_direction_is_refused():
    class Wrong(FileSource):
        connector = broken.HonestConnector

    with pytest.raises(ConfigError, match="Wrong names HonestConnector, which is no SourceConnector"):
        check(Wrong)


def test_a_case_that_an_adapter_exempts_is_left_out_with_the_reason(tmp_path):
    class Exempt(FileSource):
        exempt = {"configuration.*": "not ours"}  # noqa: RUF012

    made = check(Exempt, only=["configuration.declared", "delivery.everything-in-order"], folder=tmp_path)
    assert [(case.verdict, case.reason) for case in made.cases] == [("skipped", "Exempt: not ours"), ("passed", "")]


def test_an_adapter_that_raises_fails_its_case_and_is_cleaned_up(tmp_path):
    class Clumsy(FileSource):
        torn_down = 0

        def fill(self, texts):  # noqa: ARG002 - it gets to nothing
            raise OSError("the disk is full")

        def tear_down(self):
            Clumsy.torn_down += 1

    made = check(Clumsy, only=["delivery.everything-in-order"], folder=tmp_path)
    assert made.cases[0].verdict == "failed"
    assert "OSError: the disk is full" in made.cases[0].reason
    assert Clumsy.torn_down == 1


def test_an_adapter_that_cannot_clean_up_fails_a_case_that_would_have_passed(tmp_path):
    class Untidy(FileSource):
        def tear_down(self):
            raise OSError("still in use")

    made = check(Untidy, only=["configuration.accepted"], folder=tmp_path)
    assert [(case.verdict, case.reason) for case in made.cases] == [("failed", "Afterwards: OSError: still in use")]


def test_a_task_that_fails_before_a_fault_strikes_fails_the_case(tmp_path):
    class Refused(LedgerSink):
        def config(self):
            return {"file": "/no/such/folder/ledger"}

        def content(self):
            return ()

    made = check(Refused, only=["kill.before-put"], folder=tmp_path)
    assert made.cases[0].verdict == "failed"
    assert "has failed before put was called: " in made.cases[0].reason
    assert "unable to open database file" in made.cases[0].reason


def test_an_account_names_what_is_missing_twice_there_and_strange():
    account = Account.of(["a", "b", "c"], ["a", "a", "x"])
    assert (account.missing, account.duplicates, account.unknown) == (("b", "c"), ("a",), ("x",))
    assert str(account) == "3 found, 3 expected; 2 missing: b, c; 1 duplicates: a; 1 unknown: x"
