"""Whether this worker may join its group: it must have every plugin that the group's connectors need.

A worker that joined without them would be given work that it can only fail.
"""

from __future__ import annotations

from linkspan.api.errors import UnsupportedError
from linkspan.herder.config_snapshot import ConfigSnapshot
from linkspan.plugins.catalog import Catalog
from linkspan.plugins.requirements import missing

__all__ = ["JoinRefusedError", "check_plugins"]


class JoinRefusedError(UnsupportedError):
    """Connectors of the group need plugins that this worker does not have."""

    code = "unsupported.join"


def check_plugins(catalog: Catalog, snapshot: ConfigSnapshot) -> None:
    """Raise JoinRefusedError, with the list, when a connector of the group needs a plugin that is not here."""
    lacking = {name: missing(catalog, config) for name, config in sorted(snapshot.connectors.items())}
    lines = [f"  {name}: {', '.join(texts)}" for name, texts in lacking.items() if texts]
    if lines:
        listed = "\n".join(lines)
        raise JoinRefusedError(
            "This worker does not join its group, because connectors there need plugins that it does not have:\n"
            f"{listed}\n"
            "Install them, or set linkspan.join.unsupported=allow to join all the same; what this worker is given of "
            "these connectors then becomes FAILED."
        )
