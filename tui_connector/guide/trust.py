"""Checks whether a profile's capabilities are trusted: by its record, by a pinned digest, or by asking the user."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..client.message import InvalidRequest
from ..errors import UserError
from ..machine import Machine
from ..profile import toml
from ..profile.capabilities import capabilities
from ..profile.environment_names import names_of
from ..profile.library import as_text, read_bytes
from ..profile.model import Profile
from ..profile.problems import check_data
from ..profile.trust_records import TrustRecord, TrustRecords, folder_of
from ..profile.used_parts import Part, used_of
from ..secrets.capability import Capability, digest
from ..secrets.mask import Mask
from ..secrets.vault import Vault
from ..templates import Json
from ..text import env_option, shown_line

PIN = "TUI_CONNECTOR_TRUST"
"""The environment variable with the digests of trusted profiles; see `tui-connector trust --digest`."""

_HINT = "Review what it can do, then allow it: tui-connector trust {0}. For one run: --trust."
_BLANKS = re.compile(r"[\s\u2800]{4,}")


class Untrusted(InvalidRequest):
    """The profile has capabilities that its user has not allowed."""

    CODE = "untrusted"

    def __init__(self, profile: str, missing: Sequence[Capability], reason: str = "", hint: str = "") -> None:
        first = reason or f"The profile {profile} is not trusted to do this"
        listed = "\n".join(f"  - {line}" for line in capability_lines(missing))
        super().__init__(f"{first}:\n{listed}" if listed else first, hint=hint or _HINT.format(shlex.quote(profile)))
        self.capabilities = tuple(missing)
        self.reason = first


class ProfileTrust:
    """The capabilities that one profile is trusted with."""

    def __init__(
        self,
        machine: Machine,
        path: Path | None,
        *,
        once: bool = False,
        directory: Path | None = None,
        environment: str = "",
    ) -> None:
        """`path` is the profile's file, None for a new profile; `once`: trust it for this run only.

        Each `environment` of a profile is trusted by itself.

        `directory` is the folder in which a new file will be (default: the user's folder of profiles).
        """
        self._directory = directory or machine.directories.profiles
        self._machine, self._once = machine, once
        self._records = TrustRecords(machine.directories.state)
        self._accepted: set[Capability] = set()
        self._prompt_lock = asyncio.Lock()
        self.path = path
        self.environment = environment
        self.parts: Sequence[Part] | None = None
        """The parts that are about to be used, and asked for; None: all of the profile."""

    @property
    def directory(self) -> Path:
        """The profile's folder."""
        return folder_of(self.path) if self.path is not None else self._directory

    @property
    def _named(self) -> str:
        if self.path is None:
            return "PROFILE"
        usual = self.path.parent == self._machine.directories.profiles
        return shown_line(self.path.stem if usual else str(self.path))  # a folder's name may contain a line break

    @property
    def _name(self) -> str:
        return f"{self._named} ({self.environment})" if self.environment else self._named

    @property
    def arguments(self) -> str:
        """The profile and its environment as the arguments of a command."""
        return f"{shlex.quote(self._named)}{env_option(self.environment)}"

    @property
    def _hint(self) -> str:
        """The command that trusts it; an unsaved profile has no name for one."""
        if self.path is None:
            return "Try again, and answer y if you trust it."
        return _HINT.format(self.arguments)

    def missing(self, wanted: Iterable[Capability]) -> list[Capability]:
        """The capabilities that the profile is not trusted with. Reads the record."""
        record = None if self.path is None else self._records.find(self.path, self.environment)
        trusted = self._accepted.union(() if record is None else record.capabilities)
        return [each for each in wanted if each not in trusted]

    def refusal(self, wanted: Sequence[Capability]) -> Untrusted | None:
        """The error if pinned digests are set and do not include this profile's. Reads the record."""
        pins = re.findall(r"[^\s,]+", self._machine.environ.get(PIN, ""))
        found = digest(wanted)
        if self.path is None or not self.is_pinned():
            return None
        if found in (pin.removeprefix("sha256:").lower() for pin in pins):
            return None
        record = self._records.find(self.path, self.environment)
        changed = self.missing(wanted) if record is not None else list(wanted)
        what = "" if not changed else "; what is new" if record is not None else "; what it can do"
        return Untrusted(
            self._name,
            changed,
            f"The profile {self._name} has the digest {found}, which is not in {PIN}{what}",
            f"If this is expected, set {PIN}={found}.",
        )

    def is_pinned(self) -> bool:
        """Whether the environment pins digests; also if its value contains none, such as `,`."""
        return self.path is not None and bool(self._machine.environ.get(PIN, "").strip())

    async def require(
        self,
        profile: Profile,
        vault: Vault | None = None,
        before_asking: Callable[[], Awaitable[None]] | None = None,
        parts: Sequence[Part] | None = None,
    ) -> list[Capability]:
        """The capabilities of these parts, once all of them are trusted; asks the user if there is a terminal.

        `parts`: as of the attribute, if None. Secrets that were typed in this session, held in `vault`, are trusted.
        `before_asking` may raise what makes the question pointless. Raises `Untrusted`, and `CannotSave` if the user's
        choice cannot be stored.
        """
        wanted = await asyncio.to_thread(self._wanted, profile, parts)
        async with self._prompt_lock:
            name = self._name if self.path is not None else shown_line(profile.name, 60)
            await self._allow(wanted, vault, name, before_asking)
        return wanted

    def is_given(self, profile: Profile, vault: Vault | None = None) -> bool:
        """Whether `require` would ask nothing. Blocks."""
        try:
            missing = self.missing(self._wanted(profile, None))
        except Untrusted:
            return False
        return self.is_pinned() or self._once or all(self._is_implied(each, vault) for each in missing)

    def check(self, profile: Profile, parts: Sequence[Part] | None = None) -> list[Capability]:
        """The capabilities of these parts, if all of them are trusted. Asks nobody; blocks. Raises `Untrusted`."""
        wanted = self._wanted(profile, parts)
        if not self.is_pinned() and (missing := self.missing(wanted)):
            raise Untrusted(self._name, missing, hint=self._hint)
        return wanted

    def _wanted(self, profile: Profile, parts: Sequence[Part] | None) -> list[Capability]:
        """What these parts can do. Raises `Untrusted` if digests are pinned, which are of the whole profile."""
        if self.is_pinned():
            refusal = self.refusal(capabilities(profile, self.directory, self._machine))
            if refusal is not None:
                raise refusal
        used = self.parts if parts is None else parts
        return capabilities(profile if used is None else used_of(profile, used), self.directory, self._machine)

    async def _allow(
        self,
        wanted: list[Capability],
        vault: Vault | None,
        name: str,
        before_asking: Callable[[], Awaitable[None]] | None,
    ) -> None:
        if self.is_pinned():
            return
        missing = await asyncio.to_thread(self.missing, wanted)
        if all(self._is_implied(each, vault) for each in missing):
            return
        if self._once:
            self._accepted.update(missing)
            return
        missing = await self._not_migrated(missing)
        if all(self._is_implied(each, vault) for each in missing):
            return
        if before_asking is not None:
            await before_asking()
        # the question names everything, also what was typed in this session: a part of it would look wrong
        if not await self._machine.prompt.allow(question(name, missing)):
            raise Untrusted(name, missing, hint=self._hint)
        self._accepted.update(missing)
        if self.path is not None:
            await asyncio.to_thread(self._grant, self.path, missing)

    def _is_implied(self, capability: Capability, vault: Vault | None) -> bool:
        """Whether the user has just created it in the guide, such as by typing a secret."""
        facts = capability.facts
        if facts["kind"] != "secret" or not str(facts["secret"]).startswith("keyring:"):
            return self.path is None  # the user has created this profile
        name = str(facts["secret"]).removeprefix("keyring:")
        plain = self.path is None or not facts.get("route")
        return plain and vault is not None and vault.is_held_for(name, str(facts["to"]))

    async def _not_migrated(self, missing: list[Capability]) -> list[Capability]:
        """The capabilities without those that were allowed in an earlier version of this program.

        That version bound each keyring entry to the stores that it was typed for. This applies to profiles in the
        user's own directory and to drafts, and only to the same entry and store without a special route.
        """
        if self.path is not None:
            own = self._machine.directories.config / "profiles"
            if (
                self.path.parent != own
                or await asyncio.to_thread(self._records.find, self.path, self.environment) is not None
            ):
                return missing
        vault, left = Vault(self._machine, Mask()), []
        try:
            for each in missing:
                facts = each.facts
                entry = str(facts.get("secret", "")).removeprefix("keyring:")
                plain = set(facts) == {"kind", "secret", "to"} and str(facts["secret"]).startswith("keyring:")
                if not plain or facts["to"] not in await vault.stored_origins(entry, drafts=self.path is None):
                    left.append(each)
        finally:
            vault.close()
        bound = [each for each in missing if each not in left]
        self._accepted.update(bound)
        if self.path is not None and not left:
            await asyncio.to_thread(self._grant, self.path, bound)
        return left

    async def own_changes(
        self, saved_text: str | None, data: Mapping[str, Json], path: Path, vault: Vault | None = None
    ) -> OwnChanges:
        """What the user trusts this profile with by saving it: their own changes, and nothing from elsewhere.

        `saved_text` is the file as it was opened, None if there was none; `data` is what is saved to `path`. What was
        not trusted in that file stays so, and is asked for when it is used; except secrets that were typed, which are
        held in `vault`. Each environment is trusted by itself.
        """
        found = await asyncio.to_thread(self._own_changes, saved_text, data, path)
        foreign = [each for each in found.foreign if not self._is_implied(each, vault)]
        return found.with_foreign(self.environment, await self._not_migrated(foreign) if foreign else [])

    def _own_changes(self, saved_text: str | None, data: Mapping[str, Json], path: Path) -> OwnChanges:
        before = None if saved_text is None or self.path is None else _data_of(saved_text)
        created = saved_text is None or self.path is None
        found = OwnChanges({})
        for environment in dict.fromkeys((self.environment, "", *names_of(data))):
            draft = _profile_in(data, environment)
            if draft is None:  # it is invalid, and cannot be used
                continue
            wanted, trusted = capabilities(draft, folder_of(path), self._machine), self._trusted(environment)
            missing = [each for each in wanted if each not in trusted]
            foreign = [] if created or not missing else self._foreign(before, environment, missing)
            found.trusted[environment] = tuple(each for each in wanted if each not in foreign)
            if environment == self.environment:
                found.new = tuple(each for each in missing if each not in foreign)
                found.foreign = tuple(foreign)
        return found

    def _trusted(self, environment: str) -> set[Capability]:
        record = None if self.path is None else self._records.find(self.path, environment)
        accepted = self._accepted if environment == self.environment and not self._once else ()
        return {*accepted, *(() if record is None else record.capabilities)}

    def _foreign(
        self, saved: Mapping[str, Json] | None, environment: str, missing: list[Capability]
    ) -> list[Capability]:
        """Those of the missing capabilities that the saved data has, or that are made of what it has.

        All of them where it is invalid.
        """
        if saved is not None and environment not in ("", *names_of(saved)):
            environment = ""  # the user has just made this environment, from the base values
        profile = None if saved is None else _profile_in(saved, environment)
        if profile is None:
            return missing
        there = {*capabilities(profile, self.directory, self._machine)} - self._trusted(environment)
        return [each for each in missing if _shares_a_fact(each, there)]

    def grant_saved(self, path: Path, changes: OwnChanges) -> None:
        """Trusts the profile that the user has saved there with what is trusted in it. Raises `CannotSave`."""
        self.path = path
        for environment, granted in changes.trusted.items():
            if granted or self._records.find(path, environment) is not None:
                self._records.grant(path, granted, self._machine.now(), only=True, environment=environment)

    def restore_records(self, before: Iterable[TrustRecord]) -> None:
        """Trusts the profile as it was before it was saved. Raises `CannotSave`."""
        for record in before:
            path, now = Path(record.profile), self._machine.now()
            self._records.grant(path, record.capabilities, now, only=True, environment=record.environment)

    def records(self) -> list[TrustRecord]:
        """What the profile is trusted with, in each environment."""
        resolved = "" if self.path is None else os.path.realpath(self.path)
        return [each for each in self._records.list() if each.profile == resolved]

    def _grant(self, path: Path, found: Iterable[Capability]) -> None:
        self._records.grant(path, found, self._machine.now(), environment=self.environment)


@dataclass
class OwnChanges:
    """What a profile is trusted with once its user has saved it, by environment."""

    trusted: dict[str, tuple[Capability, ...]]
    new: tuple[Capability, ...] = ()
    """What the user has added, in the environment that is edited."""
    foreign: tuple[Capability, ...] = ()
    """What is not trusted there: it was in the file, and its user has not allowed it."""

    def with_foreign(self, environment: str, left: Sequence[Capability]) -> OwnChanges:
        """The same, where only these are not trusted of what was in the file."""
        allowed = tuple(each for each in self.foreign if each not in left)
        trusted = {**self.trusted, environment: (*self.trusted[environment], *allowed)} if allowed else self.trusted
        return OwnChanges(trusted, self.new, tuple(left))


def copy_trust(machine: Machine, profile: Path, copied: Path) -> None:
    """Trusts the copy that the user made of a profile with as much as the original. Blocks. Raises `CannotSave`.

    The copy writes to files of its own: if all that the original can do is trusted, so is all that the copy can do.
    """
    records = TrustRecords(machine.directories.state)
    with suppress(UserError):
        data, copied_data = (_data_of(as_text(each, read_bytes(each))) or {} for each in (profile, copied))
        for environment in ("", *names_of(data)):
            record = records.find(profile, environment)
            original, copy = _profile_in(data, environment), _profile_in(copied_data, environment)
            if record is None or original is None or copy is None:
                continue
            trusted, wanted = {*record.capabilities}, capabilities(copy, folder_of(copied), machine)
            if not trusted.issuperset(capabilities(original, folder_of(profile), machine)):
                wanted = [each for each in wanted if each in trusted]
            records.grant(copied, wanted, machine.now(), environment=environment)


def _shares_a_fact(capability: Capability, others: Iterable[Capability]) -> bool:
    """Whether it has, say, the secret, the destination or the program of one of the others of its kind.

    Who sets a proxy in a profile from elsewhere has not allowed where its secrets go.
    """
    facts = capability.facts
    of_kind = [each.facts for each in others if each.kind == capability.kind]
    return any(facts.get(name) == value for each in of_kind for name, value in each.items() if name != "kind")


def _data_of(text: str) -> Mapping[str, Json] | None:
    """The data of this text; None if it is not TOML."""
    try:
        return toml.loads(text)
    except (ValueError, RecursionError):
        return None


def _profile_in(data: Mapping[str, Json], environment: str) -> Profile | None:
    """The profile with the values of an environment; None if it is invalid."""
    try:
        profile, _ = check_data(data, environment)
    except UserError:
        return None
    return profile


_GROUPED = {"keyring": "secrets", "env": "environment variables"}
"""Sources of secrets of which several are named in one line."""


def question(profile: str, missing: Sequence[Capability]) -> str:
    """The question whether to trust the profile with these capabilities."""
    listed = "\n".join(f"  - {line}" for line in capability_lines(missing))
    return f"The profile {profile} is not yet trusted to do this:\n\n{listed}\n\nTrust it?"


def capability_lines(found: Iterable[Capability]) -> list[str]:
    """The capabilities as text, one per line; secrets that are sent to one origin by one route share a line."""
    lines: list[str] = []
    by_route: dict[tuple[str, ...], list[Capability]] = {}
    for each in found:
        facts = each.facts
        place, _, _ = str(facts.get("secret", "")).partition(":")
        if place in _GROUPED:
            route = (place, str(facts["to"]), str(facts.get("route", "")), str(facts.get("signed-as", "")))
            by_route.setdefault(route, []).append(each)
        else:
            lines.append(each.text)
    for (place, origin, *_), group in by_route.items():
        if len(group) == 1:
            lines.append(group[0].text)
            continue
        names = [str(each.facts["secret"]).removeprefix(f"{place}:") for each in group]
        rest = group[0].text[group[0].text.rindex(f" to {origin}") :]
        lines.append(f"sends {len(names)} {_GROUPED[place]} ({', '.join(names)}){rest}")
    # a name in the profile must neither look like further lines nor move its own end out of view
    return [shown_line(_BLANKS.sub(lambda blanks: f" [{len(blanks[0])} blanks] ", line)) for line in lines]
