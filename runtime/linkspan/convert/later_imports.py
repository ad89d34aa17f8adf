"""Modules that a converter imports when it is configured, and has to have from the start.

Every start of a worker imports each class of a converter, to list it. What takes long to import is left for those that
are used; that an extra is missing still shows in the list.
"""

from __future__ import annotations

from importlib.util import find_spec

__all__ = ["needs"]


def needs(*modules: str) -> None:
    """See that there are these modules, without importing them.

    Raises:
        ModuleNotFoundError: one is missing.
    """
    for name in modules:
        if find_spec(name) is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
