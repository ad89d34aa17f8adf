"""What a container runs: makes a worker file of variables or of a mounted one, then runs the worker.

Two contracts are kept: that of the images configured by ``CONNECT_`` variables, and that of the operator which mounts
the worker file and calls ``kafka_connect_run.sh`` (docs/how-to/containers.md). Nothing is written outside the folder
for temporary files, and no user name is needed.

Exit statuses: those of the worker; 1 when a variable is missing or no broker can be reached.
"""

from __future__ import annotations

import http.client
import math
import os
import re
import socket
import ssl
import sys
import tempfile
import time
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Final

from linkspan.api.errors import ConfigError, ConnectError
from linkspan.cli.worker_settings import resolved_settings
from linkspan.config import properties
from linkspan.config.listeners import Listener, parse_listeners
from linkspan.config.private_folder import private_folder
from linkspan.config.providers.references import has_references
from linkspan.config.variables import missing_variables, registry_settings, worker_settings
from linkspan.observe.levels import LEVELS, LEVELS_VARIABLE, ROOT_VARIABLE, named_levels

__all__ = ["main"]

_USAGE: Final = (
    "Usage: linkspan-container [distributed|standalone] [worker.properties [connector files]] | "
    "registry [registry.properties] | health"
)
_MODES: Final = ("distributed", "standalone")
_HOME: Final = "KAFKA_HOME"
_BROKER_SECONDS: Final = 40
_HEALTH_SECONDS: Final = 5.0
_METRICS_URL: Final = "http://0.0.0.0:9404"
"""Where the operator has Prometheus ask for metrics."""
_FOR_JAVA: Final = (
    "KAFKA_HEAP_OPTS",
    "KAFKA_JVM_PERFORMANCE_OPTS",
    "KAFKA_GC_LOG_OPTS",
    "KAFKA_JMX_OPTS",
    "KAFKA_JMX_PORT",
    "JMX_PORT",
    "STRIMZI_JMX_ENABLED",
    "STRIMZI_KAFKA_GC_LOG_ENABLED",
    "STRIMZI_DYNAMIC_HEAP_PERCENTAGE",
    "STRIMZI_JAVA_SYSTEM_PROPERTIES",
    "STRIMZI_TRACING",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments ask for; the exit status."""
    first, *rest = list(sys.argv[1:] if arguments is None else arguments) or ["distributed"]
    if first == "health" and not rest:
        return _health()
    try:
        if first == "strimzi" and not rest:
            return _run("distributed", _mounted(os.environ), [])
        if first in _MODES:
            return _run(first, _from_variables(first, rest[:1], os.environ), rest[1:])
        if first == "registry" and len(rest) <= 1:
            return _run_registry(rest, os.environ)
    except ConnectError as error:
        _say(error.message)
        return 2
    except _StopError as stop:
        _say(str(stop))
        return 1
    print(_USAGE, file=sys.stderr)
    return 1


class _StopError(Exception):
    """The container cannot go on, for a reason that the worker has nothing to do with."""


def _run(mode: str, settings: Mapping[str, str], files: Sequence[str]) -> int:
    ignored = [name for name in _FOR_JAVA if os.environ.get(name, "false").lower() not in {"", "false", "disabled"}]
    if ignored:
        _say(f"{', '.join(ignored)}: ignored, they are for Java")
    path = _stored(settings)
    if mode == "standalone":
        from linkspan.cli import standalone as worker  # noqa: PLC0415 - only one of the two is loaded

        return worker.main([str(path), *files])
    from linkspan.cli import distributed  # noqa: PLC0415 - as above

    return distributed.main([str(path)])


def _run_registry(given: Sequence[str], environment: MutableMapping[str, str]) -> int:
    from linkspan.cli import registry  # noqa: PLC0415 - only what is run is loaded

    settings = {**(properties.load(given[0]) if given else {}), **registry_settings(environment)}
    _use_levels(
        environment,
        environment.get("SCHEMA_REGISTRY_LOG4J_ROOT_LOGLEVEL"),
        environment.get("SCHEMA_REGISTRY_LOG4J_LOGGERS"),
    )
    settings.setdefault("listeners", "http://0.0.0.0:8081")
    settings.setdefault("linkspan.data.dir", str(Path(tempfile.gettempdir()) / "linkspan" / "data"))
    servers = settings.get("kafkastore.bootstrap.servers", "")
    limit = environment.get("SCHEMA_REGISTRY_CUB_KAFKA_TIMEOUT")
    _wait_for_broker(servers, limit, "SCHEMA_REGISTRY_", "KAFKASTORE_BOOTSTRAP_SERVERS")
    return registry.main([str(_stored(settings))])


def _stored(settings: Mapping[str, str]) -> Path:
    path = _worker_file()
    try:
        properties.store(path, settings)
    except OSError as error:
        raise ConfigError(f"Cannot write {path}: {error.strerror}") from error
    return path


# --- variables ----------------------------------------------------------------------------------------------------


def _from_variables(mode: str, given: Sequence[str], environment: MutableMapping[str, str]) -> dict[str, str]:
    settings = {**(properties.load(given[0]) if given else {}), **worker_settings(environment)}
    missing = missing_variables(mode, settings)
    if missing:
        raise _StopError(f"set {', '.join(missing)}; CONNECT_FOO_BAR is the worker's property foo.bar")
    _use_levels(environment, environment.get("CONNECT_LOG4J_ROOT_LOGLEVEL"), environment.get("CONNECT_LOG4J_LOGGERS"))
    state = Path(tempfile.gettempdir()) / "linkspan"
    plugins = Path(environment.get(_HOME, "/opt/kafka")) / "plugins"
    if plugins.is_dir():
        settings.setdefault("plugin.path", str(plugins))
    if mode == "standalone":
        settings.setdefault("offset.storage.file.filename", str(state / "connect.offsets"))
        settings.setdefault("linkspan.data.dir", str(state / "data"))
    limit = environment.get("CONNECT_CUB_KAFKA_TIMEOUT")
    _wait_for_broker(settings.get("bootstrap.servers", ""), limit, "CONNECT_", "BOOTSTRAP_SERVERS")
    return settings


def _wait_for_broker(servers: str, limit: str | None, prefix: str, key: str) -> None:
    """Wait until one of the brokers takes connections, as containers of one application start at the same time."""
    if not servers.strip():
        return
    try:
        seconds = float(limit or _BROKER_SECONDS)
    except ValueError:
        seconds = math.nan
    if math.isnan(seconds):
        raise ConfigError(f"{prefix}CUB_KAFKA_TIMEOUT={limit} is no number of seconds")
    end = time.monotonic() + seconds
    while not any(_takes_connections(server.strip()) for server in servers.split(",")):
        if time.monotonic() >= end:
            raise _StopError(
                f"no broker of {prefix}{key}={servers} could be reached within {seconds:g} s; "
                f"wait longer with {prefix}CUB_KAFKA_TIMEOUT"
            )
        time.sleep(0.2)


def _takes_connections(server: str) -> bool:
    host, _, port = server.rpartition("://")[2].rpartition(":")
    if not port.isdecimal():
        return True  # the worker says what is wrong with it
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=2).close()
    except (OSError, OverflowError):
        return False
    return True


# --- a mounted worker file ------------------------------------------------------------------------------------------


def _mounted(environment: MutableMapping[str, str]) -> dict[str, str]:
    folder = Path(environment.get(_HOME, "/opt/kafka")) / "custom-config"
    # Pods have stable names below their headless service: pod.service.namespace.svc
    environment.setdefault("ADVERTISED_HOSTNAME", ".".join(socket.getfqdn().split(".")[:4]))
    settings = properties.load(folder / "kafka-connect.properties")
    if environment.get("KAFKA_CONNECT_JMX_EXPORTER_ENABLED", "").lower() == "true":
        settings.setdefault("linkspan.metrics.listeners", _METRICS_URL)
    for name in ("log4j2.properties", "log4j.properties"):
        if (folder / name).is_file():
            root, loggers = _log4j(properties.load(folder / name))
            _use_levels(environment, root, ",".join(f"{name}={level}" for name, level in loggers.items()))
            break
    return settings


def _log4j(settings: Mapping[str, str]) -> tuple[str | None, dict[str, str]]:
    """Level of the root logger, if there is one, and those of others; out of a file for either version of Log4j."""
    root = settings.get("rootLogger.level") or settings.get("rootLogger") or settings.get("log4j.rootLogger")
    loggers = {}
    for key, value in settings.items():
        second = re.fullmatch(r"logger\.(.+)\.level", key)
        first = re.fullmatch(r"log4j\.logger\.(.+)", key)
        if second:
            loggers[settings.get(f"logger.{second[1]}.name", second[1])] = _level(value)
        elif first:
            loggers[first[1]] = _level(value)
    return (_level(root) if root else None), loggers


def _level(text: str) -> str:
    return text.partition(",")[0].strip()


def _use_levels(environment: MutableMapping[str, str], root: str | None, loggers: str | None) -> None:
    """Hand levels on to the worker; what names no level is said and left out, as the originals do."""
    if root:
        if root.upper() in LEVELS:
            environment.setdefault(ROOT_VARIABLE, root)
        else:
            _say(f"{root} is no level of the root logger; there are {', '.join(LEVELS)}")
    kept = []
    for item in filter(None, (loggers or "").split(",")):
        try:
            named_levels(item)
        except ConfigError as error:
            _say(error.message)
        else:
            kept.append(item)
    if kept:
        environment.setdefault(LEVELS_VARIABLE, ",".join(kept))


# --- health ---------------------------------------------------------------------------------------------------------


def _health() -> int:
    """Ask the worker that runs in this container how it is; 0 when it is well."""
    try:
        listener, *_ = parse_listeners(_listeners(properties.load(_worker_file())).split(","))
        status, text = _asked(listener)
    except ConnectError as error:
        _say(error.message)
        return 1
    except (OSError, http.client.HTTPException) as error:
        _say(f"the worker does not answer: {error}")
        return 1
    print(text)
    # An extension of the REST API may want a login; then the worker answers, and more cannot be known.
    return 0 if status in {200, 401, 403} else 1


def _listeners(settings: Mapping[str, str]) -> str:
    written = settings.get("listeners", "http://:8083")
    if not has_references({"listeners": written}):
        return written
    providers = {key: value for key, value in settings.items() if f"{key}.".startswith("config.providers.")}
    plugin_path = {"plugin.path": settings["plugin.path"]} if "plugin.path" in settings else {}
    return resolved_settings({**providers, **plugin_path, "listeners": written}).texts["listeners"]


def _asked(listener: Listener) -> tuple[int, str]:
    everywhere = {"", "0.0.0.0", "::"}  # noqa: S104 - compared with, not listened at
    host = "localhost" if listener.host in everywhere else listener.host
    if listener.scheme == "https":
        # The certificate need not name localhost, and who else would listen here?
        context = ssl._create_unverified_context()  # noqa: S323, SLF001 - as said above
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, listener.port, timeout=_HEALTH_SECONDS, context=context
        )
    else:
        connection = http.client.HTTPConnection(host, listener.port, timeout=_HEALTH_SECONDS)
    try:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")
    finally:
        connection.close()


# --- files ----------------------------------------------------------------------------------------------------------


def _worker_file() -> Path:
    """The worker file that is made, in a folder for this user alone: it may hold passwords."""
    return private_folder("linkspan") / "worker.properties"


def _say(text: str) -> None:
    print(f"linkspan-container: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
