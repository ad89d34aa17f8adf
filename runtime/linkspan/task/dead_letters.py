"""The dead letter queue: a topic that gets records which failed for good (spec/runtime.md 4.14).

No offset behind a failed record may be committed before its letter is in the log: whoever commits asks :meth:`settle`
first. What a SIGKILL between any two steps leaves behind:

====  ==========================================  ===========================================================
Step  What happened                               A kill right after it
====  ==========================================  ===========================================================
1     a record failed, its letter waits here      it is read again, fails again
2     the writer has the letter                   as 1; the letter may be in the log twice then
3     the log has acknowledged the letter         as 2
4     offsets behind the record were committed    nothing: reading goes on after it
====  ==========================================  ===========================================================

What the topic refuses depends on why. For now (no room, nobody answers): the letter waits, and so does the task. Too
large: once more without its value, with headers that say what was left out. No right to write, a wrong password: the
task fails, or every bad record would be lost. Anything else is logged and counted, as in Kafka.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from linkspan.api.errors import ConnectError, CredentialsError, FencedError, OutageError, RetriableError
from linkspan.log.port import Delivery, TooLargeError, TopicSpec, TransactionError, Writer
from linkspan.task.letters import Letter, LetterForm, outgoing
from linkspan.task.outage import Outage
from linkspan.task.tolerance import Failure

__all__ = ["DeadLetterConfig", "DeadLetters"]

_log = logging.getLogger(__name__)
_SLICE: Final = 0.2


@dataclass(frozen=True)
class DeadLetterConfig:
    """Where failed records go.

    Attributes:
        topic: the topic.
        replication_factor: for creating it.
        context_headers: whether headers say what happened.
    """

    topic: str
    replication_factor: int
    context_headers: bool


class _Posted(NamedTuple):
    letters: Sequence[Letter]
    delivery: Delivery


class DeadLetters:
    """Writes letters about failed records.

    Args:
        config: where to.
        writer: writes them; closed by :meth:`close`.
        connector: name of the connector.
        task: number of the task.
    """

    def __init__(self, config: DeadLetterConfig, writer: Writer, connector: str, task: int) -> None:
        self._config = config
        self._writer = writer
        self._task_id = f"{connector}-{task}"
        self._form = LetterForm(connector, task, context_headers=config.context_headers)
        self._unsent: deque[Sequence[Letter]] = deque()
        self._posted: deque[_Posted] = deque()
        self._shut: CredentialsError | None = None
        self._requests = self._refusals = 0

    def create_topic(self, create: Callable[[TopicSpec], bool], pause: Callable[[float], bool]) -> None:
        """Let the topic be created unless it exists.

        Args:
            create: does it, and says whether it did; raises RetriableError for what passes.
            pause: sleeps so many seconds; True when the task is to stop.

        Raises:
            ConnectError: it cannot be created.
        """
        topic, factor = self._config.topic, self._config.replication_factor
        outage = Outage(f"Creation of dead letter queue {topic} for task {self._task_id}")
        while True:
            try:
                create(TopicSpec(topic, 1, factor))
            except RetriableError as error:
                outage.failed(error)
                if pause(outage.pause):
                    raise
            except ConnectError as error:
                text = (
                    f"Could not initialize dead letter queue with topic={topic} "
                    f"(errors.deadletterqueue.topic.replication.factor={factor}): {error}"
                )
                raise (CredentialsError if isinstance(error, CredentialsError) else ConnectError)(text) from error
            else:
                outage.over()
                return

    def report(self, failures: Sequence[Failure]) -> None:
        """Send letters about these on their way; what hinders that is raised by the next :meth:`send`."""
        self._requests += len(failures)
        self._unsent.append([self._form.fill(failure) for failure in failures])
        try:
            self.send()
        except ConnectError as error:
            _log.debug("Letters to %s wait: %s", self._config.topic, error)

    def send(self) -> None:
        """Give the log what waits.

        Raises:
            OutageError: it takes nothing now; what was reported waits here.
            CredentialsError: it will never take anything.
            FencedError: a newer task has taken this one's place.
            TransactionError: the transaction that letters are part of has failed; they are found out again.
        """
        self._take_answers()
        while self._unsent:
            self._check_open()
            letters = self._unsent[0]
            try:
                self._posted.append(_Posted(letters, self._writer.send(outgoing(self._config.topic, letters))))
            except RetriableError as error:
                raise OutageError(f"Dead letter queue {self._config.topic} takes no record now: {error}") from error
            except CredentialsError as error:
                self._shut = error
                self._check_open()
            except (FencedError, TransactionError):
                raise
            except TooLargeError as error:
                self._unsent.popleft()
                self._unsent.extendleft(reversed(self._smaller(letters, error)))
                continue
            except ConnectError as error:
                self._not_written(letters, error)
            self._unsent.popleft()

    def settle(self, timeout: float, *, given_up: Callable[[], bool] = lambda: False) -> bool:
        """Wait until everything reported is written, or refused for good.

        Args:
            timeout: seconds to wait at most.
            given_up: asked meanwhile whether to wait no longer.

        Returns:
            whether that is so; if not, no offset behind a failed record may be committed.

        Raises:
            CredentialsError: it will never be.
        """
        until = time.monotonic() + timeout
        while True:
            try:
                self.send()
            except OutageError as error:
                _log.debug("%s", error)
            left = until - time.monotonic()
            if not (self._unsent or self._posted) or left <= 0 or given_up():
                return not (self._unsent or self._posted)
            if not self._posted:
                # nothing is on its way that could be waited for: a log whose disk is full says so at once
                time.sleep(min(left, _SLICE))
            self._writer.flush(min(left, _SLICE))

    def close(self, timeout: float) -> None:
        """Close; what the last :meth:`settle` left is given up, since no offset behind it was committed."""
        self._writer.close(0.0 if self._posted else timeout)

    def counts(self) -> dict[str, float]:
        """What there is to measure."""
        return {
            "deadletterqueue-produce-requests": self._requests,
            "deadletterqueue-produce-failures": self._refusals,
        }

    def _take_answers(self) -> None:
        if not self._posted:
            return
        try:
            self._writer.poll()
        except CredentialsError as error:
            self._shut = error
        self._check_open()
        again: list[Letter] = []
        while self._posted and self._posted[0].delivery.done:
            letters, delivery = self._posted.popleft()
            for index, refusal in delivery.failures:
                again += self._refused(letters[index], refusal)
        if again:
            self._unsent.appendleft(again)

    def _refused(self, letter: Letter, error: Exception) -> Sequence[Letter]:
        """What to send in place of a letter that the log has refused."""
        if isinstance(error, CredentialsError):
            self._shut = error
            return [letter]
        if isinstance(error, RetriableError):
            return [letter]
        if isinstance(error, TooLargeError) and letter.whole:
            _log.warning(
                "Dead letter queue %s gets no value for %s of task %s: %s",
                self._config.topic,
                letter.about,
                self._task_id,
                error,
            )
            return [letter.without_value()]
        self._not_written([letter], error)
        return []

    def _smaller(self, letters: Sequence[Letter], error: TooLargeError) -> list[Sequence[Letter]]:
        """What to send in place of a batch of which one letter is too large: each by itself, then without its value."""
        if len(letters) > 1:
            return [[letter] for letter in letters]
        again = self._refused(letters[0], error)
        return [again] if again else []

    def _check_open(self) -> None:
        if self._shut is not None:
            raise CredentialsError(
                f"Task {self._task_id} cannot write to dead letter queue {self._config.topic}: {self._shut}"
            ) from self._shut

    def _not_written(self, letters: Sequence[Letter], error: Exception) -> None:
        self._refusals += len(letters)
        for letter in letters:
            _log.error(
                "Could not produce message to dead letter queue. topic=%s: it lacks %s of task %s: %s",
                self._config.topic,
                letter.about,
                self._task_id,
                error,
            )
