"""Messages that were backed out too often go to the backout queue, as the JMS classes of IBM do it (spec/mq.md 3.8).

The queue manager only counts; whoever reads has to act.
"""

from __future__ import annotations

import logging
import time
from typing import Final, NamedTuple

from linkspan.api import RetriableError
from linkspan_connectors.ibmmq.client import Session
from linkspan_connectors.ibmmq.dead_letter import BACKOUT_THRESHOLD_REACHED, dead_letter
from linkspan_connectors.ibmmq.errors import failure
from linkspan_connectors.ibmmq.mqi import constants as mq
from linkspan_connectors.ibmmq.mqi.reasons import reason_text
from linkspan_connectors.ibmmq.mqi.structures import (
    Descriptor,
    fresh,
    object_descriptor,
    pack_descriptor,
    put_options,
    unpack_descriptor,
)

__all__ = ["Backouts"]

log = logging.getLogger(__name__)

_LOST: Final = frozenset({2003, 2009, 2018, 2019, 2024, 2059, 2161, 2162, 2195, 2202, 2203, 2273, 2279})
"""Reasons that concern the connection or its unit of work, not the queue that was put to."""
_FORBIDDEN: Final = frozenset({2035, 2063})
_INQUIRE: Final = mq.INQUIRE | mq.OPEN_FAIL_IF_QUIESCING
_PUT: Final = mq.PUT_SYNCPOINT | mq.PUT_FAIL_IF_QUIESCING


class _Rule(NamedTuple):
    """Of the queue: how often a message may be backed out (0 for ever), and where it goes then."""

    threshold: int
    queue: str


class Backouts:
    """Decides about messages that have been backed out before.

    Args:
        session: that reads them; what is moved is moved in its unit of work.
        queue: that is read.
    """

    def __init__(self, session: Session, queue: str) -> None:
        self._session = session
        self._queue = queue
        self._rule: _Rule | None = None

    def is_last_chance(self, count: int) -> bool:
        """Whether a message that was backed out so often would be moved after the next time."""
        threshold = self._known().threshold
        return 0 < threshold <= count + 1

    def moves(self, count: int) -> bool:
        """Whether a message that was backed out so often is to be moved."""
        threshold = self._known().threshold
        return 0 < threshold <= count

    def move(self, md: bytes, data: bytes, handle: int) -> bool:
        """Put a message to the backout queue, else to the dead letter queue, in the unit of work.

        Args:
            md: its packed descriptor.
            data: everything after that.
            handle: of the queue it was the last one to be got from.

        Returns:
            whether it is gone; False when neither queue takes it, and it has to be delivered after all.

        Raises:
            ConnectError: the connection or the unit of work was lost.
        """
        descriptor = unpack_descriptor(md)
        name = f"message {descriptor.msg_id.hex()}, which was backed out {descriptor.backout_count} times,"
        target = self._known().queue
        if target and self._put(target, md, data, handle):
            log.warning("%s was moved from queue %s to its backout queue %s", name.capitalize(), self._queue, target)
            return True
        if descriptor.report & mq.RO_DISCARD_MSG:
            log.warning("%s was discarded from queue %s, as it asks for itself", name.capitalize(), self._queue)
            return True
        return self._to_dead_letters(descriptor, data, handle, name)

    def _to_dead_letters(self, descriptor: Descriptor, data: bytes, handle: int, name: str) -> bool:
        target = self._dead_letter_queue()
        if target:
            access = self._session.access
            dead, content = dead_letter(
                descriptor,
                data,
                queue=self._queue,
                queue_manager=access.queue_manager,
                application=access.application,
                reason=BACKOUT_THRESHOLD_REACHED,
                now=time.time(),
            )
            if self._put(target, pack_descriptor(dead), content, handle):
                log.warning("%s was moved from queue %s to the dead letter queue", name.capitalize(), self._queue)
                return True
        log.error("%s can be moved to no queue, and is delivered from queue %s again", name.capitalize(), self._queue)
        return False

    def _put(self, queue: str, md: bytes, data: bytes, handle: int) -> bool:
        """Put with the context the message had, or with our own where we may not pass that on."""
        session = self._session
        for options, context in ((_PUT | mq.PUT_PASS_ALL_CONTEXT, handle), (_PUT, 0)):
            completion, reason = session.mqi.put1(
                session.handle, object_descriptor(queue), fresh(md), put_options(options, context), data
            )
            if completion != mq.FAILED:
                return True
            if reason in _LOST:
                session.failed(f"Putting a message to queue {queue} on {session.access.where}", reason)
            if reason != mq.R_NOT_AUTHORIZED:
                break
        log.warning("A message cannot be put to queue %s: %s", queue, reason_text(reason))
        return False

    def _known(self) -> _Rule:
        if self._rule is None:
            self._rule = self._inquired(self._queue)
        return self._rule

    def _inquired(self, queue: str, depth: int = 0) -> _Rule:
        """The rule of a queue, or of the one it is an alias of."""
        found = self._attributes(queue, (mq.Q_TYPE,))
        if found is None:
            return _Rule(0, "")
        if found[mq.Q_TYPE] == mq.QT_ALIAS and depth == 0:
            base = self._attributes(queue, (mq.BASE_OBJECT_NAME,))
            return self._inquired(_name(base, mq.BASE_OBJECT_NAME), depth + 1) if base else _Rule(0, "")
        if found[mq.Q_TYPE] != mq.QT_LOCAL:
            return _Rule(0, "")
        rule = self._attributes(queue, (mq.BACKOUT_THRESHOLD, mq.BACKOUT_REQ_Q_NAME))
        if rule is None:
            return _Rule(0, "")
        threshold = rule[mq.BACKOUT_THRESHOLD]
        return _Rule(threshold if isinstance(threshold, int) else 0, _name(rule, mq.BACKOUT_REQ_Q_NAME))

    def _dead_letter_queue(self) -> str:
        return _name(self._attributes("", (mq.DEAD_LETTER_Q_NAME,), mq.OT_Q_MGR), mq.DEAD_LETTER_Q_NAME)

    def _attributes(self, name: str, selectors: tuple[int, ...], kind: int = mq.OT_Q) -> dict[int, int | bytes] | None:
        """Attributes of an object; None, with a warning, when we may not know them."""
        session = self._session
        what = f"queue {name}" if kind == mq.OT_Q else "the queue manager"
        handle, completion, reason = session.mqi.open(session.handle, object_descriptor(name, kind), _INQUIRE)
        if completion != mq.FAILED:
            values, completion, reason = session.mqi.inquire(session.handle, handle, selectors)
            session.mqi.close(session.handle, handle)
            if completion == mq.OK:
                return dict(values)
        tried = f"Inquiring {what} on {session.access.where}"
        if reason not in _FORBIDDEN and isinstance(failure(tried, reason), RetriableError):
            session.failed(tried, reason)
        log.warning(
            "Attributes of %s cannot be inquired (%s): messages that are backed out again and again stay where they "
            "are. Grant the right +inq",
            what,
            reason_text(reason),
        )
        return None


def _name(values: dict[int, int | bytes] | None, selector: int) -> str:
    found = None if values is None else values.get(selector)
    return found.decode("utf-8", "replace").strip("\0 ") if isinstance(found, bytes) else ""
