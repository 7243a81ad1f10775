"""Where a setup is tried out: draft data, the secrets at hand, and a session made of both for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..client.exchange import Exchanges
from ..client.http_client import HttpClient
from ..client.layer import Authentication
from ..client.message import NotSent
from ..client.session import Kept, Session
from ..machine import Machine
from ..placeholder import Json
from ..profile.model import Profile
from ..profile.problems import check_data
from ..secrets.mask import Mask
from ..secrets.vault import Vault

ANONYMOUS = " without authentication"
"""Put behind a client's name: the same client, sending no secret."""


class Workbench:
    """What lives as long as the program works on one store: vault, log and tokens."""

    def __init__(self, machine: Machine, exchanges: Exchanges | None = None) -> None:
        self.machine = machine
        self.exchanges = exchanges if exchanges is not None else Exchanges()
        self.mask = Mask()
        self.vault = Vault(machine, self.mask)
        self._kept = Kept()

    def run(self) -> dict[str, Json]:
        """What `@{…}` reads."""
        return {"run": {"started_at": self.machine.now().strftime("%Y-%m-%d %H:%M:%S")}}

    @asynccontextmanager
    async def session(self, profile: Profile) -> AsyncIterator[Session]:
        """A session for this profile; each client can also be had without its authentications."""
        clients: dict[str, HttpClient] = dict(profile.clients)
        for name, client in profile.clients.items():
            clients[name + ANONYMOUS] = client.model_copy(update={"authentications": []})
        authentications: dict[str, Authentication] = dict(profile.authentications)
        async with Session(
            clients,
            authentications,
            vault=self.vault,
            exchanges=self.exchanges,
            machine=self.machine,
            kept=self._kept,
        ) as session:
            yield session

    @asynccontextmanager
    async def anonymous(self) -> AsyncIterator[Session]:
        """A session without any profile: absolute addresses, no secrets."""
        async with Session(
            {}, {}, vault=self.vault, exchanges=self.exchanges, machine=self.machine, kept=self._kept
        ) as session:
            yield session

    def close(self) -> None:
        self.vault.close()


def profile_of(data: dict[str, Json]) -> Profile:
    """The profile that a draft's data make. Raises `NotSent` with everything that is wrong with them."""
    profile, problems = check_data(data)
    if profile is None:
        words = "; ".join(f"{'.'.join(map(str, path))} {message}" for path, message in problems)
        raise NotSent(f"The setup is not complete: {words}")
    return profile
