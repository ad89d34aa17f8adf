from __future__ import annotations

import traceback

import pytest

from linkspan.task.traces import Traces, text_of


def raised(raising):
    try:
        raising()
    except Exception as error:  # noqa: BLE001 - whatever it is
        return error
    raise AssertionError


def plain():
    raise ValueError("x")


def without_text():
    raise KeyError


def caused():
    try:
        plain()
    except ValueError as error:
        raise RuntimeError("y") from error


def in_handling():
    try:
        plain()
    except ValueError:
        raise RuntimeError("y")  # noqa: B904 - this is about just that


def suppressed():
    try:
        plain()
    except ValueError:
        raise RuntimeError("y") from None


def noted():
    error = ValueError("x")
    error.add_note("more")
    raise error


def grouped():
    raise ExceptionGroup("several", [raised(plain), raised(caused)])


def syntax():
    compile("1 +", "f", "eval")


@pytest.mark.parametrize(
    "raising",
    [plain, without_text, caused, in_handling, suppressed, noted, grouped, syntax],
    ids=lambda item: item.__name__,
)
def test_a_trace_is_the_one_that_python_writes(raising):
    error = raised(raising)
    assert Traces().text(error) == "".join(traceback.format_exception(error))


def test_errors_from_one_place_have_their_own_texts():
    def fail(text):
        raise ValueError(text)

    traces = Traces()
    first, second = (raised(lambda text=text: fail(text)) for text in ("one", "two"))
    assert traces.text(first).endswith("ValueError: one\n")
    assert traces.text(second).endswith("ValueError: two\n")
    assert traces.text(second) == "".join(traceback.format_exception(second))


def test_an_error_in_a_circle_has_an_end():
    first, second = ValueError("1"), ValueError("2")
    first.__cause__, second.__cause__ = second, first
    assert "ValueError: 1" in Traces().text(first)


def test_an_error_that_cannot_say_what_it_is():
    class MuteError(Exception):
        def __str__(self):
            raise RuntimeError

    assert text_of(MuteError()).endswith("MuteError, whose text cannot be made")
    assert "whose text cannot be made" in Traces().text(MuteError())
