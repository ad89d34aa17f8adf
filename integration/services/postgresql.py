"""PostgreSQL as a test wants it: fast instead of safe, with a password, gone afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg

from integration.services.certificates import Identity
from integration.services.databases import DataFolder, program
from integration.services.server import Server, free_ports

__all__ = ["PostgreSql", "PostgreSqlAddress"]

_READY: Final = "database system is ready to accept connections"


class PostgreSqlAddress:
    """Where a PostgreSQL is, and how a test gets in.

    Args:
        port: of the server.
        host: of the server.
        user: who may make databases.
        password: of the user.
    """

    def __init__(self, port: int, host: str = "127.0.0.1", user: str = "linkspan", password: str = "secret") -> None:
        self.port, self.host, self.user, self.password = port, host, user, password

    @classmethod
    def of(cls, url: str) -> PostgreSqlAddress:
        """Of a URL: ``postgresql://user:password@host:port``."""
        parts = urlsplit(url)
        return cls(parts.port or 5432, parts.hostname or "127.0.0.1", parts.username or "", parts.password or "")

    def jdbc_url(self, database: str = "postgres") -> str:
        """The URL, without user and password."""
        return f"jdbc:postgresql://{self.host}:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        """A connection of the test's own, with autocommit."""
        return psycopg.connect(
            host=self.host, port=self.port, user=self.user, password=self.password, dbname=database, autocommit=True
        )

    def create_database(self, name: str) -> None:
        """Make a database, anew if there is one."""
        with self.connect() as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())
            connection.execute(f'CREATE DATABASE "{name}"'.encode())


class PostgreSql(PostgreSqlAddress):
    """One server; the same port and data for its whole life, however often it is started.

    Args:
        settings: of postgresql.conf, in addition to the usual ones.
        identity: that it shows to clients that want TLS; None for no TLS.

    Raises:
        UnavailableError: it is not installed, and cannot be.
    """

    def __init__(self, settings: Mapping[str, object] | None = None, identity: Identity | None = None) -> None:
        postgres = program(_find, "postgresql")
        (port,) = free_ports(1)
        super().__init__(port)
        self._folder = DataFolder("postgresql", ["postgres"])
        data, secret = self._folder.path / "data", self._folder.place("password", self.password)
        initdb = str(Path(postgres).with_name("initdb"))
        self._folder.run(
            [initdb, "-D", str(data), "-U", self.user, "-A", "scram-sha-256", f"--pwfile={secret}", "--no-sync",
             "-E", "UTF8", "--locale=C.UTF-8"]
        )  # fmt: skip
        options = {
            "listen_addresses": self.host,
            "port": self.port,
            "unix_socket_directories": self._folder.path,
            "fsync": "off",
            "full_page_writes": "off",
            "max_connections": 60,
            **({} if identity is None else self._tls(identity)),
            **(settings or {}),
        }
        command = [postgres, "-D", str(data), *(f"--{name}={value}" for name, value in options.items())]
        self.log = self._folder.path / "postgresql.log"
        self._server = Server(command, self.log, user=self._folder.user)

    def _tls(self, identity: Identity) -> dict[str, object]:
        certificate = self._folder.place("certificate.pem", identity.chain_pem)
        return {
            "ssl": "on",
            "ssl_cert_file": certificate,
            "ssl_key_file": self._folder.place("key.pem", identity.key_pem()),
        }

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        self._server.start(_READY)

    def stop(self) -> None:
        """End it without waiting for those who are connected."""
        process = self._server.process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)
            self._server.wait(30)

    def kill(self) -> None:
        """SIGKILL it and the processes of its connections; what it had not written is in its log only."""
        os.kill(self.pid, signal.SIGSTOP)  # it has no more children then
        children = [int(each) for each in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]
        self._server.kill()
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        # while one of them has its memory, no other server may use the data
        while any(map(_has_memory, children)):
            time.sleep(0.01)

    def remove(self) -> None:
        """Stop it and remove its data."""
        self.stop()
        self._folder.remove()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._server.pid


def _has_memory(process: int) -> bool:
    """Whether a process is more than an entry for its parent to read."""
    with suppress(OSError):
        return bool(Path(f"/proc/{process}/maps").read_bytes())
    return False


def _find() -> str | None:
    """The newest of Debian's versions, else what is on the path."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    return str(installed[-1]) if installed else shutil.which("postgres")
