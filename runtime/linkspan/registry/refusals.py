"""What the registry refuses, with the numbers and words that clients of Confluent's registry know."""

from __future__ import annotations

from linkspan.api.errors import ConnectError

__all__ = [
    "RefusalError",
    "context_not_empty",
    "id_does_not_match",
    "incompatible",
    "invalid_level",
    "invalid_mode",
    "invalid_rules",
    "invalid_schema",
    "invalid_subject",
    "invalid_version",
    "no_forwarding",
    "no_level_of_its_own",
    "no_mode_of_its_own",
    "not_permitted",
    "referenced",
    "schema_not_found",
    "schema_too_large",
    "store_failed",
    "store_timed_out",
    "subject_not_deleted",
    "subject_not_found",
    "subject_soft_deleted",
    "version_not_deleted",
    "version_not_found",
    "version_soft_deleted",
]


class RefusalError(ConnectError):
    """An answer other than the one asked for.

    Args:
        number: ``error_code`` of the answer; its first three digits are the HTTP status.
        message: text of the answer.
    """

    code = "registry"

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number

    @property
    def status(self) -> int:
        """HTTP status."""
        return int(str(self.number)[:3])


def subject_not_found(subject: str | None) -> RefusalError:
    """No such subject."""
    return RefusalError(40401, f"Subject '{subject}' not found.")


def version_not_found(version: int) -> RefusalError:
    """The subject has no such version."""
    return RefusalError(40402, f"Version {version} not found.")


def schema_not_found(which: int | str | None = None) -> RefusalError:
    """No such id, or no such schema in the subject."""
    return RefusalError(40403, "Schema not found" if which is None else f"Schema {which} not found")


def subject_soft_deleted(subject: str) -> RefusalError:
    """It is deleted already, softly."""
    return RefusalError(40404, f"Subject '{subject}' was soft deleted.Set permanent=true to delete permanently")


def subject_not_deleted(subject: str) -> RefusalError:
    """A subject is deleted softly before it is deleted for good."""
    return RefusalError(40405, f"Subject '{subject}' was not deleted first before being permanently deleted")


def version_soft_deleted(subject: str, version: object) -> RefusalError:
    """It is deleted already, softly."""
    text = f"Subject '{subject}' Version {version} was soft deleted.Set permanent=true to delete permanently"
    return RefusalError(40406, text)


def version_not_deleted(subject: str, version: int) -> RefusalError:
    """A version is deleted softly before it is deleted for good."""
    text = f"Subject '{subject}' Version {version} was not deleted first before being permanently deleted"
    return RefusalError(40407, text)


def no_level_of_its_own(subject: str) -> RefusalError:
    """The subject has no configuration of its own."""
    return RefusalError(40408, f"Subject '{subject}' does not have subject-level compatibility configured")


def no_mode_of_its_own(subject: str | None) -> RefusalError:
    """The subject has no mode of its own."""
    return RefusalError(40409, f"Subject '{subject}' does not have subject-level mode configured")


def incompatible(subject: str, details: list[str]) -> RefusalError:
    """The schema breaks readers or writers of an earlier one."""
    text = f'Schema being registered is incompatible with an earlier schema for subject "{subject}", details: '
    return RefusalError(409, f"{text}[{', '.join(details)}]")


def invalid_schema(reason: str) -> RefusalError:
    """This is no schema."""
    return RefusalError(42201, reason)


def invalid_version(version: str) -> RefusalError:
    """This is no version."""
    allowed = 'Allowed values are between [1, 2^31-1] and the string "latest"'
    return RefusalError(42202, f"The specified version '{version}' is not a valid version id. {allowed}")


def invalid_level() -> RefusalError:
    """This is no level of compatibility."""
    levels = "none, backward, forward, full, backward_transitive, forward_transitive, and full_transitive"
    return RefusalError(42203, f"Invalid compatibility level. Valid values are {levels}")


def invalid_mode(reason: str = "Invalid mode. Valid values are READWRITE, READONLY and IMPORT.") -> RefusalError:
    """This is no mode."""
    return RefusalError(42204, reason)


def no_forwarding() -> RefusalError:
    """The mode of a registry that passes requests on to another one."""
    return invalid_mode(
        "Mode FORWARD is for registries that pass requests on to another one; this one does not. IMPORT takes schemas "
        "with the ids that they have elsewhere"
    )


def not_permitted(reason: str) -> RefusalError:
    """The mode does not allow it."""
    return RefusalError(42205, reason)


def referenced(subject: str, version: int) -> RefusalError:
    """Other schemas refer to the one that is to be deleted."""
    key = f"{{magic=1,keytype=SCHEMA,subject={subject},version={version}}}"
    return RefusalError(42206, f"One or more references exist to the schema {key}.")


def id_does_not_match(reason: str) -> RefusalError:
    """The id to import belongs to another schema."""
    return RefusalError(42207, reason)


def invalid_subject(subject: str) -> RefusalError:
    """This is no name of a subject."""
    return RefusalError(42208, f"The specified subject '{subject}' is not a valid.")


def schema_too_large() -> RefusalError:
    """The topic does not take a record of this size."""
    return RefusalError(42209, "Register operation failed because schema is too large")


def invalid_rules(reason: str) -> RefusalError:
    """This is no set of rules."""
    return RefusalError(42210, reason)


def context_not_empty(context: str) -> RefusalError:
    """A context with subjects stays."""
    return RefusalError(42211, f"The specified context '{context}' is not empty.")


def store_failed(doing: str, reason: str) -> RefusalError:
    """The topic could not be read or written; the same request may succeed later."""
    return RefusalError(50001, f"{doing}: {reason}")


def store_timed_out(doing: str, reason: str) -> RefusalError:
    """The topic did not answer in time; whether the request took effect is not known, and asking again is safe."""
    return RefusalError(50002, f"{doing}: {reason}")
