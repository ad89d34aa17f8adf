"""Secrets of the Kubernetes cluster that a worker runs in, read with the rights of its pod's service account."""

from __future__ import annotations

import base64
import binascii
import http.client
import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from linkspan.api.errors import ConfigError

__all__ = ["SERVICE_ACCOUNT", "secret"]

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its token, its namespace and the authority of the API server."""

_PATH: Final = re.compile(r"(?:([a-z0-9][a-z0-9.-]*)/)?([a-z0-9][a-z0-9.-]*)")
_SECONDS: Final = 10.0


def secret(path: str, environment: Mapping[str, str], account: Path = SERVICE_ACCOUNT) -> dict[str, str]:
    """Keys and values of a secret.

    Args:
        path: ``namespace/name``, or ``name`` for the pod's own namespace.
        environment: says where the API server is.
        account: folder of the service account.

    Raises:
        ConfigError: there is no such secret, it may not be read, or there is no Kubernetes.
    """
    found = _PATH.fullmatch(path)
    if found is None:
        raise ConfigError(f"Invalid path {path} of a secret: it is written as namespace/name, or name")
    host = environment.get("KUBERNETES_SERVICE_HOST")
    if host is None:
        raise ConfigError(f"Secret {path} cannot be read: this is no pod, KUBERNETES_SERVICE_HOST is not set")
    try:
        namespace = found[1] or (account / "namespace").read_text("utf-8").strip()
        token = (account / "token").read_text("utf-8").strip()
        trust = ssl.create_default_context(cafile=str(account / "ca.crt"))
        port = int(environment.get("KUBERNETES_SERVICE_PORT") or 443)
        answer = _get(host, port, f"/api/v1/namespaces/{namespace}/secrets/{found[2]}", token, trust)
        return {key: base64.b64decode(value).decode() for key, value in (answer.get("data") or {}).items()}
    except (OSError, http.client.HTTPException, orjson.JSONDecodeError, binascii.Error, UnicodeDecodeError) as error:
        raise ConfigError(f"Secret {path} cannot be read: {error}") from error


def _get(host: str, port: int, path: str, token: str, trust: ssl.SSLContext) -> dict[str, Any]:
    connection = http.client.HTTPSConnection(host, port, timeout=_SECONDS, context=trust)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}", "Accept": "application/json"})
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise ConfigError(
            f"{path} cannot be read: {answer.status} {answer.reason}; the service account of the pod needs the right "
            "to get this secret"
        )
    parsed: dict[str, Any] = orjson.loads(body)
    return parsed
