"""For authors of connectors: try them before others do.

Public. :func:`check` tries one connector and gives a :class:`Report`: does it deliver everything, stop in time, survive
a SIGKILL at the boundary of every call, share its work, refuse a wrong configuration, keep the guarantee it declares.
An author writes an adapter of a few lines, a :class:`SourceAdapter` or a :class:`SinkAdapter`; ``linkspan conformance``
does the same on a command line. :class:`EmbeddedWorker` is a whole worker inside a test, for cases of one's own, with
:class:`Fault` to kill, freeze, stop or fail a task at an exact place.

Everything runs on the embedded log, in real task processes; no server is needed. Neighbours: uses the herder and the
worker as they are; nothing of the runtime but its command line imports this package.
"""

from linkspan.testing.adapters import Adapter, SinkAdapter, SourceAdapter
from linkspan.testing.conformance import case_names, check
from linkspan.testing.faults import Fault
from linkspan.testing.report import CaseResult, Report
from linkspan.testing.worker import EmbeddedWorker

__all__ = [
    "Adapter",
    "CaseResult",
    "EmbeddedWorker",
    "Fault",
    "Report",
    "SinkAdapter",
    "SourceAdapter",
    "case_names",
    "check",
]
