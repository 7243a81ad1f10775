"""Checks this computer: keyring, proxies, terminal, directories and clock. It sends nothing."""

from __future__ import annotations

import asyncio
import os
import platform
import re
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path

from ... import __version__
from ...client.connection import proxy_from_environment, proxy_in
from ...client.message import InvalidRequest
from ...machine import Directories, Machine
from ...magento.diagnosis import Finding
from ...secrets.vault import KeyringState, Vault

KEYRING_DEADLINE = 5.0
"""Seconds; a slower keyring is waiting for a prompt that is not visible."""
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
_EXCEPTION = re.compile(r"\*|(\*?[.\w-]+|\[?[0-9a-f:.]*:[0-9a-f:.]*\]?)(:\d+|/\d+)?", re.IGNORECASE)
"""An entry of NO_PROXY: a host, a part of its name, an address or a network."""
_LIBRARIES = ("textual", "httpx", "pydantic", "keyring", "jmespath", "tomlkit")
_SMALLEST = (80, 24)
_ESSENTIAL = frozenset({"directory", "clock"})
"""Findings that prevent the program from working."""


@dataclass(frozen=True, slots=True)
class TerminalInfo:
    """The terminal from which the command was started, if any."""

    columns: int
    rows: int


@dataclass(frozen=True, slots=True)
class MachineFact:
    """One property of this computer, with a finding if there is a problem."""

    name: str
    value: str
    finding: Finding | None = None


@dataclass(frozen=True, slots=True)
class MachineReport:
    """The result of the checks; it contains no secret."""

    facts: tuple[MachineFact, ...]

    @property
    def findings(self) -> list[Finding]:
        return [fact.finding for fact in self.facts if fact.finding is not None]

    @property
    def ok(self) -> bool:
        """Whether the program can work here; a keyring is not required."""
        return not any(finding.id in _ESSENTIAL for finding in self.findings)

    def as_json(self) -> dict[str, object]:
        """`ok` and the findings, as for a profile."""
        return {"ok": self.ok, "findings": [finding.as_json() for finding in self.findings]}


async def check_machine(
    machine: Machine, vault: Vault, screen: TerminalInfo | None, keyring_deadline: float = KEYRING_DEADLINE
) -> MachineReport:
    """Checks versions, keyring, proxies, terminal, locale, directories and the clock."""
    directories = await asyncio.to_thread(lambda: list(_directories(machine.directories)))
    facts = [
        *_versions(),
        await _keyring(vault, keyring_deadline),
        *_proxies(machine.environ),
        *_terminal(machine.environ, screen),
        _locale(machine.environ),
        *directories,
        await asyncio.to_thread(_clock, machine.now()),
        *_secrets(machine.environ),
    ]
    return MachineReport(tuple(facts))


def _versions() -> Iterator[MachineFact]:
    yield MachineFact("tui-connector", __version__)
    yield MachineFact("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    found = []
    for name in _LIBRARIES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            found.append(f"{name} ?")
    yield MachineFact("libraries", ", ".join(found))
    yield MachineFact("TLS", ssl.OPENSSL_VERSION)


async def _keyring(vault: Vault, deadline: float) -> MachineFact:
    try:
        state = await asyncio.wait_for(vault.state(), deadline)
    except TimeoutError:
        state = KeyringState("a keyring", False, "it does not respond: is a window waiting for its password?")
    if state.usable:
        return MachineFact("keyring", state.name)
    finding = Finding(
        "keyring",
        "No keyring is available",
        (state.reason,),
        "Unlock or start one, or read secrets from environment variables ({ env = … }) "
        "or commands ({ command = […] }).",
    )
    return MachineFact("keyring", "cannot be used", finding)


def _proxies(environ: Mapping[str, str]) -> Iterator[MachineFact]:
    for name in _PROXIES:
        used = name.lower() if environ.get(name.lower(), "").strip() else name
        if value := environ.get(used, "").strip():
            yield MachineFact(name, _shown_proxy(used, value))
    if exceptions := environ.get("no_proxy") or environ.get("NO_PROXY"):
        entries = [each.strip() for each in exceptions.split(",") if each.strip()]
        yield MachineFact("NO_PROXY", ",".join(each if _EXCEPTION.fullmatch(each) else "…" for each in entries))
    for scheme in ("https", "http"):
        try:
            proxy_from_environment(f"{scheme}://shop.example", environ)
        except InvalidRequest as problem:
            yield MachineFact("proxy", "cannot be used", Finding("proxy", problem.message, (), problem.hint))
            return


def _shown_proxy(name: str, value: str) -> str:
    """Its address, and whether it has a password; never what cannot be parsed, which may be one."""
    try:
        found = proxy_in(name, value)
    except InvalidRequest:
        return "not an address"
    return f"{found.uri} (with a user{' and password' if found.password else ''})" if found.username else found.uri


def _terminal(environ: Mapping[str, str], screen: TerminalInfo | None) -> Iterator[MachineFact]:
    term = environ.get("TERM", "")
    if screen is None:
        yield MachineFact("terminal", "none: the output is a file or a pipe")
        return
    around = [
        name for name, mark in (("tmux", "TMUX"), ("screen", "STY"), ("ssh", "SSH_CONNECTION")) if mark in environ
    ]
    finding = None
    if term in ("", "dumb"):
        remedy = "Set TERM to the type of the terminal, such as xterm-256color."
        finding = Finding("terminal", "This terminal cannot show the program's screens", (f"TERM={term}",), remedy)
    elif (screen.columns, screen.rows) < _SMALLEST or screen.rows < _SMALLEST[1]:
        size = f"{screen.columns}×{screen.rows}"
        remedy = "Make it 80×24 or larger."
        finding = Finding("terminal-size", "The terminal is too small", (size,), remedy)
    inside = f", inside {' and '.join(around)}" if around else ""
    yield MachineFact("terminal", f"{term or 'unknown'}, {screen.columns}×{screen.rows}{inside}", finding)
    yield MachineFact("colours", _colours(environ, term))


def _colours(environ: Mapping[str, str], term: str) -> str:
    if environ.get("NO_COLOR"):
        return "none (NO_COLOR)"
    if environ.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return "16 million"
    return "256" if "256color" in term else "16"


def _locale(environ: Mapping[str, str]) -> MachineFact:
    name = next((each for each in ("LC_ALL", "LC_CTYPE", "LANG") if environ.get(each)), "")
    value = environ.get(name, "")
    if "utf-8" in value.lower() or "utf8" in value.lower():
        return MachineFact("locale", f"{name}={value}")
    shown = f"{name}={value}" if name else "none set"
    remedy = "Set LANG=C.UTF-8, or the UTF-8 locale of your language."
    finding = Finding("locale", "The locale is not UTF-8: characters such as ✔ may not display", (shown,), remedy)
    return MachineFact("locale", shown, finding)


def _directories(directories: Directories) -> Iterator[MachineFact]:
    places = {
        "settings": directories.config,
        "profiles": directories.profiles,
        "state": directories.state,
        "cache": directories.cache,
        "data": directories.data,
    }
    for name, path in places.items():
        if path is None:
            continue
        reason = _not_writable(path)
        finding = None
        if reason:
            remedy = (
                "Make it writable, or point XDG_CONFIG_HOME, XDG_STATE_HOME, XDG_CACHE_HOME or XDG_DATA_HOME to "
                "another directory."
            )
            finding = Finding("directory", f"Cannot write to {path}", (reason,), remedy)
        yield MachineFact(f"{name} directory", str(path), finding)


def _not_writable(path: Path) -> str:
    """Why the directory cannot be written or created; "" if it can."""
    try:
        if path.exists():
            with tempfile.TemporaryFile(dir=path):
                return ""
        parent = next(each for each in path.parents if each.exists())
    except OSError as error:
        return error.strerror or str(error)
    if not parent.is_dir():
        return f"{parent} is not a directory"
    return "" if os.access(parent, os.W_OK) else f"{parent} is not writable"


def _clock(now: datetime) -> MachineFact:
    """The finding that the clock is older than the program; a difference from a store's clock cannot be found here."""
    value = now.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    made = datetime.fromtimestamp(Path(__file__).stat().st_mtime, UTC)
    if now > made - timedelta(days=1) and now.year < made.year + 30:
        return MachineFact("clock", value)
    remedy = "Set the clock (timedatectl set-ntp true): certificates and signed requests depend on it."
    return MachineFact("clock", value, Finding("clock", "This computer's clock is wrong", (value,), remedy))


def _secrets(environ: Mapping[str, str]) -> Iterator[MachineFact]:
    names = sorted(name for name in environ if name.startswith("TUI_CONNECTOR_"))
    if names:
        yield MachineFact("secrets from the environment", ", ".join(names))
