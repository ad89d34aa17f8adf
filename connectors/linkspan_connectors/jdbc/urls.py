"""JDBC URLs: their parts, and their texts without secrets (spec/jdbc.md 2.2).

What a database makes of its properties stands in its dialect.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple
from urllib.parse import unquote

from linkspan.api import ConfigError

__all__ = ["Host", "JdbcUrl", "masked", "parse"]

_KEY: Final = "connection.url"
_HIDDEN: Final = "*****"
_SECRET_NAMES: Final = r"[\w.\-]*(?:password|passwd|pwd|secret|token|passphrase|credential)[\w.\-]*"  # noqa: S105 - of names
_SECRETS: Final = re.compile(rf"(?i)([?&;:,({{]\s*{_SECRET_NAMES}\s*=)\s*(?:\{{[^}}]*\}}|[^&;,)]*)")
_USER_INFO: Final = re.compile(r"//[^/?#;]*@")
_ORACLE_USER: Final = re.compile(r"(?i)(jdbc:oracle:\w+:)(?:\"[^\"]*\"|[^\s(\"])*@")


class Host(NamedTuple):
    """An address: name or number, and port (None: the usual one)."""

    name: str
    port: int | None = None


class JdbcUrl(NamedTuple):
    """A JDBC URL in parts.

    Attributes:
        text: as it was written, with its secrets: not for messages.
        protocol: sub-protocol, in lower case: ``postgresql``, ``jtds:sqlserver``.
        hosts: addresses, in order; none for files and for what only a driver understands.
        database: database, service, SID or path; None when none is named.
        properties: of the URL, in its order, decoded.
        user: name that stands in front of the host, or None.
        password: that stands in front of the host, or None.
        variant: what else the form says: ``sid``, ``service``, ``descriptor``, ``tcps``, ``oci``; empty otherwise.
    """

    text: str
    protocol: str
    hosts: tuple[Host, ...] = ()
    database: str | None = None
    properties: Mapping[str, str] = {}
    user: str | None = None
    password: str | None = None
    variant: str = ""

    def option(self, *names: str) -> str | None:
        """The first of these properties that is there, whatever the case of its name; None without one."""
        folded = {name.casefold(): value for name, value in self.properties.items()}
        return next((folded[name.casefold()] for name in names if name.casefold() in folded), None)

    def __str__(self) -> str:
        """For messages: without secrets."""
        return masked(self.text)

    def __repr__(self) -> str:
        return f"JdbcUrl({masked(self.text)!r})"


def masked(text: str) -> str:
    """A text with JDBC URLs in it, such as one of a driver's messages, without passwords, tokens and user names."""
    text = _ORACLE_USER.sub(rf"\1{_HIDDEN}@", text)
    text = _USER_INFO.sub(f"//{_HIDDEN}@", text)
    return _SECRETS.sub(rf"\1{_HIDDEN}", text)


def parse(text: str) -> JdbcUrl:
    """Parts of a JDBC URL.

    Raises:
        ConfigError: it is no JDBC URL, or a part of it cannot be read; names ``connection.url`` and shows no secret.
    """
    text = text.strip()
    if not text:
        raise ConfigError.invalid(_KEY, "", "a JDBC URL is needed, such as jdbc:postgresql://host:5432/database")
    scheme, _, rest = text.partition(":")
    if scheme.lower() != "jdbc" or ":" not in rest:
        reason = "a JDBC URL begins with jdbc: and the name of the database, as in jdbc:postgresql://host/database"
        raise ConfigError.invalid(_KEY, masked(text), reason)
    for protocol, read in _FORMS.items():
        if rest.lower().startswith(f"{protocol}:"):
            return read(text, protocol, rest[len(protocol) + 1 :])
    protocol, _, after = rest.partition(":")
    return _with_slashes(text, protocol.lower(), after)


def _with_slashes(text: str, protocol: str, rest: str) -> JdbcUrl:
    """``//user:password@host:port,host2/database?name=value&…``, as most drivers have it."""
    place, _, query = rest.partition("?")
    properties = _pairs(text, query, "&", decode=True)
    if not place.startswith("//"):
        return JdbcUrl(text, protocol, (), unquote(place) or None, properties)
    address, _, database = place[2:].partition("/")
    user_info, at, addresses = address.rpartition("@")
    user, colon, password = user_info.partition(":")
    return JdbcUrl(
        text,
        protocol,
        tuple(_host(text, each) for each in addresses.split(",") if each),
        unquote(database) or None,
        properties,
        unquote(user) if at else None,
        unquote(password) if colon else None,
    )


_WAY: Final = re.compile(r"[a-z]+:(?=//)", re.IGNORECASE)
_ADDRESS: Final = re.compile(r"(?:address=)?((?:\([^()]*\))+)", re.IGNORECASE)


def _mysql(text: str, protocol: str, rest: str) -> JdbcUrl:
    """With slashes; in front of them may stand how several hosts are used, and hosts may be ``(host=…)(port=…)``."""

    def plain(match: re.Match[str]) -> str:
        parts = dict(part.strip().partition("=")[::2] for part in re.split(r"[(),]+", match[1]) if part.strip())
        folded = {name.lower(): value for name, value in parts.items()}
        user = f"{folded['user']}:{folded.get('password', '')}@" if "user" in folded else ""
        return f"{user}{folded.get('host', '')}" + (f":{folded['port']}" if "port" in folded else "")

    place, mark, query = _WAY.sub("", rest, count=1).partition("?")
    return _with_slashes(text, protocol, _ADDRESS.sub(plain, place) + mark + query)


def _sqlite(text: str, protocol: str, rest: str) -> JdbcUrl:
    """A path, which may have properties after a question mark; a URI of SQLite has its own there."""
    if rest.lower().startswith("file:"):
        return JdbcUrl(text, protocol, (), rest)
    path, _, query = rest.partition("?")
    return JdbcUrl(text, protocol, (), path or ":memory:", _pairs(text, query, "&", decode=True))


def _with_semicolons(text: str, protocol: str, rest: str) -> JdbcUrl:
    r"""``//host\instance:port;name=value;…``, or with ``/database`` before the first semicolon."""
    place, _, settings = rest.partition(";")
    properties = _pairs(text, settings, ";", decode=False)
    address, _, database = place.removeprefix("//").partition("/")
    address, _, instance = address.partition("\\")
    if instance:
        instance, colon, number = instance.partition(":")
        address += colon + number
        properties = {"instanceName": instance, **properties}
    found = JdbcUrl(text, protocol, (), database or None, properties)
    host = address or found.option("serverName", "server") or ""
    if host and ":" not in host and (port := found.option("portNumber", "port")):
        host = f"{host}:{port}"
    named = database or found.option("databaseName", "database")
    return found._replace(hosts=(_host(text, host),) if host else (), database=named)


def _db2(text: str, protocol: str, rest: str) -> JdbcUrl:
    """``//host:port/database:name=value;name=value;``, or ``database:…`` of this machine's catalog."""
    place, _, settings = rest.rpartition(":") if "=" in rest.rpartition(":")[2] else (rest, "", "")
    address, _, database = place[2:].partition("/") if place.startswith("//") else ("", "", place)
    hosts = tuple(_host(text, each) for each in address.split(",") if each)
    return JdbcUrl(text, protocol, hosts, database or None, _pairs(text, settings, ";", decode=False))


_ORACLE: Final = re.compile(
    r"(?:(?P<user>\"[^\"]*\"|[^/@\"]*)/(?P<password>\"[^\"]*\"|[^\"(]*))?@(?P<place>\(.*|[^@]+)", re.DOTALL
)


def _oracle(text: str, protocol: str, rest: str) -> JdbcUrl:
    """``thin:user/password@`` and then ``host:port:SID``, ``//host:port/service``, a descriptor or a name."""
    driver, _, after = rest.partition(":")
    match = _ORACLE.fullmatch(after)
    if match is None:
        raise ConfigError.invalid(_KEY, masked(text), "an Oracle URL has an @ in front of the address")
    place, _, query = match["place"].strip().partition("?")
    user, password = (value.strip('"') if value else None for value in (match["user"], match["password"]))
    made = JdbcUrl(text, protocol, (), None, _pairs(text, query, "&", decode=True), user, password)
    if place.startswith("("):
        return made._replace(database=match["place"].strip(), properties={}, variant="descriptor")
    secured, place = place.lower().startswith("tcps:"), re.sub(r"(?i)^(?:tcps?:)?//", "", place)
    address, slash, service = place.partition("/")
    if not slash and place.count(":") == 2:
        address, _, service = place.rpartition(":")
    elif not slash and not secured and ":" not in place:
        return made._replace(database=place, variant="name")
    variant = "sid" if not slash and service else "tcps" if secured else "service"
    hosts = tuple(_host(text, each) for each in address.split(",") if each)
    return made._replace(hosts=hosts, database=service or None, variant="oci" if driver.lower() == "oci" else variant)


def _sap(text: str, protocol: str, rest: str) -> JdbcUrl:
    """``//host:port/?databaseName=…&…``; the name of the database is one of the properties."""
    made = _with_slashes(text, protocol, rest)
    return made._replace(database=made.option("databaseName") or made.database)


_FORMS: Final[Mapping[str, Callable[[str, str, str], JdbcUrl]]] = {
    "sqlite": _sqlite,
    "mysql": _mysql,
    "mariadb": _mysql,
    "oracle": _oracle,
    "microsoft:sqlserver": _with_semicolons,
    "sqlserver": _with_semicolons,
    "jtds:sqlserver": _with_semicolons,
    "jtds:sybase": _with_semicolons,
    "db2j:net": _db2,
    "ibmdb:db2": _db2,
    "db2": _db2,
    "db2j": _db2,
    "ibmdb": _db2,
    "derby": _with_semicolons,
    "sap": _sap,
}
"""How what follows the sub-protocol is read; first that fits. All others have slashes."""


def _host(text: str, address: str) -> Host:
    name, colon, port = address.rpartition(":")
    if not colon or address.endswith("]"):
        return Host(address.strip("[]"))
    if not port.isdecimal() or not 0 < int(port) < 65_536:
        raise ConfigError.invalid(_KEY, masked(text), f"{port!r} is no port")
    return Host(name.strip("[]"), int(port))


def _pairs(text: str, settings: str, separator: str, *, decode: bool) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in _items(settings, separator):
        name, equals, value = item.partition("=")
        if not name.strip():
            raise ConfigError.invalid(_KEY, masked(text), "a property has no name")
        if decode:
            name, value = unquote(name), unquote(value)
        elif value.startswith("{") and value.endswith("}"):
            value = value[1:-1].replace("}}", "}")
        found[name.strip()] = value if equals else "true"
    return found


def _items(settings: str, separator: str) -> list[str]:
    """Texts between separators; those within braces do not separate where a value is wrapped in them."""
    if separator != ";":
        return [item for item in settings.split(separator) if item]
    found = re.findall(r"(?:[^;={]+=\{(?:[^}]|\}\})*\}|[^;]+)", settings)
    return [item.strip() for item in found if item.strip()]
