"""A keyring without a service behind it."""

from __future__ import annotations


class MemoryKeyring:
    """A keyring in memory, for tests that are not about keyrings."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.entries[service, username]


class NoKeyring:
    """The keyring of a container or of a session over SSH."""

    def get_password(self, service: str, username: str) -> str | None:
        raise RuntimeError("No recommended backend was available")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise RuntimeError("No recommended backend was available")

    def delete_password(self, service: str, username: str) -> None:
        raise RuntimeError("No recommended backend was available")
