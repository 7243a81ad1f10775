"""What tests and commands of one profile share: vault, log, trust and history. Creates their sessions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..client.authentication.login_lockouts import LoginLockouts
from ..client.exchange import Exchange, ExchangeLog, Exchanges
from ..client.message import InvalidRequest, SecretNotEntered
from ..client.model import HttpClient
from ..client.route import ClientRoute
from ..client.session import Session, SessionCache
from ..client.wire import Bounds
from ..files import CannotSave
from ..log.history import History, Keep
from ..log.records import LogFailed
from ..machine import Machine
from ..outgoing.task_ledger import tasks_file
from ..profile.capabilities import client_routes
from ..profile.model import NamedSecret, Profile
from ..profile.problems import check_data
from ..profile.usable_parts import usable_profile
from ..profile.used_parts import LEDGER, Part, used_of
from ..runs.database import LedgerPlace
from ..runs.ledger import ledger_file
from ..runs.postgres_ledger import LedgerServer, LedgerSettings
from ..secrets.capability import Capability, Grants
from ..secrets.mask import Mask
from ..secrets.vault import Vault
from ..templates import Json
from ..text import listed
from ..units import timestamp
from .rest_api import KnownPaths
from .trust import ProfileTrust

_MAY_BE_RIGHT = (
    "The store refused a request with the value that was typed (401). It may be right, and lack a permission.\n"
    "Enter alone sends it again; another value replaces it."
)
_ENTER_AGAIN = "Try again to enter its value for this session."


_KEPT_FAILURES = 2_000
"""More than those that the log keeps apart."""


@dataclass(slots=True)
class RunFailures:
    """The numbers of the latest failed requests of a run, however often it is resumed."""

    numbers: dict[int, None] = field(default_factory=dict)
    from_start: bool = False
    """Whether the log has the run from its start, and no other process has begun it."""

    def add(self, number: int) -> None:
        self.numbers[number] = None
        if len(self.numbers) > _KEPT_FAILURES:
            del self.numbers[next(iter(self.numbers))]

    def start_at(self, first: int) -> None:
        """The run starts with the request of this number: those before are of an earlier run."""
        self.numbers = {number: None for number in self.numbers if number >= first}
        self.from_start = True


class Workbench:
    """The resources for one profile: vault, log, trust, history and cached tokens."""

    def __init__(
        self,
        machine: Machine,
        exchanges: Exchanges | None = None,
        *,
        directory: Path | None = None,
        trust: ProfileTrust | None = None,
    ) -> None:
        """`trust` is that of the profile; without it, the profile is a new one of the guide."""
        self.machine = machine
        self.trust = trust or ProfileTrust(machine, None, directory=directory)
        self.directory = self.trust.directory
        """The folder of the profile's file, from which its paths start."""
        self.exchanges = exchanges if exchanges is not None else Exchanges()
        self.mask = Mask()
        self.vault = Vault(machine, self.mask, self.trust.path)
        self._cache = SessionCache()
        self._ledgers: dict[tuple[LedgerSettings, str], LedgerServer] = {}
        self._history: History | None = None
        self.run_failures: dict[tuple[Path, str, str], RunFailures] = {}
        """By profile, environment and configuration, for a run that is resumed."""
        self.rest_apis: dict[str, KnownPaths] = {}
        """The paths of a store's REST API by what they were read with: a schema of 600 KB is read once in a session."""
        self._holders = 1
        self._prompting = asyncio.Lock()

    def run(self) -> dict[str, Json]:
        """The data for `@{…}` placeholders."""
        return {"run": {"started_at": timestamp(self.machine.now())}}

    @asynccontextmanager
    async def session(
        self,
        profile: Profile,
        bounds: Bounds | None = None,
        exchanges: ExchangeLog | None = None,
        *,
        parts: Sequence[Part] | None = None,
        before_secrets: Callable[[], Awaitable[object]] | None = None,
    ) -> AsyncIterator[Session]:
        """A session for this profile; `exchanges` is what it writes to, instead of the log itself.

        It can do what these parts of the profile can do; None: what its trust is about. On a screen, the user is
        prompted for those secrets of the parts that have no value. Raises `Untrusted` if its user has not allowed that,
        and `SecretNotEntered` if they enter none; what `before_secrets` raises, which checks what needs no secret.
        """
        granted = Grants(frozenset(await self._allowed(profile, parts)))
        if before_secrets is not None:
            await before_secrets()
        if parts is not None:
            await self.enter_missing(used_of(profile, parts).secrets())
        routes = await asyncio.to_thread(client_routes, profile, self.directory)
        async with Session(
            profile.clients,
            profile.authentications,
            vault=self.vault,
            exchanges=self.exchanges if exchanges is None else exchanges,
            machine=self.machine,
            cache=self._cache,
            directory=self.directory,
            run=self.run(),
            bounds=bounds,
            grants=granted,
            routes=routes,
        ) as session:
            yield session

    @asynccontextmanager
    async def unconnected(self, profile: Profile) -> AsyncIterator[Session]:
        """A session that sends nothing and reads no secret, which needs no trust: it prepares requests."""
        async with Session(
            profile.clients,
            profile.authentications,
            vault=self.vault,
            exchanges=self.exchanges,
            machine=self.machine,
            directory=self.directory,
            run=self.run(),
        ) as session:
            yield session

    def ledgers(self, profile: Profile, file: Path) -> LedgerServer | None:
        """The server with the ledgers of a profile; None if they are files in the state directory."""
        settings = profile.ledger
        if settings is None:
            return None
        found = self._ledgers.get((settings, profile.environment))
        if found is None:
            found = LedgerServer(settings, lambda: self._ledger_parameters(profile), file.stem, profile.environment)
            self._ledgers[settings, profile.environment] = found
        return found

    def incoming_ledger(self, profile: Profile, file: Path, name: str, out: str = "") -> LedgerPlace:
        """The ledger of an incoming. `out`: where it writes instead of to its sink."""
        server = None if out else self.ledgers(profile, file)
        if server is not None:
            return server.place("incoming", name)
        return ledger_file(self.machine.directories.state, file, name, out, profile.environment)

    def outgoing_ledger(self, profile: Profile, file: Path, name: str) -> LedgerPlace:
        """The ledger of an outgoing."""
        server = self.ledgers(profile, file)
        if server is not None:
            return server.place("outgoing", name)
        return tasks_file(self.machine.directories.state, file, name, profile.environment)

    def _ledger_parameters(self, profile: Profile) -> dict[str, Any]:
        """How to connect to the server of ledgers, with the password, for a thread without an event loop.

        Raises `UserError`; the user is asked nothing, as this may be in the middle of a run.
        """
        settings = profile.ledger
        assert settings is not None
        granted, password, secrets = Grants(frozenset(self.trust.check(profile, [LEDGER]))), settings.password, {}
        if password is not None:
            secret = self.vault.read(password, settings.server, "", granted, self.directory)
            secrets[password.key] = asyncio.run(secret)
        return settings.parameters(secrets, self.directory)

    async def _allowed(self, profile: Profile, parts: Sequence[Part] | None = None) -> list[Capability]:
        try:
            return await self.trust.require(profile, self.vault, parts=parts)
        except CannotSave as error:
            raise InvalidRequest(f"The trust in this profile cannot be saved: {error}", hint=error.hint) from error

    @asynccontextmanager
    async def anonymous(self, connection: Mapping[str, Json] | None = None) -> AsyncIterator[Session]:
        """A session that sends no secret to a store: its client "default" takes absolute addresses.

        `connection` is how that client connects: timeouts, TLS, proxy. Raises `InvalidRequest` where that is wrong.
        """
        clients: dict[str, HttpClient] = {}
        granted, routes = Grants(), dict[str, ClientRoute]()
        if connection:
            alone: dict[str, Json] = {"format": 1, "name": "search", "clients": {"default": dict(connection)}}
            profile = profile_of(alone)
            clients = dict(profile.clients)
            granted = Grants(frozenset(await self._allowed(profile)))
            routes = await asyncio.to_thread(client_routes, profile, self.directory)
        async with Session(
            clients,
            {},
            vault=self.vault,
            exchanges=self.exchanges,
            machine=self.machine,
            cache=self._cache,
            directory=self.directory,
            grants=granted,
            routes=routes,
        ) as session:
            yield session

    async def enter_missing(self, secrets: Iterable[NamedSecret]) -> None:
        """Prompts on a screen for each of these secrets that has no value, and keeps what is typed for this session.

        Those of an unsaved setup are entered in the guide. Raises `SecretNotEntered` if the user enters none.
        """
        path = self.trust.path
        if path is None:
            return
        async with self._prompting:  # what is entered for one session is there for the next
            missing = await self._missing(secrets)
            for number, (secret, origin, reason) in enumerate(missing, 1):
                environment = f", environment {secret.environment}" if secret.environment else ""
                position = f" ({number} of {len(missing)})" if len(missing) > 1 else ""
                why = f"{reason}.\n" if reason else ""
                to = f" for {origin}" if origin else ""
                places = secret.origins if reason else [origin]
                if self.vault.may_repeat(secret.source, places):
                    question = f"{secret.title}{environment}{position}\n{_MAY_BE_RIGHT}\nAnother value{to}:"
                    value = await self.machine.prompt.another_secret(question)
                    if value is None:
                        raise SecretNotEntered("The store refused the value that was typed", hint=_ENTER_AGAIN)
                    if not value:
                        self.vault.repeat(secret.source, places)
                        continue
                    self._keep(path, secret, origin, reason, value)
                    continue
                question = f"{secret.title}{environment}{position}\n{why}Its value{to}, for this session:"
                value = await self.machine.prompt.missing_secret(question)
                if value:
                    self._keep(path, secret, origin, reason, value)
                elif value is not None:
                    why_not = reason or f"{secret.title}: nothing was typed"
                    raise SecretNotEntered(why_not, hint=_ENTER_AGAIN)

    def _keep(self, path: Path, secret: NamedSecret, origin: str, reason: str, value: str) -> None:
        """Keeps what was typed. `reason`: why it had no value; "" for a prompt, whose value is for one origin."""
        if reason:
            self.vault.keep_imported(path, secret.source, secret.origins, value)
        else:
            self.vault.hold_prompted(secret.source, origin, value)

    async def _missing(self, secrets: Iterable[NamedSecret]) -> list[tuple[NamedSecret, str, str]]:
        """What has to be typed: each secret, with where it is sent, and why it is not there; "" for a prompt."""
        found: dict[tuple[str, str], tuple[NamedSecret, str, str]] = {}
        for each in secrets:
            if reason := await self.vault.missing(each.source, each.origins):
                origins = listed(each.origins)
                found.setdefault((each.source.key, origins), (each, origins, reason))
            for origin in self.vault.unprompted(each.source, each.origins):
                found.setdefault((each.source.key, origin), (each, origin, ""))
        return [*found.values()]

    def allow_logins(self) -> None:
        """Clears the lockouts of refused logins, so that the next login is sent. Blocks."""
        LoginLockouts(self.machine.directories.state).clear_all()
        self.machine.typed.allow_refused()

    @property
    def history_session(self) -> str:
        """The name of the session that is kept in the history, for a process that continues it; "" if none is."""
        return self._history.session if self._history is not None else ""

    @property
    def history_keeps(self) -> Keep:
        """What the history keeps of the requests that are sent now."""
        return self._history.keeps if self._history is not None else "off"

    def keep_history(self, file: Path, profile: Profile, earlier: Iterable[Exchange] = (), *, session: str = "") -> str:
        """Keeps requests from now on in the profile's history, as the profile wants it. Writes to the disk.

        `earlier`: requests to keep as well, sent before there was the profile. `session`: of another process, to which
        this one belongs. Returns what went wrong, or nothing: a session continues without a history.
        """
        if self._history is not None:
            return ""
        try:
            history = History(self.machine.directories.state, file, profile.environment)
            history.start(self.exchanges.session, profile.log.history, self.machine.now(), earlier, session=session)
        except LogFailed as error:
            return str(error)
        self._history = history
        return ""

    def follow_history(self) -> None:
        """Numbers requests after those that another process has added to the session. Reads from the disk."""
        with suppress(LogFailed):  # the history is worth less than what is being done
            if self._history is not None:
                self._history.follow()

    def end_history(self) -> str:
        """Writes pending exchanges; returns the error if that fails, else ""."""
        history, self._history = self._history, None
        try:
            if history is not None:
                history.close()
        except LogFailed as error:
            return str(error)
        return ""

    def hold(self) -> None:
        """Keeps it open for one more user; each closes it once."""
        self._holders += 1

    def close(self) -> None:
        """Closes the vault and the history when its last user has closed it."""
        self._holders -= 1
        if self._holders:
            return
        self.vault.close()
        self.end_history()


def profile_of(data: Mapping[str, Json], parts: Sequence[Part] | None = None, environment: str = "") -> Profile:
    """The profile in this data, with the values of an environment. Raises `InvalidRequest` with all of its problems.

    With `parts`: without the invalid parts that these do not use, and with the problems of those that they use.
    """
    if parts is None:
        profile, problems = check_data(data, environment)
    else:
        profile, problems = usable_profile(data, parts, environment)
    if profile is None:
        words = "; ".join(f"{'.'.join(map(str, path))} {message}" for path, message in problems)
        raise InvalidRequest(f"The setup is not complete: {words}")
    return profile
