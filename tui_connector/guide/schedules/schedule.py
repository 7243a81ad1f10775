"""Prints one configuration's run for a scheduler: systemd units, a crontab line or a Celery beat entry."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...client.model import DIRECT
from ...errors import UserError
from ...machine import PROXY_VARIABLES, Machine
from ...profile.capabilities import capabilities
from ...profile.model import NamedSecret, Profile
from ...profile.trust_records import folder_of
from ...secrets.capability import absolute_path
from ...text import env_option
from ..secret_states import secret_variables, secrets_of_run
from ..trust import ProfileTrust
from .cron import Cron

_CODE = "cannot-schedule"
"""The code of errors about a configuration that cannot run without its user."""
_PLAIN_PATH = "/usr/local/bin:/usr/bin:/bin"
_DIRECTORIES = ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")
"""Variables that decide where profiles and ledgers are, which a scheduler does not set."""
_NETWORK = (*sorted(PROXY_VARIABLES), "SSL_CERT_FILE", "SSL_CERT_DIR")


def program() -> list[str]:
    """The program as a command with full paths."""
    script = Path(sys.executable).with_name("tui-connector")
    return [str(script)] if os.access(script, os.X_OK) else [sys.executable, "-m", "tui_connector"]


@dataclass(frozen=True)
class Schedule:
    """The run of one incoming or outgoing of a profile at certain times."""

    saved: Profile
    path: Path
    """Of the profile."""
    name: str
    cron: Cron
    machine: Machine
    program: Sequence[str]
    profile_dir: Path | None = None
    """The directory of profiles, if it is not the usual one."""
    yes_production: bool = False
    direction: Literal["incoming", "outgoing"] | None = None
    """Which of an incoming and an outgoing with this name is run; both without it."""

    def check(self) -> None:
        """Raises `UserError` if the run would need its user."""
        saved, name = self.saved, self.name
        saved.require(self.direction, [name])
        incoming = saved.incoming.get(name) if self.direction != "outgoing" else None
        outgoing = saved.outgoing.get(name) if self.direction != "incoming" else None
        part = incoming or outgoing or saved.configuration(name)
        if part.disabled:
            raise UserError(_CODE, f"{name} is disabled in the profile", "Remove `disabled = true` to use it again.")
        if incoming is not None and (incoming.sink is None or incoming.sink.on_stdout):
            message = f"{name} writes its items to standard output, where a scheduled run has no reader"
            raise UserError(_CODE, message, 'Give it a sink, such as sink = { kind = "jsonl", path = "items.jsonl" }.')
        if outgoing is not None and (outgoing.source is None or outgoing.source.kind == "stdin"):
            raise UserError(
                _CODE, f"{name} reads its entities from standard input, which a scheduled run does not have"
            )
        client = saved.clients.get(part.client)
        if outgoing is not None and client is not None and client.production and not self.yes_production:
            message = f"{name} sends to {saved.label}, which is marked as production, and a scheduled run cannot ask"
            raise UserError(_CODE, message, "Add --yes-production to send without asking.")
        asked = [each.name for each in self._secrets() if each.source.ask]
        if asked:
            message = f"A scheduled run cannot prompt for {', '.join(asked)}"
            raise UserError(_CODE, message, "Use { keyring = … }, { env = … } or { command = … } as its source.")
        for each in (*self._command(), str(self.machine.directories.state)):
            if not each.isprintable():
                raise UserError(_CODE, f"The path {each!r} contains characters that no scheduler's file can hold")

    def systemd(self) -> str:
        """A service and a timer for the user's systemd. Raises `UserError` if it cannot start the program."""
        unit, where = self._unit, "~/.config/systemd/user"
        settings = [f"Environment={_systemd_word(f'{name}={value}')}" for name, value in self._environment().items()]
        if secret_variables(self._secrets()):
            settings.append(f"EnvironmentFile=-{_systemd_path(str(self._secrets_file))}")
        first, *words = self._command()
        if set(first) & set("\"'\\"):
            message = f"systemd cannot start a program whose path contains a quote or a backslash: {first}"
            raise UserError(_CODE, message, "Install the program at another path, or use --print cron.")
        # in the path of the program, "$" does not start a variable
        command = " ".join([_systemd_word(first), *(_systemd_word(word, command=True) for word in words)])
        lines = [
            f"# {where}/{unit}.service",
            *self._notes("EnvironmentFile"),
            "# Errors are in the journal: journalctl --user -u " + unit,
            "# systemd starts no second run while one is active.",
            "[Unit]",
            f"Description={self._description.replace('%', '%%')}",
            "",
            "[Service]",
            "Type=oneshot",
            *settings,
            f"ExecStart={command}",
            "",
            f"# {where}/{unit}.timer",
            f"# {self.cron.text}",
            "[Unit]",
            f"Description={self._description.replace('%', '%%')}",
            "",
            "[Timer]",
            *(f"OnCalendar={each}" for each in self.cron.on_calendar()),
            "AccuracySec=1s",
            "",
            "[Install]",
            "WantedBy=timers.target",
            "",
            f"# systemctl --user daemon-reload && systemctl --user enable --now {unit}.timer",
            "# To run while you are logged out: loginctl enable-linger",
        ]
        return "\n".join(lines) + "\n"

    def crontab(self) -> str:
        """Lines for the user's crontab. Raises `UserError`."""
        lock, errors = self._state_file(".lock"), self._state_file(".err")
        words = list(self._command())
        if shutil.which("flock", path=absolute_path(self.machine.environ)) is not None:
            words = ["flock", "-n", "-E", "0", str(lock), *words]
            overlap = f"# While a run is active, the next one is skipped ({lock})."
        else:
            overlap = "# While a run is active, the next one ends at once with exit code 4."
        line = f"{shlex.join(words)} 2>>{shlex.quote(str(errors))}"
        if secret_variables(self._secrets()):
            file = shlex.quote(str(self._secrets_file))
            line = f"set -a; [ ! -r {file} ] || . {file}; {line}"
        lines = [
            f"# {self._description}; lines for crontab -e",
            *self._notes("The file"),
            overlap,
            f"# Errors are appended to {errors}. Without the redirection, cron mails them to MAILTO.",
            "SHELL=/bin/sh",
            *(f'{name}="{value}"' for name, value in self._environment().items()),
            f"{self.cron.text} {line.replace('%', chr(92) + '%')}",
        ]
        return "\n".join(lines) + "\n"

    def celery(self) -> str:
        """A module with a beat entry for the tasks of `tui_connector.celery`.

        Raises `InvalidValue` if Celery has no such times.
        """
        times = ", ".join(f"{name}={value!r}" for name, value in self.cron.celery().items())
        usual = self.path.parent == self.machine.directories.profiles and self.profile_dir is None
        profile = self.path.stem if usual else os.path.abspath(self.path)
        given: dict[str, object] = {"env": self.saved.environment} if self.saved.environment else {}
        if options := self._options():
            given["options"] = options
        lines = [
            f"# {self._description}; a module for celery -A MODULE beat, with the extra “celery”",
            *self._notes("The worker's environment file"),
            "# Celery reads the times in app.conf.timezone, which is UTC; cron uses the local time.",
            "# While a run is active, the next one ends at once with exit code 4. A failed run fails its task.",
            "from celery.schedules import crontab",
            "",
            "from tui_connector.celery import app",
            "",
            f"app.conf.beat_schedule[{self._unit!r}] = {{",
            '    "task": "tui_connector.run",',
            f'    "schedule": crontab({times}),',
            f'    "args": {[profile, self.name]!r},',
            f'    "kwargs": {given!r},',
            "}",
        ]
        return "\n".join(lines) + "\n"

    @property
    def _unit(self) -> str:
        """A name for files that no other configuration has: two with one lock would skip each other's runs."""
        environment = [self.saved.environment] if self.saved.environment else []
        direction = [self.direction] if self.direction else []
        path = os.path.abspath(self.path)
        parts = ["tui-connector", self.path.stem, *environment, self.name, *direction]
        is_usual = self.profile_dir is None and Path(path).parent == self.machine.directories.profiles
        if environment or direction or not is_usual or not re.fullmatch(r"[A-Za-z0-9_.]+", self.path.stem):
            parts.append(
                hashlib.sha256("\0".join([path, *environment, self.name, *direction]).encode()).hexdigest()[:8]
            )
        return re.sub(r"[^A-Za-z0-9_.-]", "_", "-".join(parts))

    @property
    def _description(self) -> str:
        return f"tui-connector: {self.path.stem}{env_option(self.saved.environment)} {self.name}"

    def _command(self) -> list[str]:
        folder = [] if self.profile_dir is None else ["--profile-dir", os.path.abspath(self.profile_dir)]
        environment = ["--env", self.saved.environment] if self.saved.environment else []
        path = os.path.abspath(self.path)
        return [*self.program, *folder, "run", "--quiet", *environment, *self._options(), path, self.name]

    def _options(self) -> list[str]:
        """The options of `run` about what is sent."""
        direction = ["--direction", self.direction] if self.direction else []
        return [*(["--yes-production"] if self.yes_production else []), *direction]

    def _environment(self) -> Mapping[str, str]:
        """What the run needs of this shell's environment, without secrets. Raises `UserError`."""
        environ = self.machine.environ
        alert = self.saved.on_failure
        runs_commands = any(each.source.command for each in self._secrets()) or (alert and alert.command)
        found = {"PATH": absolute_path(environ) if runs_commands else _PLAIN_PATH}
        found["LANG"] = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or "C.UTF-8"
        found |= {name: environ[name] for name in _DIRECTORIES if os.path.isabs(environ.get(name, ""))}
        for name, value in found.items():
            if not value.isprintable() or '"' in value:
                message = f"The variable {name} has the value {value!r}, which no scheduler's file can hold"
                raise UserError(_CODE, message, "Use a value without double quotes and unprintable characters.")
        return found

    def _secrets(self) -> list[NamedSecret]:
        return secrets_of_run(self.saved, self.name, self.direction or "")

    @property
    def _secrets_file(self) -> Path:
        return self.machine.directories.config / f"{self._unit}.env"

    def _state_file(self, ending: str) -> Path:
        return self.machine.directories.state / f"{self._unit}{ending}"

    def _notes(self, file: str) -> list[str]:
        """Comments on what the run needs from outside: secrets, trust, and variables of the network."""
        lines = []
        if variables := secret_variables(self._secrets()):
            lines += [
                "# A scheduled run usually has no login keyring, or one that is locked while you are logged out.",
                f"# {file} {self._secrets_file} (create it with mode 600) then holds the secrets:",
                *(f"#   {name}='…'    {what}" for name, what in variables),
            ]
        commands = [each for each in self._secrets() if each.source.command]
        if commands:
            named = ", ".join(each.name for each in commands)
            lines.append(f"# A command prints {named}; it must work without a terminal and without a session.")
        wanted = capabilities(self.saved, folder_of(self.path), self.machine)
        trust = ProfileTrust(self.machine, self.path, environment=self.saved.environment)
        if trust.missing(wanted):
            lines.append(
                f"# The profile is not trusted yet, so the run would refuse: tui-connector trust {trust.arguments}"
            )
        client = self.saved.clients.get(self.saved.configuration(self.name).client)
        unset = [name for name in _NETWORK if self.machine.environ.get(name)]
        if unset and (client is None or client.proxy is None or client.proxy.uri != DIRECT):
            lines.append(f"# This shell sets {', '.join(unset)}; the run does not have it unless you add it.")
        return [line if line.isprintable() else ascii(line)[1:-1] for line in lines]


def _systemd_word(text: str, *, command: bool = False) -> str:
    """Quoted as systemd.syntax(7) reads it; `command`: in ExecStart, where `$` starts a variable."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    if command:
        escaped = escaped.replace("$", "$$")
    return escaped if re.fullmatch(r"[A-Za-z0-9_@+=:,./%-]+", escaped) else f'"{escaped}"'


def _systemd_path(text: str) -> str:
    return text.replace("%", "%%")
