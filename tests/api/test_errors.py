from __future__ import annotations

import ast
import inspect

from linkspan.api import ConfigError, ConnectError, errors


def classes():
    return [item for item in vars(errors).values() if inspect.isclass(item) and issubclass(item, ConnectError)]


def test_codes_are_unique():
    codes = [item.code for item in classes()]
    assert len(set(codes)) == len(codes)


def test_tree_in_the_docstring_names_every_class():
    assert all(item.__name__ in errors.__doc__ for item in classes())


def test_api_imports_nothing_but_the_standard_library_and_itself():
    import sys
    from pathlib import Path

    for path in Path(errors.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.startswith("linkspan.api") or name.partition(".")[0] in sys.stdlib_module_names, path


def test_invalid_value_is_reported_as_kafka_does():
    assert str(ConfigError.invalid("k", ["a", None, True])) == "Invalid value [a, null, true] for configuration k"
