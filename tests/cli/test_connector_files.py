from __future__ import annotations

import pytest

from linkspan.api import ConfigError
from linkspan.cli.connector_files import read


def written(tmp_path, text: str) -> str:
    path = tmp_path / "c.anything"
    path.write_text(text, "utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("text", "config", "target"),
    [
        ("name=c\nfile=f\n", {"name": "c", "file": "f"}, None),
        ('{"name": "c", "file": "f"}', {"name": "c", "file": "f"}, None),
        ('\ufeff{"name": "c", "file": "f"}', {"name": "c", "file": "f"}, None),
        (
            '{"name": "c", "a": 1.0E5, "b": true, "c": null, "d": 99999999999999999999}',
            {"name": "c", "a": "1.0E5", "b": "true", "c": None, "d": "99999999999999999999"},
            None,
        ),
        ("[x]=y\nname=c\n", {"[x]": "y", "name": "c"}, None),
        ('{"name": "c", "config": {"file": "f", "tasks.max": 2}}', {"name": "c", "file": "f", "tasks.max": "2"}, None),
        (
            '{"name": "c", "config": {"file": "f"}, "initial_state": "stopped", "x": 1}',
            {"name": "c", "file": "f"},
            "STOPPED",
        ),
    ],
)
def test_all_three_forms_are_read_whatever_the_extension(tmp_path, text, config, target):
    found = read(written(tmp_path, text))
    assert (found.name, found.config, found.target) == ("c", config, target)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file=f\n", "missing the mandatory 'name' configuration"),
        ('{"file": "f"}', "missing the mandatory 'name' configuration"),
        ('{"name": "c", "config": {"name": "d"}}', "doesn't match connector name"),
        ('{"name": "c", "config": {}, "initial_state": "asleep"}', 'Unknown "initial_state" asleep'),
        ('{"name": "c", "config": {"topics": ["t"]}}', "the value of topics must be a text"),
        ("a=\\u12", "line 1"),
        ('{"name":"c"', r"it is no valid JSON: .*line 1 column 12"),
        (' {"name":"c",\n"file":}', r"it is no valid JSON: .*line 2 column 8"),
        ("[1]", "it is JSON, but no object with the keys of a connector"),
        ('{"name":"c","n":[1]}', "it is JSON, but no object with the keys of a connector"),
        ("\ufeffname=c\nfile=f\n", "begins with a byte order mark, which spoils its first key name"),
    ],
)
def test_what_is_wrong_is_named_with_the_file(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message) as caught:
        read(written(tmp_path, text))
    assert "c.anything" in str(caught.value)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"Cannot read the connector configuration .*none"):
        read(str(tmp_path / "none"))
