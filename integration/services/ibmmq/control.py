"""What a test tells the stand-in and asks it, the same for both of its forms."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote

from integration.services.ibmmq.connect_request import ConnectRequest
from integration.services.ibmmq.descriptor import Descriptor, StoredMessage

__all__ = ["Connection", "Control", "ControlError", "Depth", "Fault"]

Verb = Literal[
    "CONNX", "DISC", "OPEN", "CLOSE", "PUT", "PUT1", "GET", "CMIT", "BACK", "INQ", "SET", "STAT",
    "CRTMH", "DLTMH", "SETMP", "INQMP", "DLTMP",
]  # fmt: skip
Action = Literal["answer", "break", "exit", "pause"]
_INPUT_OPTIONS: Final = {"SHARED": 2, "EXCL": 4}


class ControlError(Exception):
    """The stand-in does not do that; the text says why."""


@dataclass(frozen=True, slots=True)
class Depth:
    """How many messages a queue has by what has become of them, open handles, and gets that wait."""

    visible: int
    putting: int
    getting: int
    inputs: int
    outputs: int
    waiting: int

    @property
    def all(self) -> int:
        """All of them, whoever may see them."""
        return self.visible + self.putting + self.getting


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection that has not ended.

    Attributes:
        id: to cut it by.
        application: name of the application.
        channel: it came by; empty for bindings.
        unit: messages in its unit of work.
        options: of its MQCNO.
    """

    id: int
    application: str
    channel: str
    unit: int
    options: int


@dataclass(frozen=True, slots=True)
class Fault:
    """A planted fault: how often it was met, and who is held by it now."""

    number: int
    verb: str
    hits: int
    paused: int
    left: int


class Control:
    """One queue manager, as its administrator and its saboteur see it.

    Args:
        send: brings a line to the stand-in and its answer back.
        name: of the queue manager.
    """

    def __init__(self, send: Callable[[str], str], name: str) -> None:
        self._send = send
        self.name = name

    def call(self, command: str, **arguments: object) -> list[dict[str, str]]:
        """One command; the lines of the answer.

        Raises:
            ControlError: it was refused.
        """
        given = {"qmgr": self.name, **arguments}
        words = [f"{key.replace('_', '-')}={_text(value)}" for key, value in given.items() if value is not None]
        head, *lines = self._send(" ".join([command, *words])).splitlines()
        if head != "ok":
            raise ControlError(f"{command}: {head.removeprefix('error ')}")
        return [dict(word.split("=", 1) for word in line.split(" ")) for line in lines]

    # definitions

    def define_queue(
        self,
        name: str,
        *,
        max_depth: int | None = None,
        max_length: int | None = None,
        backout_threshold: int | None = None,
        backout_queue: str | None = None,
        default_input: Literal["SHARED", "EXCL"] | None = None,
        default_priority: int | None = None,
        default_persistence: int | None = None,
        shareable: bool | None = None,
        fifo: bool | None = None,
        get_inhibited: bool | None = None,
        put_inhibited: bool | None = None,
        property_control: int | None = None,
        endless: bool | None = None,
        bottomless: bool | None = None,
        deny: str | None = None,
    ) -> None:
        """A local queue of this name, or other values for what one has already.

        Args:
            name: of the queue.
            max_depth: MAXDEPTH; 5000 for a new queue.
            max_length: MAXMSGL in bytes; 4 MiB for a new queue.
            backout_threshold: BOTHRESH.
            backout_queue: BOQNAME.
            default_input: DEFSOPT.
            default_priority: DEFPRTY.
            default_persistence: DEFPSIST, 0 or 1.
            shareable: SHARE or NOSHARE.
            fifo: MSGDLVSQ(FIFO), else by priority.
            get_inhibited: GET(DISABLED).
            put_inhibited: PUT(DISABLED).
            property_control: PROPCTL as its number: 0 COMPAT, 1 NONE, 2 ALL, 3 FORCE, 4 V6COMPAT.
            endless: what is got comes back as a new message when that is committed.
            bottomless: what is put is gone when that is committed.
            deny: authorities that nobody has, with commas: ``get``, ``browse``, ``put``, ``inq``, ``set``, ``setid``,
                ``setall``, ``pass``; empty for none.
        """
        self.call(
            "define-queue",
            name=name,
            maxdepth=max_depth,
            maxmsgl=max_length,
            bothresh=backout_threshold,
            boqname=backout_queue,
            defsopt=None if default_input is None else _INPUT_OPTIONS[default_input],
            defprty=default_priority,
            defpsist=default_persistence,
            share=shareable,
            fifo=fifo,
            get_inhibited=get_inhibited,
            put_inhibited=put_inhibited,
            propctl=property_control,
            endless=endless,
            bottomless=bottomless,
            deny=deny,
        )

    def define_alias(self, name: str, target: str) -> None:
        """An alias queue."""
        self.call("define-queue", name=name, target=target)

    def delete_queue(self, name: str) -> None:
        """The queue is gone with its messages."""
        self.call("delete-queue", name=name)

    def define_channel(
        self,
        name: str,
        *,
        max_instances: int | None = None,
        max_instances_of_client: int | None = None,
        max_instances_reason: int | None = None,
        max_instances_of_client_reason: int | None = None,
        cipher: str | None = None,
    ) -> None:
        """A server connection channel; once there is one, channels of other names do not exist.

        Args:
            name: of the channel.
            max_instances: MAXINST.
            max_instances_of_client: MAXINSTC; all clients of a test are one.
            max_instances_reason: what is answered at the limit; 2537 unless given.
            max_instances_of_client_reason: the same.
            cipher: CipherSpec that a client must ask for.
        """
        self.call(
            "define-channel",
            name=name,
            maxinst=max_instances,
            maxinstc=max_instances_of_client,
            maxinst_reason=max_instances_reason,
            maxinstc_reason=max_instances_of_client_reason,
            cipher=cipher,
        )

    def define_user(self, name: str, password: str) -> None:
        """From now on only users that are known may connect."""
        self.call("define-user", name=name, password=password)

    def alter_queue_manager(
        self,
        *,
        dead_letter_queue: str | None = None,
        max_uncommitted: int | None = None,
        max_connections: int | None = None,
        max_length: int | None = None,
        ccsid: int | None = None,
        deny: str | None = None,
    ) -> None:
        """Attributes of the queue manager itself: DEADQ, MAXUMSGS, MAXMSGL, CCSID; ``deny`` as for a queue.

        Beyond ``max_connections`` the answer is 2025.
        """
        self.call(
            "define-queue-manager",
            name=self.name,
            deadq=dead_letter_queue,
            maxumsgs=max_uncommitted,
            maxconns=max_connections,
            maxmsgl=max_length,
            ccsid=ccsid,
            deny=deny,
        )

    # messages

    def put(self, queue: str, body: bytes, descriptor: Descriptor | None = None) -> None:
        """A message past every check, committed at once: also one that no application could put."""
        self.call("put", queue=queue, md=(descriptor or Descriptor()).pack().hex(), body=body.hex())

    def messages(self, queue: str) -> list[StoredMessage]:
        """All messages: the visible ones as they would be delivered, then those in units of work."""
        return [
            StoredMessage(
                Descriptor.unpack(bytes.fromhex(line["md"])),
                bytes.fromhex(line["body"]),
                line["state"],
                line["locked"] == "yes",
                int(line["order"]),
            )
            for line in self.call("messages", queue=queue)
        ]

    def bodies(self, queue: str) -> list[bytes]:
        """Bodies of the visible messages, headers included."""
        return [message.body for message in self.messages(queue) if message.state == "visible"]

    def depth(self, queue: str) -> Depth:
        """How many messages there are."""
        (line,) = self.call("depth", queue=queue)
        return Depth(**{key: int(value) for key, value in line.items()})

    def clear(self, queue: str) -> None:
        """The visible messages are gone."""
        self.call("clear", queue=queue)

    # connections

    def connections(self) -> list[Connection]:
        """Who is connected."""
        return [
            Connection(
                int(line["id"]),
                bytes.fromhex(line["application"]).decode(),
                line["channel"],
                int(line["unit"]),
                int(line["options"]),
            )
            for line in self.call("connections")
        ]

    def instances(self, channel: str) -> int:
        """Instances of a channel."""
        counts = {line["name"]: int(line["instances"]) for line in self.call("channels")}
        return counts.get(channel, 0)

    def cut(self, connection: int | None = None, *, reconnect: bool = False) -> int:
        """Ends one connection or all, as a cut of the network does; how many.

        Args:
            connection: its id.
            reconnect: those that asked for automatic reconnection only lose their unit of work: the next call in it
                answers 2003.
        """
        (line,) = self.call("cut", id=connection, reconnect=reconnect)
        return int(line["count"])

    def last_connect(self) -> ConnectRequest:
        """What the last MQCONNX said, refused or not."""
        return ConnectRequest.read({key: value for line in self.call("last-connect") for key, value in line.items()})

    def set_state(self, state: Literal["running", "quiescing", "stopped"]) -> None:
        """What ``strmqm`` and ``endmqm`` do."""
        self.call("state", state=state)

    # faults

    def fault(
        self,
        verb: Verb,
        reason: int = 2195,
        *,
        completion: int = 2,
        queue: str | None = None,
        application: str | None = None,
        skip: int = 0,
        times: int = 1,
        after: bool = False,
        action: Action = "answer",
    ) -> int:
        """Plants a fault; its number.

        Args:
            verb: call that meets it.
            reason: reason code; 2003 also backs the unit of work out and 2009 also ends the connection.
            completion: completion code.
            queue: only calls for this queue.
            application: only calls of this application.
            skip: calls that go well before.
            times: how often, -1 for ever.
            after: when the call has done its work, so that only the answer is lost or delayed.
            action: ``answer`` with the reason, ``break`` the connection, ``exit`` the process of the stand-in as by
                SIGKILL, ``pause`` until :meth:`release`.
        """
        (line,) = self.call(
            "fault",
            verb=verb,
            reason=reason,
            comp=completion,
            object=queue,
            application=application,
            skip=skip,
            times=times,
            after=int(after),
            action=action,
        )
        return int(line["number"])

    def faults(self) -> list[Fault]:
        """All planted faults."""
        return [
            Fault(*(line[key] if key == "verb" else int(line[key]) for key in Fault.__dataclass_fields__))  # type: ignore[arg-type]
            for line in self.call("faults")
        ]

    def await_fault(self, number: int, timeout: float = 30.0) -> None:
        """Waits until somebody has met a fault.

        Raises:
            TimeoutError: nobody has.
        """
        deadline = time.monotonic() + timeout
        while not any(fault.number == number and fault.hits for fault in self.faults()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"nobody met fault {number} within {timeout:g} s")
            time.sleep(0.005)

    def release(self, number: int = 0) -> None:
        """Lets those go on whom a fault holds; 0 is every fault."""
        self.call("release", number=number)

    def clear_fault(self, number: int = 0) -> None:
        """The same, and nobody meets the fault any more."""
        self.call("clear-fault", number=number)

    @contextmanager
    def pause(self, verb: Verb, **arguments: object) -> Iterator[int]:
        """Holds a call until the end of the block; the fault's number."""
        number = self.fault(verb, action="pause", **arguments)  # type: ignore[arg-type]
        try:
            yield number
        finally:
            self.clear_fault(number)

    def reset(self) -> None:
        """Breaks all connections and forgets everything: queues, messages, channels, users, faults."""
        self.call("reset")


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return quote(str(value), safe="/.,_")
