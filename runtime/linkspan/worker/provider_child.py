"""The job of a config provider's child: one provider, asked by calls of the worker until it ends the child.

Call ``get``: paths with the keys that are asked for. The answer has what the provider says about each path, ``values``
and ``ttl_ms``, or the ``error`` that it raised; and whether it likes to be asked again, ``polled``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from linkspan.api.fields import Secret
from linkspan.api.provider import ConfigProvider
from linkspan.config.providers.asking import asked
from linkspan.config.providers.declared import BUILT_IN, DeclaredProvider, made
from linkspan.observe.hiding import know
from linkspan.worker.channel import Message, encode_error
from linkspan.worker.child import ChannelPort, unpack

__all__ = ["provider"]


def provider(port: ChannelPort, args: Mapping[str, Any]) -> None:
    """Answer for one provider, for as long as the worker wants."""
    instance = _instance(port, args)
    while True:
        call = port.calls.get()
        port.calling("get")
        paths = {path: _said(instance, path, keys) for path, keys in call["args"]["paths"].items()}
        port.call = None
        know(value for said in paths.values() for value in said.get("values", {}).values())
        port.channel.send(
            {"type": "answer", "id": call["id"], "value": {"paths": paths, "polled": bool(instance.polled)}}
        )


def _instance(port: ChannelPort, args: Mapping[str, Any]) -> ConfigProvider[Any]:
    declared: DeclaredProvider = unpack(args["declared"])
    kind = BUILT_IN.get(declared.class_name)
    if kind is None:
        know(declared.params.values())  # whether it declares a password as one or not
        from linkspan.plugins.loading import load  # noqa: PLC0415 - those that come with us do without

        kind = load(unpack(args["plugin"]))
    port.calling("configure")
    instance = made(declared, kind)
    know(value.value for value in instance.config.values.values() if isinstance(value, Secret))
    return instance


def _said(instance: ConfigProvider[Any], path: str, keys: list[str]) -> Message:
    try:
        answer = asked(instance, path, keys)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - supervision point: plugin code may raise anything
        return {"error": encode_error(error)}
    return {"values": dict(answer.values), "ttl_ms": answer.ttl_ms}
