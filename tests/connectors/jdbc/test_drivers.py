"""How statements with JDBC's parameters are put to drivers, and what is said when a driver is missing."""

import pytest

from linkspan.api import ConfigError
from linkspan_connectors.jdbc.drivers import driver, with_nulls, with_placeholders

STATEMENT = """SELECT "a?", '?''?', `b?`, [c?], c ?? d -- ?
/* ? */ FROM t WHERE x % 2 = ? AND y = $$?$$ AND z = ?"""


@pytest.mark.parametrize(
    ("style", "text"),
    [
        ("qmark", "x % 2 = ? AND y = $$?$$ AND z = ?"),
        ("format", "x %% 2 = %s AND y = $$?$$ AND z = %s"),
        ("numeric", "x % 2 = :1 AND y = $$?$$ AND z = :2"),
        ("dollar", "x % 2 = $1 AND y = $$?$$ AND z = $2"),
    ],
)
def test_only_parameters_become_placeholders(style, text):
    begin = """SELECT "a?", '?''?', `b?`, [c?], c ? d -- ?\n/* ? */ FROM t WHERE """
    assert with_placeholders(STATEMENT, style) == begin + text


def test_percent_signs_are_doubled_with_parameters_only():
    assert with_placeholders("SELECT '%' WHERE a % 2", "format", parameters=False) == "SELECT '%' WHERE a % 2"
    assert with_placeholders("SELECT '%' WHERE a % ?", "format") == "SELECT '%%' WHERE a %% %s"


def test_an_index_of_an_array_is_no_name_in_brackets():
    assert with_placeholders("SELECT a[1], b[?]", "format") == "SELECT a[1], b[%s]"


def test_parameters_can_be_nulls():
    assert with_nulls("SELECT '?' WHERE a = ?") == "SELECT '?' WHERE a = NULL"


def test_a_missing_driver_says_what_to_install():
    with pytest.raises(ConfigError, match=r"The driver for X is missing .*: pip install 'linkspan\[jdbc\]'"):
        driver("no_such_driver", "linkspan[jdbc]", "X")
