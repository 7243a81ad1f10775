"""Everything from outside the program: clock, sleep, nonce, environment, directories, keyring, prompts to the user.

Nothing else reads the clock, the environment or a standard directory: all code receives a `Machine`, and tests pass
their own.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import shlex
import string
import sys
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from .errors import UserError

# without a handler, logging would print warnings on standard error; `program_log` adds the one that writes them
logging.getLogger("tui_connector").addHandler(logging.NullHandler())

_NONCE_LETTERS = string.ascii_letters + string.digits


class Keyring(Protocol):
    """The part of a keyring backend that is used; it blocks, so only the keyring thread calls it."""

    def get_password(self, service: str, username: str) -> str | None: ...

    def set_password(self, service: str, username: str, password: str) -> None: ...

    def delete_password(self, service: str, username: str) -> None: ...


class Prompt(Protocol):
    """Prompts to the user. A headless run has no user: then the results are None and False."""

    async def secret(self, label: str) -> str | None:
        """The secret that the user typed; empty if they typed none, None if there is no user to prompt."""
        ...

    async def missing_secret(self, question: str) -> str | None:
        """The value of a secret whose source has none, for this session; empty if the user typed none.

        None where a profile gets its values before the program starts: everywhere but on a screen.
        """
        ...

    async def another_secret(self, question: str) -> str | None:
        """The value that replaces one which the store has refused; empty to send that one again.

        None if the user wants neither, and everywhere but on a screen.
        """
        ...

    def notify(self, message: str) -> None:
        """Tells the user, where there is a screen, which keys prompt again."""
        ...

    async def allow(self, question: str) -> bool:
        """Whether the user says yes."""
        ...


class NoPrompt:
    """There is no user to prompt."""

    async def secret(self, label: str) -> str | None:
        return None

    async def missing_secret(self, question: str) -> str | None:
        return None

    async def another_secret(self, question: str) -> str | None:
        return None

    def notify(self, message: str) -> None:
        pass

    async def allow(self, question: str) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class DraftSecrets:
    """Secrets that were typed for an unfinished setup, which has no file."""

    title: str
    """The title of the setup."""
    entries: Mapping[str, tuple[str, tuple[str, ...]]] = field(repr=False)
    """Each secret and its origins, by the name that its keyring entry will have."""


class TypedSecrets:
    """Secrets that the user typed in this process and that no keyring has, for the profiles that name them.

    A profile names such a secret as an environment variable or a prompt; until the program exits, it has this value.
    """

    def __init__(self) -> None:
        self._values: dict[tuple[Path, str, str], str] = {}
        self._refused: set[tuple[Path, str, str]] = set()
        """The keys of values that the store has refused."""
        self._doubtful: set[tuple[Path, str, str]] = set()
        """Those among them that may be right, as only a permission may be missing."""
        self._stored: set[str] = set()
        """Secrets that were stored in a keyring since they were typed."""
        self._of_drafts: dict[str, DraftSecrets] = {}

    def keep(self, profile: Path, source: str, origin: str, secret: str) -> None:
        """`source` is its key, and `origin` where it may be sent.

        Without an origin, it is sent wherever the profile is trusted to send it, instead of earlier values.
        """
        if not origin:
            self._values = {key: each for key, each in self._values.items() if key[:2] != (profile, source)}
        self._values[profile, source, origin] = secret
        self._refused &= {*self._values} - {(profile, source, origin)}

    def refuse(self, profile: Path, source: str, origin: str, *, may_be_right: bool) -> None:
        """The store has refused the value of this source: it is not sent again before its user wants that."""
        key = self._key(profile, source, origin)
        self._refused.add(key)
        self._doubtful = self._doubtful | {key} if may_be_right else self._doubtful - {key}

    def may_be_right(self, profile: Path | None, source: str, origin: str) -> bool:
        """Whether the value was refused and may be right all the same."""
        return self.is_refused(profile, source, origin) and (
            profile is not None and self._key(profile, source, origin) in self._doubtful
        )

    def is_refused(self, profile: Path | None, source: str, origin: str) -> bool:
        return profile is not None and self._key(profile, source, origin) in self._refused

    def accept(self, profile: Path, source: str, origin: str) -> None:
        """The store has accepted the value of this source, which it refused before for another reason."""
        self._refused.discard(self._key(profile, source, origin))

    def allow_refused(self) -> None:
        """Refused values may be sent again."""
        self._refused.clear()

    def has(self, profile: Path | None, source: str, origins: Collection[str] = ()) -> bool:
        """Whether this source has a value that may be sent to one of these origins; without any, wherever."""
        if origins:
            return any(self.find(profile, source, each) is not None for each in origins)
        return any(key[:2] == (profile, source) for key in self._values)

    def copy(self, profile: Path, to: Path, sources: Mapping[str, str] | None = None) -> None:
        """Another profile has the same values; `sources`: keys that are other ones there."""
        for (of, source, origin), secret in [*self._values.items()]:
            if of == profile:
                self._values[to, (sources or {}).get(source, source), origin] = secret

    def copy_prompted(self, profile: Path, authentication: str, to: str) -> None:
        """The prompts of an authentication have the same values under another name of it."""
        before = f"ask:{authentication}/"
        for (of, source, origin), secret in [*self._values.items()]:
            if of == profile and source.startswith(before):
                self._values[profile, f"ask:{to}/{source.removeprefix(before)}", origin] = secret

    def forget(self, profile: Path) -> None:
        for key in [each for each in self._values if each[0] == profile]:
            del self._values[key]

    def all(self) -> Iterator[tuple[str, str]]:
        """Each secret, after the key of its source."""
        for (_, source, _), secret in self._values.items():
            yield source, secret
        for draft in self._of_drafts.values():
            for name, (secret, _) in draft.entries.items():
                yield f"keyring:{name}", secret

    def keep_for_draft(self, key: str, secrets: DraftSecrets) -> None:
        """Keeps what was typed for the draft with this key, instead of what was kept for it before."""
        self.forget_draft(key)
        if secrets.entries:
            self._of_drafts[key] = secrets

    def forget_draft(self, key: str) -> None:
        """Forgets what was typed for a draft that was saved or discarded."""
        self._of_drafts.pop(key, None)

    def of_draft(self, key: str) -> Mapping[str, tuple[str, tuple[str, ...]]]:
        """What was typed for the draft with this key, by the name of the keyring entry, with its origins."""
        found = self._of_drafts.get(key)
        return found.entries if found is not None else {}

    def of_drafts(self) -> Collection[DraftSecrets]:
        return self._of_drafts.values()

    def set_stored(self, secret: str) -> None:
        """Called once a keyring has this secret, too."""
        self._stored.add(secret)

    def only_here(self, environ: Mapping[str, str], is_known: Callable[[Path, str], bool]) -> dict[Path, list[str]]:
        """The sources whose only value is this one, by profile: not prompts, set variables and known values.

        `is_known` tells whether a profile gets a value from elsewhere.
        """
        found: dict[Path, list[str]] = {}
        for (profile, source, _), secret in self._values.items():
            place, _, name = source.partition(":")
            sources = found.setdefault(profile, [])
            is_set = place == "env" and bool(environ.get(name))
            if place == "ask" or is_set or secret in self._stored or name in sources or is_known(profile, secret):
                continue
            sources.append(name)
        return {profile: names for profile, names in found.items() if names}

    def find(self, profile: Path | None, source: str, origin: str) -> str | None:
        if profile is None:
            return None
        return self._values.get(self._key(profile, source, origin))

    def _key(self, profile: Path, source: str, origin: str) -> tuple[Path, str, str]:
        """The key of the value for this origin, or of the one for any."""
        key = profile, source, origin
        return key if key in self._values else (profile, source, "")


@dataclass(frozen=True, slots=True)
class Directories:
    """Where the program writes, and nowhere else; they follow the XDG variables."""

    config: Path
    state: Path
    cache: Path
    profiles: Path
    data: Path | None = None
    """Where sinks may write besides a profile's own folder; None: nowhere."""

    def data_for(self, profiles: Path) -> Path | None:
        """Where new configurations of profiles in this folder keep their data; None: beside the profile.

        A profile elsewhere, as in a repository, names no place of this computer.
        """
        return self.data if profiles == self.config / "profiles" else None


def nonce() -> str:
    """32 letters and digits: Magento keeps nonces in a varchar(32) (Magento_Integration, oauth_nonce)."""
    return "".join(secrets.choice(_NONCE_LETTERS) for _ in range(32))


@dataclass(frozen=True, slots=True)
class Machine:
    """The world outside the program."""

    directories: Directories
    environ: Mapping[str, str]
    keyring: Callable[[], Keyring] | None = None
    """Opens the keyring to use; None: the best allowed one on this computer."""
    prompt: Prompt = field(default_factory=NoPrompt)
    typed: TypedSecrets = field(default_factory=TypedSecrets)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    nonce: Callable[[], str] = nonce

    async def sleep_unless(self, seconds: float, ended: asyncio.Event) -> None:
        """Sleeps for `seconds`, or until the event is set."""
        ends = [asyncio.ensure_future(each) for each in (self.sleep(seconds), ended.wait())]
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                await each
        finally:
            for each in ends:
                each.cancel()


_ALWAYS_PASSED = frozenset(
    {
        *("HOME", "PATH", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TERM", "COLORTERM", "TMPDIR"),
        *("TERMINFO", "TERMINFO_DIRS", "NO_COLOR", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY"),
        *("DBUS_SESSION_BUS_ADDRESS", "SSH_AUTH_SOCK", "GPG_AGENT_INFO", "GPG_TTY", "GNUPGHOME"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "SYSTEMROOT", "APPDATA", "LOCALAPPDATA", "USERPROFILE"),
    }
)
PROXY_VARIABLES = frozenset(
    name for each in ("http_proxy", "https_proxy", "all_proxy", "no_proxy") for name in (each, each.upper())
)


def child_environment(environ: Mapping[str, str], *, also: Iterable[str] = ()) -> dict[str, str]:
    """The environment of a child process: what every program needs, and the variables in `also`.

    A name in `also` that ends in `_` is a prefix. A Python child loads no module from its working directory.
    """
    named = set(also)
    prefixes = ("LC_", "XDG_", *(name for name in named if name.endswith("_")))
    wanted = _ALWAYS_PASSED | named
    found = {name: value for name, value in environ.items() if name in wanted or name.startswith(prefixes)}
    return {**found, "PYTHONSAFEPATH": "1"}


def how_to_install(extra: str) -> str:
    """What to do where a feature needs an extra of this program that is missing."""
    with_pipx = "pipx" in Path(sys.prefix).parts
    command = "pipx install --force" if with_pipx else f"{shlex.quote(sys.executable)} -m pip install -e"
    return f"Install it in a clone of the program: {command} '.[{extra}]'"


def this_machine(prompt: Prompt | None = None, profile_directory: Path | None = None) -> Machine:
    """The machine the program runs on. Raises `UserError` where nothing says which directories are this user's."""
    return Machine(directories=_directories(profile_directory), environ=dict(os.environ), prompt=prompt or NoPrompt())


def _directories(profiles: Path | None) -> Directories:
    from platformdirs import PlatformDirs

    dirs = PlatformDirs("tui-connector", appauthor=False)
    try:
        config = _absolute(dirs.user_config_dir, ".config")
        state, cache = _absolute(dirs.user_state_dir, ".local/state"), _absolute(dirs.user_cache_dir, ".cache")
        data = _absolute(dirs.user_data_dir, ".local/share")
    except (KeyError, RuntimeError):  # a container that runs as a user ID without an entry: pwd, pathlib
        raise UserError(
            "no-home",
            f"Nothing says where your files belong: HOME is not set, and user {os.getuid()} of this system has no home "
            "directory",
            "Set HOME, or all of XDG_CONFIG_HOME, XDG_STATE_HOME, XDG_CACHE_HOME and XDG_DATA_HOME, to directories "
            "that this user may write to.",
        ) from None
    return Directories(config, state, cache, profiles or config / "profiles", None if data == state else data)


def _absolute(found: str, default: str) -> Path:
    """The directory that was found; instead of a relative path, the default one in the home directory.

    Relative paths must be ignored (XDG Base Directory Specification): they would lead into the working directory, such
    as a repository that contains its own trust records.
    """
    path = Path(found)
    if path.is_absolute():
        return path
    home = os.path.expanduser("~")
    if not os.path.isabs(home):
        import pwd

        home = pwd.getpwuid(os.getuid()).pw_dir
    return Path(home) / default / path.name
