"""Reads and stores secrets, checks where they may be sent, and holds typed ones for this session."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from ..machine import DraftSecrets, Keyring, Machine
from .backends import best_keyring, is_locked, override_name, reason_of, without_entry, without_keyring
from .capability import Grants, ResolvedCommand
from .cleaning import clean
from .command import command_environment, run_command
from .errors import OtherStore, SecretError
from .keychain import Keychain, KeychainTimeout
from .mask import Mask
from .source import SecretSource

log = logging.getLogger(__name__)

T = TypeVar("T")

READ_DEADLINE = 5.0
WRITE_DEADLINE = 60.0
"""Seconds; the user may have to unlock the keyring before it is written."""
NOTICE_AFTER = 2.0
"""Seconds after which a keyring that has not responded is reported."""
WINDOW = "Is a window waiting for its password?"


_USER = "tui-connector"
_SELF_TEST = "self-test"
_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_WINDOWS_LIMIT = 1_280  # characters: a credential's blob is 2,560 bytes of UTF-16 (CRED_MAX_CREDENTIAL_BLOB_SIZE)
_LONG_ENOUGH = 32
"""Characters; of longer secrets the last four may be shown, to tell tokens apart."""


_RUN_MANUALLY = "Run it manually to see its output."


@dataclass(frozen=True, slots=True)
class KeyringState:
    """Which keyring there is, and why if it cannot be used."""

    name: str
    usable: bool
    reason: str = ""


@dataclass(slots=True)
class _Entry:
    secret: str = field(repr=False)
    origins: list[str]
    version: int = 2
    """Version 1 is from when entries could be sent to these origins only, by every profile."""

    def as_text(self) -> str:
        return json.dumps({"v": self.version, "origins": self.origins, "secret": self.secret})

    @classmethod
    def of(cls, text: str) -> _Entry:
        """The content of an entry; one that was stored by other means has no origins yet."""
        try:
            data = json.loads(text)
            return cls(str(data["secret"]), [str(origin) for origin in data["origins"]], int(data["v"]))
        except (ValueError, TypeError, KeyError):
            return cls(text, [])


@dataclass(frozen=True, slots=True)
class HeldSecrets:
    """Secrets that were typed in this session, by name."""

    entries: Mapping[str, _Entry] = field(repr=False)


class Vault:
    """The secrets of this run. Every value is known to the mask before it is returned.

    For jobs and containers, the environment variable `TUI_CONNECTOR_<NAME>` (the entry's name in capitals, with `_` for
    all other characters) overrides a keyring entry. It is sent where the profile is trusted to send that entry.
    """

    def __init__(
        self,
        machine: Machine,
        mask: Mask,
        profile: Path | None = None,
        on_wait: Callable[[], None] = lambda: None,
    ) -> None:
        """`profile` is the file of the profile that it is for; `on_wait` is called when the keyring is slow."""
        self.on_wait = on_wait
        self.mask = mask
        self._profile = profile
        self._machine = machine
        self._keychain = Keychain(machine.keyring or self._best_keyring)
        self._held: dict[str, _Entry] = {}
        self._entered: set[str] = set()
        """The prompts among them that were answered on a screen, before a run or a test."""
        self._refused: set[str] = set()
        """The prompts among those whose secret the store has refused with a request."""
        self._accepted: set[tuple[str, str, str]] = set()
        """Sources, origins and secrets with which the store has accepted a request."""
        self._cache: dict[str, _Entry] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._keyring_name = "the system's keyring"
        for source, secret in machine.typed.all():  # the masks of earlier screens may be gone
            mask.learn(secret, source.partition(":")[2])

    async def read(self, source: SecretSource, origin: str, route: str, grants: Grants, directory: Path) -> str:
        """The secret, for a request to `origin` by this route; `directory` is the profile's folder.

        Raises `SecretError` if this is not granted, or if the secret is not available.
        """
        if not grants.sends(source.key, origin, route):
            by = " by this route (proxy, certificates)" if route else ""
            raise SecretError(
                "secret-untrusted",
                f"The profile is not trusted to send {source.label} to {origin}{by}",
                "Review what it can do, then allow it: tui-connector trust PROFILE.",
            )
        if source.keyring is not None:
            try:
                secret = await self._from_keyring(source.keyring)
            except SecretError:
                if not (secret := self._typed(source, origin) or ""):
                    raise
        elif source.env is not None:
            secret = self._machine.environ.get(source.env) or self._typed(source, origin) or ""
            if not secret:
                raise SecretError(
                    "secret-missing",
                    f"The environment variable {source.env} is not set",
                    f"Set it before the program starts: export {source.env}=… Or enter its value for this session in "
                    "step 2 of the guide (g on the profile's page), or that of an environment in its form (E there).",
                )
        elif source.command is not None:
            secret = await self._from_command(source, grants, directory)
        else:
            secret = self._typed(source, origin) or await self._prompted(source, origin)
        secret = clean(secret, source.kind)
        if not secret:
            raise SecretError("secret-missing", f"The secret from {source.label} is empty", "Copy it again.")
        if _UNSENDABLE.search(secret):
            raise SecretError(
                "secret-missing",
                f"The secret from {source.label} contains a line break, a control character or a character that is not "
                "UTF-8",
                "Copy it again, without surrounding text.",
            )
        self.mask.learn(secret, source.label)
        return secret

    async def missing(self, source: SecretSource, origins: Collection[str]) -> str:
        """Why a secret has no value for one of these origins, such as "The environment variable X is not set".

        "" if it has one, or may have: no command is run, and nothing is prompted for.
        """
        if all(self._typed(source, each) is not None for each in origins or ("",)):
            refused = any(self._machine.typed.is_refused(self._profile, source.key, each) for each in origins)
            return "The store refused the value that was typed" if refused else ""
        if source.keyring is not None:
            try:
                await self._from_keyring(source.keyring)
            except SecretError as error:
                return error.message
        elif source.env is not None and not self._machine.environ.get(source.env):
            return f"The environment variable {source.env} is not set"
        return ""

    def unprompted(self, source: SecretSource, origins: Iterable[str]) -> list[str]:
        """Those of these origins for which the user has not typed this secret yet, which is prompted for."""
        if not source.ask:
            return []
        typed = [each for each in origins if self._typed(source, each) is not None]
        held = {*self._held} - self._refused
        return [each for each in origins if each not in typed and _prompt(source, each) not in held]

    def may_repeat(self, source: SecretSource, origins: Iterable[str]) -> bool:
        """Whether a value was typed for one of these origins that a request was refused with: it may be right."""
        typed = self._machine.typed
        return any(
            _prompt(source, each) in self._refused or typed.may_be_right(self._profile, source.key, each)
            for each in origins
        )

    def repeat(self, source: SecretSource, origins: Iterable[str]) -> None:
        """The user wants the value that was refused to be sent again, where it was typed for."""
        for each in origins:
            self._refused.discard(_prompt(source, each))
            if self._profile is not None:
                self._machine.typed.accept(self._profile, source.key, each)

    def refuse(self, source: SecretSource, origin: str, secret: str, *, may_be_right: bool = False) -> bool:
        """The store refused a login with this secret: it is missing, if it was typed for this session.

        `may_be_right`: it was refused with a request, and is sent again if its user wants that.
        Returns whether a screen asks for it before the next run or test.
        """
        question = _prompt(source, origin)
        prompted = self._held.get(question)
        if source.ask and prompted is not None and clean(prompted.secret, source.kind) == secret:
            del self._held[question]
            return question in self._entered
        typed = self._typed(source, origin)
        if self._profile is None or typed is None or clean(typed, source.kind) != secret:
            return False
        self._machine.typed.refuse(self._profile, source.key, origin, may_be_right=may_be_right)
        return True

    def refuse_request(self, source: SecretSource, origin: str, secret: str) -> bool:
        """The store refused a request with this secret (401): it is missing, if it was typed for this session.

        The run that sent it goes on with it. One that was accepted before lacks a permission, and is not missing.
        Returns whether a screen asks for it before the next run, test or request, and did not know it yet.
        """
        if (source.key, origin, secret) in self._accepted:
            return False
        question = _prompt(source, origin)
        prompted = self._held.get(question)
        if source.ask and prompted is not None and clean(prompted.secret, source.kind) == secret:
            is_new = question in self._entered - self._refused
            self._refused |= {question} & self._entered
            return is_new
        return not self._machine.typed.is_refused(self._profile, source.key, origin) and self.refuse(
            source, origin, secret, may_be_right=True
        )

    def accept_request(self, source: SecretSource, origin: str, secret: str) -> None:
        """The store accepted a request with this secret."""
        key = source.key, origin, secret
        if key not in self._accepted:
            self._accepted.add(key)
            self._refused.discard(_prompt(source, origin))
            if self._profile is not None:
                self._machine.typed.accept(self._profile, source.key, origin)

    def hold_prompted(self, source: SecretSource, origin: str, secret: str) -> None:
        """Holds what the user has typed for a secret that is prompted for."""
        question = _prompt(source, origin)
        self._held[question] = _Entry(secret, [origin])
        self._entered.add(question)
        self._refused.discard(question)

    async def learn(self, sources: Iterable[SecretSource]) -> None:
        """Reads the secrets in the keyring and in variables, so that they are masked; prompts for none, runs nothing.

        Secrets that cannot be read are left out: nothing is sent with them.
        """
        for source in sources:
            with contextlib.suppress(SecretError):
                text = self._machine.environ.get(source.env, "") if source.env is not None else ""
                if source.keyring is not None:
                    text = await self._from_keyring(source.keyring)
                if secret := clean(text, source.kind):
                    self.mask.learn(secret, source.label)

    def hold(self, name: str, secret: str, origin: str) -> None:
        """Holds a typed secret for this session, under the name that its keyring entry will have."""
        self._held[name] = _Entry(secret, [origin])
        self.mask.learn(secret, name)

    def held(self, name: str) -> bool:
        return name in self._held

    def held_names(self) -> set[str]:
        """The names of the secrets that were typed in this session."""
        return {*self._held}

    def is_held_for(self, name: str, origin: str) -> bool:
        """Whether this secret was typed in this session for this origin."""
        return self.held_secret(name, origin) is not None

    def held_secret(self, name: str, origin: str) -> str | None:
        """The secret if it was typed in this session for this origin, else None."""
        entry = self._held.get(name)
        return entry.secret if entry is not None and origin in entry.origins else None

    def _typed(self, source: SecretSource, origin: str) -> str | None:
        return self._machine.typed.find(self._profile, source.key, origin)

    def keep_typed(self, name: str, profile: Path, source: str) -> None:
        """Keeps a typed secret for this session for a saved profile that does not take it from the keyring.

        `source` is the key of the source that the profile names instead.
        """
        entry = self._held.get(name)
        for origin in entry.origins if entry is not None else ():
            self._machine.typed.keep(profile, source, origin, entry.secret if entry else "")

    def keep_imported(self, profile: Path, source: SecretSource, origins: Iterable[str], secret: str) -> None:
        """Keeps a secret for this session for a profile that takes it from a keyring that cannot be used.

        Without origins it is not known yet where it is sent: wherever the profile will be trusted to send it.
        """
        for origin in (*origins,) or ("",):
            self._machine.typed.keep(profile, source.key, origin, secret)

    async def stored_origins(self, name: str, *, drafts: bool = False) -> tuple[str, ...]:
        """The origins stored in a keyring entry by earlier versions of this program, which trusted them.

        `drafts`: also those stored by the guide since then.
        """
        try:
            entry = await self._entry(name)
        except SecretError:
            return ()
        return tuple(entry.origins) if drafts or entry.version == 1 else ()

    def glimpse(self, name: str) -> str:
        """A secret as it may be displayed: one dot per character and the end of a token; empty if not at hand."""
        entry = self._held.get(name) or self._cache.get(name)
        return _glimpse(entry.secret) if entry is not None else ""

    def glimpse_typed(self, source: str, origin: str) -> str:
        """As `glimpse`, of a value that is kept for this session; empty where the source has another one."""
        place, _, name = source.partition(":")
        is_set = place == "env" and self._machine.environ.get(name)
        return "" if is_set else _glimpse(self._machine.typed.find(self._profile, source, origin) or "")

    def forget(self, name: str) -> None:
        self._held.pop(name, None)
        self._cache.pop(name, None)

    def held_secrets(self) -> HeldSecrets:
        """What was typed in this session and is not in the keyring, to be restored later."""
        return HeldSecrets(dict(self._held))

    def differs(self, earlier: HeldSecrets, name: str) -> bool:
        """Whether this secret was typed since then."""
        return name in self._held and self._held[name] != earlier.entries.get(name)

    def restore_held(self, earlier: HeldSecrets) -> None:
        """Forgets what was typed since then."""
        self._held = dict(earlier.entries)

    def keep_for_draft(self, key: str, title: str) -> None:
        """Keeps what was typed for the draft with this key, until the program exits."""
        entries = {name: (each.secret, tuple(each.origins)) for name, each in self._held.items()}
        self._machine.typed.keep_for_draft(key, DraftSecrets(title, entries))

    def forget_draft(self, key: str) -> None:
        """Forgets what was typed for a draft that was saved or discarded."""
        self._machine.typed.forget_draft(key)

    def hold_of_draft(self, key: str) -> None:
        """Holds what was typed for the draft with this key earlier in this session, and is kept for it no longer."""
        for name, (secret, origins) in self._machine.typed.of_draft(key).items():
            self._held[name] = _Entry(secret, list(origins))
            self.mask.learn(secret, name)
        self._machine.typed.forget_draft(key)

    def rename_held(self, name: str, *to: str) -> None:
        """Moves a secret that was typed in this session to other names."""
        entry = self._held.pop(name)
        self._held |= dict.fromkeys(to, entry)

    async def origins_of(self, name: str) -> tuple[str, ...] | None:
        """The origins that a keyring entry was stored for; None if there is no entry. Raises `SecretError`."""
        try:
            return tuple((await self._entry(name)).origins)
        except SecretError as error:
            if error.code != "secret-missing":
                raise
            return None

    async def store(self, name: str, secret: str, *origins: str, replace: bool = False) -> None:
        """Stores a secret in the keyring and reads it back. Without `replace`, an entry of another store is kept.

        Raises `OtherStore` and `SecretError`.
        """
        if not replace:
            await self._check_owner(name, origins)
        await self._write(name, _Entry(secret, list(origins)))

    async def copy(self, name: str, to: str) -> bool:
        """Copies a keyring entry under another name; False if there is none. Raises `SecretError`.

        An entry that has the other name and another content is not replaced.
        """
        try:
            entry = await self._entry(name)
        except SecretError as error:
            if error.code != "secret-missing":
                raise
            return False
        try:
            there = await self._entry(to)
        except SecretError as error:
            if error.code != "secret-missing":
                raise
        else:
            if there != entry:
                raise OtherStore(to, list(there.origins))
            return False
        await self._write(to, entry)
        return True

    async def store_held(self, names: list[str]) -> list[str]:
        """Stores those of these secrets that are held in the keyring, replacing entries; returns their names."""
        stored = [name for name in names if name in self._held]
        for name in stored:
            await self._write(name, self._held[name])
        for name in stored:  # only after all are stored, so that a partly written set can be retried
            self._cache[name] = self._held.pop(name)
            self._machine.typed.set_stored(self._cache[name].secret)
        return stored

    async def would_replace(self, name: str) -> bool:
        """Whether storing what is held under this name would replace another secret. Raises `SecretError`."""
        if name not in self._held:
            return False
        try:
            return (await self._entry(name)).secret != self._held[name].secret
        except SecretError as error:
            if error.code != "secret-missing":
                raise
            return False

    async def check_owners(self, origins: Mapping[str, Sequence[str]]) -> None:
        """Raises `OtherStore` if one of these entries was stored for another store than the profile's."""
        for name, own in origins.items():
            if name in self._held:
                await self._check_owner(name, [*self._held[name].origins, *own])

    async def _check_owner(self, name: str, origins: Sequence[str]) -> None:
        others = [each for each in await self.origins_of(name) or () if each not in origins]
        if others:
            raise OtherStore(name, others)

    async def delete(self, name: str) -> bool:
        """Removes an entry from the keyring; returns whether there was one. Raises `SecretError`."""
        self.forget(name)

        def remove(keyring: Keyring) -> bool:
            if keyring.get_password(_service(name), _USER) is None:
                return False
            keyring.delete_password(_service(name), _USER)
            return True

        return await self._call(remove, WRITE_DEADLINE, name, "")

    async def state(self, *, writing: bool = True) -> KeyringState:
        """Whether the keyring can be read and, with `writing`, written; tested with a value that is not a secret."""
        try:
            if writing:
                await self._write(_SELF_TEST, _Entry("no secret", []))
                await self.delete(_SELF_TEST)
            else:
                await self.origins_of(_SELF_TEST)
        except SecretError as error:
            return KeyringState("no keyring", False, error.message)
        return KeyringState(self._keyring_name, True)

    def close(self) -> None:
        self._keychain.close()

    async def _from_keyring(self, name: str) -> str:
        variable = override_name(name)
        override = None if variable in _NOT_SECRETS else self._machine.environ.get(variable)
        if override and name not in self._held:
            return override
        entry = self._held.get(name)
        if entry is None:
            async with self._locks.setdefault(name, asyncio.Lock()):
                entry = self._cache.get(name) or await self._entry(name, without_keyring(name))
                self._cache[name] = entry
        return entry.secret

    async def _entry(self, name: str, otherwise: str = "") -> _Entry:
        """The entry. `otherwise`: what to do where the keyring cannot be used, instead of another source."""
        otherwise = otherwise or without_entry()
        text = await self._call(lambda each: each.get_password(_service(name), _USER), READ_DEADLINE, name, otherwise)
        if not text:
            hint = f"Store it with tui-connector secrets set, or set {override_name(name)} for this run."
            raise SecretError("secret-missing", f"The keyring has no entry {name!r}", hint)
        return _Entry.of(text)

    async def _from_command(self, source: SecretSource, grants: Grants, directory: Path) -> str:
        assert source.command is not None
        subject = f"The {source.described}"
        environ = self._machine.environ
        named = source.environment or []
        command = await asyncio.to_thread(ResolvedCommand.of, source.command, named, directory, environ)
        if not grants.has(command.capability):
            raise SecretError(
                "secret-untrusted",
                f"{subject} or a file it uses is not the one that was trusted",
                "Review what has changed, then allow it: tui-connector trust PROFILE.",
            )
        if command.unverifiable:
            raise SecretError(
                "secret-untrusted",
                f"{subject} is not run: the content of {command.unverifiable} cannot be verified",
                "Use a program and files that can be read, of at most 512 MB.",
            )
        try:
            secret = await run_command(list(command.argv), environment=command_environment(command, environ))
        except SecretError as error:
            message = f"{subject} {error.message}"
            raise SecretError("secret-missing", message, error.hint or _RUN_MANUALLY) from error
        if not secret:
            raise SecretError("secret-missing", f"{subject} printed nothing", _RUN_MANUALLY)
        return secret

    async def _prompted(self, source: SecretSource, origin: str) -> str:
        """Prompts once for each secret and origin, however many requests wait for it."""
        question = _prompt(source, origin)
        async with self._locks.setdefault(question, asyncio.Lock()):
            held = self._held.get(question)
            if held is None:
                response = await self._machine.prompt.secret(question)
                if response is None:
                    hint = "Run it in a terminal."
                    raise SecretError(
                        "secret-missing", f"{question}: a prompt is needed, but there is no terminal", hint
                    )
                if not response:
                    raise SecretError(
                        "secret-missing", f"{question}: nothing was typed", "Try again, and type it when prompted."
                    )
                held = self._held[question] = _Entry(response, [origin])
        return held.secret

    async def _write(self, name: str, entry: _Entry) -> None:
        text = entry.as_text()
        if sys.platform == "win32" and len(text) > _WINDOWS_LIMIT:
            raise SecretError(
                "keyring-unusable",
                f"{name} is longer than the Windows Credential Manager accepts ({_WINDOWS_LIMIT} characters)",
                without_entry(),
            )

        def put(keyring: Keyring) -> bool:
            keyring.set_password(_service(name), _USER, text)
            return keyring.get_password(_service(name), _USER) == text

        if not await self._call(put, WRITE_DEADLINE, name, without_entry()):
            raise SecretError(
                "keyring-unusable", "The keyring accepted the secret but did not return it", without_entry()
            )

    async def _call(self, work: Callable[[Keyring], T], deadline: float, name: str, otherwise: str) -> T:
        """What `work` returns. Raises `SecretError`; `otherwise` is what to do without the keyring, if anything."""
        notice = asyncio.get_running_loop().call_later(NOTICE_AFTER, self.on_wait)
        try:
            return await self._keychain.call(work, deadline)
        except SecretError as error:  # there is none: a variable has the value in its place
            error.hint = error.hint or (without_keyring(name) if otherwise else "")
            raise
        except KeychainTimeout as error:
            hint = f"{WINDOW} Otherwise restart the keyring's service, or log out and in, and try again. {otherwise}"
            message = f"{str(error)[:1].upper()}{str(error)[1:]}"
            raise SecretError("keyring-unusable", message, hint.strip()) from error
        except Exception as error:
            if is_locked(error):
                hint = f"Unlock it in the desktop's password manager and try again. {otherwise}".strip()
                raise SecretError("keyring-unusable", "The keyring is locked and was not unlocked", hint) from error
            log.info("keyring entry %s: %s", name, reason_of(error))
            message = "The keyring does not work; program.log has its error"
            raise SecretError("keyring-unusable", message, otherwise) from error
        finally:
            notice.cancel()

    def _best_keyring(self) -> Keyring:
        keyring, self._keyring_name = best_keyring(self._machine.environ.get("PYTHON_KEYRING_BACKEND"))
        return keyring


_NOT_SECRETS = ("TUI_CONNECTOR_TRUST", "TUI_CONNECTOR_PROFILE_DIR")


def _prompt(source: SecretSource, origin: str) -> str:
    """What is prompted for."""
    return f"{source.described} for {origin}"


def _service(name: str) -> str:
    return f"tui-connector/{name}"


def _glimpse(secret: str) -> str:
    end = secret[-4:] if len(secret) >= _LONG_ENOUGH else ""
    return "•" * (len(secret) - len(end)) + end
