"""MariaDB as a test wants it: fast instead of safe, with a password, gone afterwards."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import pymysql

from integration.services.certificates import Identity
from integration.services.databases import DataFolder, program
from integration.services.server import Server, free_ports

__all__ = ["MariaDb", "MariaDbAddress"]

_READY: Final = "ready for connections"


class MariaDbAddress:
    """Where a MariaDB or MySQL is, and how a test gets in.

    Args:
        port: of the server.
        host: of the server.
        user: who may make databases.
        password: of the user.
    """

    def __init__(self, port: int, host: str = "127.0.0.1", user: str = "linkspan", password: str = "secret") -> None:
        self.port, self.host, self.user, self.password = port, host, user, password

    @classmethod
    def of(cls, url: str) -> MariaDbAddress:
        """Of a URL: ``mysql://user:password@host:port``."""
        parts = urlsplit(url)
        return cls(parts.port or 3306, parts.hostname or "127.0.0.1", parts.username or "", parts.password or "")

    def jdbc_url(self, database: str = "") -> str:
        """The URL, without user and password."""
        return f"jdbc:mariadb://{self.host}:{self.port}/{database}"

    def connect(self, database: str | None = None) -> pymysql.Connection[Any]:
        """A connection of the test's own, with autocommit."""
        return pymysql.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            database=database,
            autocommit=True,
            charset="utf8mb4",
        )

    def create_database(self, name: str) -> None:
        """Make a database, anew if there is one."""
        connection = self.connect()
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS `{name}`")
            cursor.execute(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
        connection.close()


class MariaDb(MariaDbAddress):
    """One server; the same port and data for its whole life, however often it is started.

    Args:
        settings: of the server, in addition to the usual ones.
        identity: that it shows to clients that want TLS; None for no TLS.
        authority: that certificates of clients are to be of, in PEM.

    Raises:
        UnavailableError: it is not installed, and cannot be.
    """

    def __init__(
        self,
        settings: Mapping[str, object] | None = None,
        identity: Identity | None = None,
        authority: str | None = None,
    ) -> None:
        mariadbd = program(_find, "mariadb-server")
        (port,) = free_ports(1)
        super().__init__(port)
        self._folder = DataFolder("mariadb", ["mysql"])
        path, data = self._folder.path, self._folder.path / "data"
        install = shutil.which("mariadb-install-db") or "mariadb-install-db"
        command = [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal",
                   "--skip-test-db", "--skip-name-resolve"]  # fmt: skip
        self._folder.run(command)
        users = self._folder.place(
            "users.sql",
            f"CREATE USER IF NOT EXISTS '{self.user}'@'%' IDENTIFIED BY '{self.password}';\n"
            f"GRANT ALL ON *.* TO '{self.user}'@'%' WITH GRANT OPTION;\n"
            "DELETE FROM mysql.global_priv WHERE user = '';\nFLUSH PRIVILEGES;\n",
        )
        options = {
            "datadir": data,
            "socket": path / "mariadb.sock",
            "pid-file": path / "mariadb.pid",
            "port": self.port,
            "bind-address": self.host,
            "init-file": users,
            "innodb-flush-log-at-trx-commit": 0,
            "skip-name-resolve": 1,
            **({} if identity is None else self._tls(identity, authority or "")),
            **(settings or {}),
        }
        self.log = path / "mariadb.log"
        command = [mariadbd, "--no-defaults", *(f"--{name}={value}" for name, value in options.items())]
        self._server = Server(command, self.log, user=self._folder.user)

    def _tls(self, identity: Identity, authority: str) -> dict[str, object]:
        return {
            "ssl-cert": self._folder.place("certificate.pem", identity.chain_pem),
            "ssl-key": self._folder.place("key.pem", identity.key_pem()),
            "ssl-ca": self._folder.place("authority.pem", authority),
        }

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        self._server.start(_READY)

    def stop(self) -> None:
        """Clean stop."""
        self._server.stop()

    def kill(self) -> None:
        """SIGKILL."""
        self._server.kill()

    def remove(self) -> None:
        """Stop it and remove its data."""
        self.stop()
        self._folder.remove()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._server.pid


def _find() -> str | None:
    found = shutil.which("mariadbd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/libexec")
    return found if found is not None and shutil.which("mariadb-install-db") is not None else None
