"""JAAS, Java's login configuration: one login module as in ``sasl.jaas.config``, or a file of named contexts."""

from __future__ import annotations

import re
import shlex
from typing import Final

from linkspan.api.errors import ConfigError

__all__ = ["SYSTEM_PROPERTY", "JaasSyntaxError", "LoginModule", "file_of_java", "parse_contexts", "parse_module"]

SYSTEM_PROPERTY: Final = "-Djava.security.auth.login.config="
"""Names the login configuration file on the command line of a Java program."""

LoginModule = tuple[str, dict[str, str]]
"""Class of a login module and its options."""

_ENTRY: Final = re.compile(r'\s*([\w.$]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|\'((?:[^\'\\]|\\.)*)\'|([^\s;"\']+))')
_HEAD: Final = re.compile(r"\s*([\w.$]+)\s+(required|requisite|sufficient|optional)\b", re.IGNORECASE)
_QUOTED: Final = r'"(?:[^"\\]|\\.)*"'
_COMMENT: Final = re.compile(rf"({_QUOTED})|//[^\n]*|/\*.*?\*/", re.DOTALL)
_CONTEXT: Final = re.compile(rf'\s*([\w.$*-]+)\s*\{{((?:{_QUOTED}|[^{{}}"])*)\}}\s*;')
_MODULE: Final = re.compile(rf'(?:{_QUOTED}|[^;"])*;')


class JaasSyntaxError(ValueError):
    """The text is not in JAAS syntax; the reason does not repeat the text, which may hold secrets."""


def parse_module(text: str) -> LoginModule:
    """Read ``Class flag option="value" …;``.

    Raises:
        JaasSyntaxError: it is something else.
    """
    head = _HEAD.match(text)
    if head is None:
        raise JaasSyntaxError("a login module class and a control flag such as 'required' are expected first")
    options: dict[str, str] = {}
    position = head.end()
    while entry := _ENTRY.match(text, position):
        name, double, single, bare = entry.groups()
        quoted = double if double is not None else single
        options[name] = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare
        position = entry.end()
    rest = text[position:].strip()
    if rest != ";":
        after = f"after option '{list(options)[-1]}'" if options else "after the control flag"
        raise JaasSyntaxError("the closing semicolon is missing" if not rest else f"syntax error {after}")
    return head.group(1), options


def parse_contexts(text: str) -> dict[str, list[LoginModule]]:
    """Read a login configuration file: ``Name { module; module; };`` as often as needed.

    Raises:
        JaasSyntaxError: it is something else.
    """
    bare = _COMMENT.sub(lambda match: match.group(1) or " ", text)
    contexts: dict[str, list[LoginModule]] = {}
    position = 0
    while context := _CONTEXT.match(bare, position):
        contexts[context[1]] = _modules(context[2], context[1])
        position = context.end()
    if bare[position:].strip():
        place = f"after context '{list(contexts)[-1]}'" if contexts else "at its begin"
        raise JaasSyntaxError(f"'Name {{ … }};' is expected {place}")
    return contexts


def file_of_java(options: str) -> str | None:
    """The login configuration file that options of a Java program name, as they stand in ``KAFKA_OPTS``.

    Raises:
        ConfigError: quotes do not match.
    """
    try:
        words = shlex.split(options)
    except ValueError as error:
        raise ConfigError(f"KAFKA_OPTS cannot be read: {error}") from error
    found = [word.removeprefix(SYSTEM_PROPERTY) for word in words if word.startswith(SYSTEM_PROPERTY)]
    # Java takes "==" as "this file and no other", and a URL in place of a path.
    return found[-1].removeprefix("=").removeprefix("file:") if found else None


def _modules(text: str, context: str) -> list[LoginModule]:
    found, position = [], 0
    while module := _MODULE.match(text, position):
        try:
            found.append(parse_module(module[0]))
        except JaasSyntaxError as error:
            raise JaasSyntaxError(f"in context '{context}': {error}") from error
        position = module.end()
    if text[position:].strip():
        raise JaasSyntaxError(f"in context '{context}': the closing semicolon of a login module is missing")
    return found
