"""An application of a queue manager, on the low-level functions of a Python binding."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final, Self

__all__ = ["Answer", "Application", "MQError"]

Fields = dict[str, Any] | None
CLIENT_BINDING: Final = 0x800
SHARE_BLOCK: Final = 0x40


class MQError(Exception):
    """A call that failed.

    Attributes:
        completion: 2, or 1 for a warning.
        reason: the reason code.
    """

    def __init__(self, verb: str, completion: int, reason: int) -> None:
        super().__init__(f"MQ{verb}: completion {completion}, reason {reason}")
        self.completion = completion
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Answer:
    """What a get brought."""

    body: bytes
    md: bytes
    gmo: bytes
    length: int
    completion: int
    reason: int


class Application:
    """One connection.

    Args:
        binding: ``ibmmq`` or ``pymqi``.
        name: of the queue manager.
        channel: None for a connection without a channel definition.
        address: ``host(port)`` or several of them with commas.
        user: None for no credentials.
        password: of the user.
        options: of the MQCNO.
        fields: of the MQCD, in addition.
    """

    def __init__(
        self,
        binding: str,
        name: str = "QM1",
        *,
        channel: str | None = "DEV.APP.SVRCONN",
        address: str = "127.0.0.1(1414)",
        user: str | None = None,
        password: str = "",
        options: int = SHARE_BLOCK | CLIENT_BINDING,
        sco: bytes | None = None,
        **fields: object,
    ) -> None:
        self.package: ModuleType = importlib.import_module(binding)
        self.calls: Any = importlib.import_module({"ibmmq": "ibmmq.ibmmqc", "pymqi": "pymqi.pymqe"}[binding])
        self.constants: Any = importlib.import_module(f"{binding}.CMQC")
        self.binding = binding
        cd = None
        if channel is not None:
            given = {"ChannelName": channel.encode(), "ConnectionName": address.encode(), "Version": 11, **fields}
            cd = self.package.CD(ChannelType=6, TransportType=2, **given)
        self.handle, completion, reason = self._connect(name, cd, user, password, options, sco)
        self.warning = reason if completion == 1 else 0
        if completion == 2:
            raise MQError("CONNX", completion, reason)

    def _connect(
        self, name: str, cd: Any, user: str | None, password: str, options: int, sco: bytes | None
    ) -> tuple[int, int, int]:
        packed = None if cd is None else cd.pack()
        if self.binding == "pymqi":
            credentials = {} if user is None else {"user": user.encode(), "password": password.encode()}
            extra = () if sco is None else (sco,)
            return _three(self.calls.MQCONNX(name.encode(), options, packed, credentials, *extra))
        csp = self.package.CSP()
        csp.AuthenticationType = 0 if user is None else 1
        csp._set_ptr_field("CSPUserId", user)
        csp._set_ptr_field("CSPPassword", None if user is None else password)
        cno = self.package.CNO(Version=7, Options=options)
        return _three(self.calls.MQCONNX(name.encode(), cno.pack(), packed, csp.pack(), sco, None))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.calls.MQBACK(self.handle)
        self.calls.MQDISC(self.handle)

    def checked(self, verb: str, *arguments: object, warnings: tuple[int, ...] = ()) -> tuple[Any, ...]:
        """Calls a verb; what it returned without completion and reason.

        Raises:
            MQError: it failed, or warned of something else than expected.
        """
        *values, completion, reason = getattr(self.calls, f"MQ{verb}")(self.handle, *arguments)
        if completion and reason not in warnings:
            raise MQError(verb, completion, reason)
        return tuple(values)

    def open(self, queue: str, options: int, **fields: object) -> int:
        """An object handle."""
        od = self.package.OD(ObjectName=queue.encode(), **fields).pack()
        return int(self.checked("OPEN", bytes(bytearray(od)), options)[0])

    def close(self, handle: int) -> None:
        """Closes an object."""
        self.checked("CLOSE", handle, 0)

    def put(
        self, handle: int, body: bytes, options: int = 2, *, pmo: dict[str, Any] | None = None, **md: object
    ) -> bytes:
        """Puts a message, under syncpoint unless told otherwise; its descriptor as it came back."""
        descriptor = self.package.MD(**{"Version": 2, "Persistence": 1, **md}).pack()
        given = self.package.PMO(Options=options, **(pmo or {})).pack()
        return bytes(self.checked("PUT", handle, bytes(bytearray(descriptor)), bytes(bytearray(given)), body)[0])

    def put1(
        self, queue: str, body: bytes, options: int = 2, *, pmo: dict[str, Any] | None = None, **md: object
    ) -> bytes:
        """The same without an open queue."""
        od = bytes(bytearray(self.package.OD(ObjectName=queue.encode()).pack()))
        descriptor = self.package.MD(**{"Version": 2, "Persistence": 1, **md}).pack()
        given = self.package.PMO(Options=options, **(pmo or {})).pack()
        return bytes(self.checked("PUT1", od, bytes(bytearray(descriptor)), bytes(bytearray(given)), body)[0])

    def get(
        self, handle: int, options: int = 2, *, wait: int = 0, room: int = 65536, match: int = 0,
        gmo: Fields = None, **md: object,
    ) -> Answer:  # fmt: skip
        """Gets a message, under syncpoint unless told otherwise; warnings are in the answer.

        Raises:
            MQError: it failed.
        """
        options |= 1 if wait else 0
        descriptor = self.package.MD(**{"Version": 2, **md}).pack()
        given = {"Version": 4, "Options": options, "WaitInterval": wait, "MatchOptions": match, **(gmo or {})}
        packed = self.package.GMO(**given).pack()
        body, back, gmo_back, length, completion, reason = self.calls.MQGET(
            self.handle, handle, bytes(bytearray(descriptor)), bytes(bytearray(packed)), room
        )
        if completion == 2:
            raise MQError("GET", completion, reason)
        return Answer(body, back, gmo_back, length, completion, reason)

    def commit(self) -> None:
        """MQCMIT."""
        self.checked("CMIT")

    def back_out(self) -> None:
        """MQBACK."""
        self.checked("BACK")

    def disconnect(self) -> None:
        """MQDISC."""
        self.checked("DISC")

    def inquire(self, handle: int, selector: int) -> int | str:
        """One attribute."""
        if self.binding == "pymqi":
            value, completion, reason = self.calls.MQINQ(self.handle, handle, selector)
        else:
            integers = 1 if selector < 2001 else 0
            numbers, texts, completion, reason = self.calls.MQINQ(
                self.handle, handle, [selector], [], integers, 1, 0 if integers else 48
            )
            value = next(iter(numbers), 0) if integers else texts
        if completion:
            raise MQError("INQ", completion, reason)
        return value if isinstance(value, int) else value.rstrip(b"\0 ").decode()


def _three(answer: tuple[int, int, int]) -> tuple[int, int, int]:
    return answer
