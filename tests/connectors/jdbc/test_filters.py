"""Which tables are read, and by which columns (spec/jdbc.md 5.2, 5.3 and 4.6)."""

from __future__ import annotations

import re

import pytest

from linkspan.api import ConfigError, ConnectError
from linkspan_connectors.jdbc.assignment import check_names, groups, task_configs
from linkspan_connectors.jdbc.filters import ColumnMapping, TableFilter, compiled, mapped_columns
from linkspan_connectors.jdbc.identifiers import Quotes, TableId

ORDERS, ITEMS, LOG = TableId(None, "shop", "Orders"), TableId(None, "shop", "items"), TableId(None, "ops", "log")
ALL = [ORDERS, ITEMS, LOG]
QUOTED = Quotes('"', '"').table


def chosen(chooser: TableFilter) -> list[TableId]:
    return chooser.chosen(ALL, QUOTED)


def test_without_a_list_all_tables_are_read():
    assert chosen(TableFilter()) == ALL


@pytest.mark.parametrize("name", ["shop.Orders", '"shop"."Orders"', "Orders"])
def test_a_whitelist_has_full_names_quoted_names_or_bare_names(name):
    assert chosen(TableFilter(frozenset({name}))) == [ORDERS]
    assert chosen(TableFilter(not_names=frozenset({name}))) == [ITEMS, LOG]


@pytest.mark.parametrize("name", ["shop.Orders", '"shop"."Orders"', "Orders"])
def test_names_of_a_whitelist_that_no_table_has_are_told(name):
    chooser = TableFilter(frozenset({name, "orders", "ops.items"}))
    assert chooser.unknown(chosen(chooser), QUOTED) == ["ops.items", "orders"]
    assert TableFilter().unknown(ALL, QUOTED) == []


def test_the_case_of_a_name_counts():
    assert chosen(TableFilter(frozenset({"orders"}))) == []


def test_patterns_match_the_whole_full_name():
    assert chosen(TableFilter(patterns=[re.compile(r"shop\..*")])) == [ORDERS, ITEMS]
    assert chosen(TableFilter(patterns=[re.compile("shop")])) == []


@pytest.mark.parametrize(
    "pattern",
    [r"(?<schema>shop)\..*", r"sho++p\.\p{Alpha}+", r"(?i)SHOP\..*", r"\Qshop.\E(Orders|items)", r"(?!ops).*\z"],
)
def test_patterns_are_those_of_java(pattern):
    assert chosen(TableFilter(patterns=[compiled("table.include.list", pattern)])) == [ORDERS, ITEMS]


@pytest.mark.parametrize("pattern", ["shop.(", "[a-z&&[^b]]", "(?P<schema>shop)", "shop.{a}"])
def test_a_pattern_that_is_none_or_cannot_be_translated_is_refused_at_its_key(pattern):
    with pytest.raises(ConfigError, match="in the regular expression") as error:
        compiled("table.include.list", pattern)
    assert error.value.key == "table.include.list"


def test_excluded_are_some_of_the_included():
    chooser = TableFilter(patterns=[re.compile(".*")], not_patterns=[re.compile(r"shop\..*")])
    assert chosen(chooser) == [LOG]


def test_a_mapping_names_the_columns_of_the_tables_that_match():
    mappings = [
        ColumnMapping.of("k", r"shop\..*:[changed|made]", lists=True),
        ColumnMapping.of("k", "ops.log:[at]", lists=True),
    ]
    assert mapped_columns("k", mappings, ORDERS) == ("changed", "made")
    assert mapped_columns("k", mappings, LOG) == ("at",)


def test_a_mapping_of_one_column_has_no_brackets():
    assert ColumnMapping.of("k", "shop.items:id", lists=False).columns == ("id",)


@pytest.mark.parametrize(
    "item", ["shop.items", "shop.items:", ":[a]", "shop.items:a", "shop.items:[a||b]", "sh(op:[a]"]
)
def test_a_mapping_of_another_form_is_refused_at_its_key(item):
    with pytest.raises(ConfigError) as error:
        ColumnMapping.of("timestamp.columns.mapping", item, lists=True)
    assert error.value.key == "timestamp.columns.mapping"


def test_each_table_matches_exactly_one_item():
    one = ColumnMapping.of("k", ".*:[a]", lists=True)
    other = ColumnMapping.of("k", r"shop\..*:[b]", lists=True)
    with pytest.raises(ConfigError, match=r"Several items of k match the table shop\.Orders"):
        mapped_columns("k", [one, other], ORDERS)
    with pytest.raises(ConfigError, match=r"No item of k matches the table ops\.log"):
        mapped_columns("k", [other], LOG)


@pytest.mark.parametrize(
    ("count", "most", "sizes"), [(7, 3, [3, 2, 2]), (8, 3, [3, 3, 2]), (2, 5, [1, 1]), (3, 1, [3]), (0, 3, [])]
)
def test_tables_are_shared_out_in_runs_that_differ_by_one_the_longer_first(count, most, sizes):
    made = groups(list(range(count)), most)
    assert [len(group) for group in made] == sizes
    assert [item for group in made for item in group] == list(range(count))


def test_tables_of_the_same_name_would_go_to_one_topic():
    with pytest.raises(ConnectError, match=r"duplicate unqualified table names: shop\.t, ops\.t"):
        check_names([TableId(None, "shop", "t"), TableId(None, "ops", "t")])


def test_one_task_waits_while_tables_are_not_known():
    assert task_configs({"a": "b"}, None, 3) == [{"a": "b", "tables": "", "tables.fetched": "false"}]


def test_one_task_tells_that_there_are_no_tables():
    assert task_configs({}, [], 3) == [{"tables": "", "tables.fetched": "true"}]


def test_tasks_have_their_tables():
    assert task_configs({}, ['"a"', '"b"', '"c"'], 2) == [
        {"tables": '"a","b"', "tables.fetched": "true"},
        {"tables": '"c"', "tables.fetched": "true"},
    ]
