from __future__ import annotations

from itertools import pairwise

import pytest

from linkspan.api.errors import (
    BatchError,
    ConfigError,
    ConnectError,
    CredentialsError,
    DataError,
    FencedError,
    NotFoundError,
    OutageError,
    RetriableError,
    ThrottledError,
    UnreachableError,
)
from linkspan.task.reaction import (
    RefusedRecordError,
    as_outage,
    code_of,
    explains_itself,
    is_hopeless,
    is_of_record,
)


def caused(*errors):
    """Each error is the cause of the one before it."""
    for effect, cause in pairwise(errors):
        effect.__cause__ = cause
    return errors[0]


@pytest.mark.parametrize("error", [OutageError("x"), UnreachableError("x"), ThrottledError("x", 3.0)])
def test_an_outage_is_one(error):
    assert as_outage(error) is error


@pytest.mark.parametrize("error", [ConnectionRefusedError("no"), ConnectionResetError("no"), TimeoutError("late")])
def test_a_connection_that_fails_is_an_outage_whatever_library_says_so(error):
    outage = as_outage(error)
    assert isinstance(outage, UnreachableError)
    assert type(error).__name__ in str(outage)
    assert outage.__cause__ is error


@pytest.mark.parametrize("error", [RetriableError("x"), DataError("x"), ValueError("x"), OSError("x")])
def test_other_failures_are_none(error):
    assert as_outage(error) is None


def test_what_a_person_has_to_mend_is_hopeless():
    errors = [CredentialsError("x"), ConfigError("x"), FencedError("x"), DataError("x"), RetriableError("x"), OSError()]
    assert [is_hopeless(error) for error in errors] == [True, True, True, False, False, False]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ValueError("x"), "plugin"),
        (ConnectError("x"), "connect"),
        (caused(ConnectError("x"), ValueError("y")), "plugin"),
        (caused(ConnectError("x"), CredentialsError("y")), "credentials"),
        (caused(ConnectError("x"), CredentialsError("y"), OSError("z")), "credentials"),
        (caused(ConnectError("put failed"), DataError("Tolerance exceeded"), ValueError("y")), "data"),
        (caused(ConnectError("x"), ConfigError("y")), "config"),
        (caused(ConnectError("x"), ThrottledError("y")), "outage.throttled"),
    ],
)
def test_the_code_of_a_failure_is_that_of_its_innermost_cause_with_one(error, code):
    assert code_of(error) == code


def test_a_lack_of_memory_is_no_verdict_on_the_record():
    assert not is_of_record(MemoryError())
    assert as_outage(MemoryError()) is None


def test_the_code_of_an_error_that_is_its_own_cause_is_found():
    error, other = DataError("x"), ValueError("y")
    caused(error, error)
    assert code_of(caused(ConnectError("put failed"), error)) == "data"
    assert code_of(caused(error, other, error)) == "data"


@pytest.mark.parametrize(
    ("error", "explained"),
    [
        (ConfigError("x"), True),
        (CredentialsError("x"), True),
        (NotFoundError("x"), True),
        (caused(DataError("x"), ValueError("y")), True),
        (caused(ConnectError("put failed"), BatchError("x", {0: DataError("y")})), True),
        (caused(RefusedRecordError("x"), DataError("y"), ValueError("z")), True),
        (caused(ConnectError("given up"), UnreachableError("x")), True),
        (caused(RefusedRecordError("x"), ValueError("a mistake of a transform")), False),
        (caused(ConnectError("put failed"), KeyError("a mistake of a connector")), False),
        (ConnectError("x"), False),
        (ValueError("x"), False),
    ],
)
def test_who_says_on_purpose_what_is_wrong_has_explained_it(error, explained):
    assert explains_itself(error) == explained
