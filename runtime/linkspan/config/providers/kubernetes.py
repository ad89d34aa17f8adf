"""Secrets and config maps of the Kubernetes cluster that a worker runs in: ``${secrets:namespace/name:password}``.

They are read with the rights of the pod's service account.
"""

from __future__ import annotations

import base64
import binascii
import http.client
import os
import re
import ssl
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

import orjson

from linkspan.api.errors import ConfigError
from linkspan.api.fields import Config
from linkspan.api.provider import ConfigData, ConfigProvider

__all__ = ["SERVICE_ACCOUNT", "KubernetesConfigMapConfigProvider", "KubernetesSecretConfigProvider", "Resources"]

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its token, its namespace and the authority of the API server."""

_PATH: Final = re.compile(r"(?:([a-z0-9][a-z0-9.-]*)/)?([a-z0-9][a-z0-9.-]*)")
_SECONDS: Final = 10.0
_READING: Final = (OSError, http.client.HTTPException, orjson.JSONDecodeError)


class Resources:
    """Reads resources of one kind.

    Args:
        kind: as messages call it.
        plural: as the API calls it.
        environment: says where the API server is.
        account: folder of the service account.
    """

    def __init__(self, kind: str, plural: str, environment: Mapping[str, str], account: Path = SERVICE_ACCOUNT) -> None:
        self._kind = kind
        self._plural = plural
        self._environment = environment
        self._account = account

    def data(self, path: str) -> dict[str, str]:
        """Member ``data`` of a resource.

        Args:
            path: ``namespace/name``, or ``name`` for the pod's own namespace.

        Raises:
            ConfigError: there is no such resource, it may not be read, or there is no Kubernetes.
        """
        found = _PATH.fullmatch(path)
        if found is None:
            raise ConfigError(f"Invalid path {path} of a {self._kind}: it is written as namespace/name, or name")
        host = self._environment.get("KUBERNETES_SERVICE_HOST")
        if host is None:
            message = f"{self._kind} {path} cannot be read: this is no pod, KUBERNETES_SERVICE_HOST is not set"
            raise ConfigError(message)
        try:
            namespace = found[1] or (self._account / "namespace").read_text("utf-8").strip()
            token = (self._account / "token").read_text("utf-8").strip()
            trust = ssl.create_default_context(cafile=str(self._account / "ca.crt"))
            port = int(self._environment.get("KUBERNETES_SERVICE_PORT") or 443)
            url = f"/api/v1/namespaces/{namespace}/{self._plural}/{found[2]}"
            answer = _get(host, port, url, token, trust)
        except (*_READING, UnicodeDecodeError) as error:
            raise ConfigError(f"{self._kind} {path} cannot be read: {error}") from error
        data: dict[str, str] = answer.get("data") or {}
        return data


class KubernetesSecretConfigProvider(ConfigProvider[Config]):
    """Takes ``namespace/name`` of a secret, or ``name``, and a key in it."""

    java_class: ClassVar = "io.strimzi.kafka.KubernetesSecretConfigProvider"
    polled: ClassVar = True

    def get(self, path: str, keys: Collection[str]) -> ConfigData:
        """Values in a secret; binary ones there are none."""
        data = Resources("Secret", "secrets", os.environ).data(path)
        try:
            return ConfigData({key: base64.b64decode(data[key]).decode() for key in keys if key in data})
        except (binascii.Error, UnicodeDecodeError) as error:
            # without the cause, which would quote the secret
            raise ConfigError(f"Secret {path} cannot be read: {type(error).__name__}, its value is no text") from None


class KubernetesConfigMapConfigProvider(ConfigProvider[Config]):
    """Takes ``namespace/name`` of a config map, or ``name``, and a key in it."""

    java_class: ClassVar = "io.strimzi.kafka.KubernetesConfigMapConfigProvider"
    polled: ClassVar = True

    def get(self, path: str, keys: Collection[str]) -> ConfigData:
        """Values in a config map."""
        data = Resources("ConfigMap", "configmaps", os.environ).data(path)
        return ConfigData({key: data[key] for key in keys if key in data})


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
            "to get it"
        )
    parsed: dict[str, Any] = orjson.loads(body)
    return parsed
