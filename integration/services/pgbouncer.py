"""PgBouncer in front of a PostgreSQL, handing out its connections for one transaction each."""

from __future__ import annotations

import shutil

from integration.services.databases import DataFolder, program
from integration.services.postgresql import PostgreSqlAddress
from integration.services.server import Server, free_ports

__all__ = ["PgBouncer"]


class PgBouncer:
    """One bouncer.

    Args:
        server: where its connections lead to.
        pool_size: connections to the server for one database and user.

    Raises:
        UnavailableError: it is not installed, and cannot be.
    """

    def __init__(self, server: PostgreSqlAddress, pool_size: int = 2) -> None:
        path = program(lambda: shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin"), "pgbouncer")
        (self.port,) = free_ports(1)
        self._folder = DataFolder("pgbouncer", ["postgres"])
        users = self._folder.place("users.txt", f'"{server.user}" "{server.password}"\n')
        settings = {
            "listen_addr": "127.0.0.1",
            "listen_port": self.port,
            "auth_type": "scram-sha-256",
            "auth_file": users,
            "pool_mode": "transaction",
            "default_pool_size": pool_size,
            "unix_socket_dir": self._folder.path,
        }
        lines = [f"[databases]\n* = host={server.host} port={server.port}\n[pgbouncer]"]
        lines += [f"{name} = {value}" for name, value in settings.items()]
        file = self._folder.place("pgbouncer.ini", "\n".join(lines) + "\n")
        self._server = Server([path, str(file)], self._folder.path / "pgbouncer.log", user=self._folder.user)

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        self._server.start("process up")

    def remove(self) -> None:
        """Stop it and remove its files."""
        self._server.kill()
        self._folder.remove()
