"""Capabilities: what a profile can do with secrets, programs and files, as data that vault, wire and sinks check."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

CapabilityKind = Literal["secret", "connect", "run", "write", "alter", "read", "send"]

_LARGEST_PROGRAM = 512 * 1024 * 1024
"""Bytes; a larger file is not hashed, so a command that is or names one is never run."""
_CHUNK = 1024 * 1024
MISSING = "missing"
"""Instead of a file's digest: there is no such file."""


@dataclass(frozen=True, slots=True)
class Capability:
    """One thing that a profile can do. Two are equal if their canonical forms are, whatever their text."""

    canonical: str
    """JSON with sorted keys, independent of the profile's location, so that its digest can be pinned."""
    text: str = field(compare=False)
    """A description; it contains text from the profile, so make it safe before displaying it."""

    @classmethod
    def of(cls, kind: CapabilityKind, text: str, **facts: object) -> Capability:
        present = {name.replace("_", "-"): value for name, value in facts.items() if value not in (None, "", [], {})}
        return cls(json.dumps({"kind": kind, **present}, sort_keys=True, separators=(",", ":")), text)

    @property
    def kind(self) -> str:
        return str(self.facts["kind"])

    @property
    def facts(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.canonical)
        return found

    def as_json(self) -> dict[str, Any]:
        """Its facts and its text."""
        return {**self.facts, "text": self.text}


def digest(capabilities: Iterable[Capability]) -> str:
    """One digest for the whole set, independent of order and of the profile's location."""
    lines = sorted({each.canonical for each in capabilities})
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def token_name(login: str, secrets: Iterable[str]) -> str:
    """The name of this login's token in capabilities: the login's address and the secrets used for it."""
    return f"token:{login} with {', '.join(sorted(set(secrets)))}"


@dataclass(frozen=True)
class Grants:
    """The capabilities that a session may use; everything else is refused."""

    capabilities: frozenset[Capability] = frozenset()

    @cached_property
    def _sent(self) -> frozenset[tuple[str, str, str]]:
        facts = [each.facts for each in self.capabilities]
        return frozenset(
            (str(each["secret"]), str(each["to"]), str(each.get("route", "")))
            for each in facts
            if each["kind"] == "secret"
        )

    @cached_property
    def _canonical(self) -> frozenset[str]:
        return frozenset(each.canonical for each in self.capabilities)

    def sends(self, secret: str, origin: str, route: str) -> bool:
        """Whether this secret may go to this origin by this route."""
        return (secret, origin, route) in self._sent

    def uses(self, secret: str) -> list[tuple[str, str]]:
        """The origins and routes that this secret may go to."""
        return sorted((origin, route) for name, origin, route in self._sent if name == secret)

    def connects(self, origin: str, route: Mapping[str, object]) -> bool:
        """Whether connections to this origin may use this route, such as one with a client certificate."""
        found = (each.facts for each in self.capabilities if each.kind == "connect")
        return any(each["route"] == route and each.get("to", origin) == origin for each in found)

    def has(self, capability: Capability) -> bool:
        return capability.canonical in self._canonical


def portable(written: str, real: str, directory: Path) -> str:
    """A file's path in a canonical form: relative to the profile's folder if it is written so or is in it.

    `real` is that path with all symbolic links resolved, and so must `directory` be.
    """
    inside = is_inside(Path(real), directory)
    if not inside and os.path.isabs(os.path.expanduser(written)):
        return real
    return os.path.relpath(real, directory)


def is_inside(path: Path, directory: Path) -> bool:
    return path == directory or directory in path.parents


def file_digest(path: Path) -> str:
    """The SHA-256 of a regular file, or why there is none: `MISSING`, "no file", "too large" or "unreadable"."""
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            return "no file"
        if found.st_size > _LARGEST_PROGRAM:
            return "too large"
        hashed = hashlib.sha256()
        with open(path, "rb") as file:
            while chunk := file.read(_CHUNK):
                hashed.update(chunk)
    except FileNotFoundError:
        return MISSING
    except (OSError, ValueError):
        return "unreadable"
    return hashed.hexdigest()


@dataclass(frozen=True, slots=True)
class ResolvedCommand:
    """A command of a profile as it would run now: its program, and the contents of its files."""

    argv: tuple[str, ...]
    """The arguments to start it with: the program and files of the profile's folder as absolute paths."""
    capability: Capability
    environment: tuple[str, ...]
    """The variables that the profile passes to it, in addition to those that every command gets."""
    from_path: bool
    """Whether the program was found through PATH, outside the profile's folder."""
    unverifiable: str = ""
    """The program or file that exists but cannot be hashed, and why: its content could change unnoticed."""

    @classmethod
    def of(
        cls, written: Sequence[str], named: Sequence[str], directory: Path, environ: Mapping[str, str]
    ) -> ResolvedCommand:
        """Reads and hashes files, so call it in a thread."""
        folder = Path(os.path.realpath(directory))
        program = _program(written[0], folder, environ)
        real = os.path.realpath(program) if program else ""
        hashed = file_digest(Path(real)) if real else MISSING
        argv, files = [program or written[0]], dict[str, str]()
        hashes_all = bool(_INTERPRETER.fullmatch(Path(written[0]).name))
        for argument in written[1:]:
            passed, read = _argument(argument, folder)
            argv.append(passed)
            files |= {
                name: file_digest(file) for name, file in read.items() if hashes_all or _is_own(name, file, folder)
            }
        shown = shlex.join(written)
        where = f" ({real})" if real and real != written[0] else ""
        more = f", with {', '.join(files)}" if files else ""
        given = f"; it receives {', '.join(named)} from the environment" if named else ""
        capability = Capability.of(
            "run",
            f"runs the command {shown}{where}{more}{given}",
            argv=list(written),
            program=portable(written[0] if os.sep in written[0] else real, real, folder) if real else MISSING,
            sha256=hashed,
            files=files,
            environment=sorted(named),
        )
        from_path = os.sep not in written[0] and bool(real) and not is_inside(Path(real), folder)
        contents = {written[0]: hashed, **files}
        failed = ((name, found) for name, found in contents.items() if found != MISSING and not _is_digest(found))
        unverifiable = next((f"{name} ({reason})" for name, reason in failed), "")
        return cls(tuple(argv), capability, tuple(named), from_path, unverifiable)


def _is_digest(found: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{64}", found) is not None


def _program(name: str, folder: Path, environ: Mapping[str, str]) -> str:
    """The path of the program `name`: relative to the profile's folder, or found through PATH."""
    try:
        if os.sep in name:
            found = str(folder / os.path.expanduser(name))
            return found if os.path.lexists(found) else ""
        return shutil.which(name, path=absolute_path(environ)) or ""
    except ValueError:  # a NUL character
        return ""


def absolute_path(environ: Mapping[str, str]) -> str:
    """PATH without relative entries: "." and an empty one are the working directory."""
    entries = environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(each for each in entries if os.path.isabs(each))


_INTERPRETER = re.compile(
    r"(ba|da|z|k|fi|a|c|tc|pw)?sh|python[\d.]*|pypy[\d.]*|perl|ruby|node|deno|bun|php|lua|osascript|awk|make"
    r"|env|sudo|doas|nice|nohup|timeout|xargs|exec"
)
"""Programs that execute files named in their arguments. Others only read them, such as a token that changes."""


def _is_own(written: str, file: Path, folder: Path) -> bool:
    """Whether the file comes with the profile, so that whoever changes the one can change the other.

    A relative path, such as ../scripts/token.sh, is another part of the same repository.
    """
    if not os.path.isabs(os.path.expanduser(written)):
        return True
    return is_inside(file, folder) or is_inside(Path(os.path.realpath(file)), folder)


_WHOLE_PATH = re.compile(r"(?:~|/)[^\s'\"`;|&<>()=,:{}\[\]]+")
"""An absolute path somewhere in an argument, as in -f/app/token.awk or open('/app/token.py')."""
_HOME = re.compile(r"\$(?:HOME\b|\{HOME\})")
_QUOTES = re.compile(r"[\"'\\]")


def _argument(argument: str, folder: Path) -> tuple[str, dict[str, Path]]:
    """The argument to pass, and the files that it names.

    A file in the profile's folder is passed as an absolute path, because commands run in another directory.
    """
    name, equals, value = argument.partition("=")
    for before, path in (("", argument), (f"{name}{equals}", value)):
        found = _file(path, folder)
        if found is not None:
            return f"{before}{found}", {path: found}
    unquoted = _HOME.sub("~", _QUOTES.sub("", argument))  # "$HOME"/app/token.sh, for a shell
    paths = [*_WHOLE_PATH.findall(argument), *_WHOLE_PATH.findall(unquoted)]
    within = {path: _file(path, folder) for path in paths}
    inside = {path: found for path, found in within.items() if found is not None and _is_own(path, found, folder)}
    words = [word.strip("'\";&|()<>`") for word in argument.split()] if " " in argument.strip() else []
    named = {word: _file(word, folder) for word in words}
    # commands run in the home directory, so relative paths may be relative to it
    from_home = [f"~/{path}" for path in dict.fromkeys((argument, value, *words)) if path and path[0] not in "~/-"]
    named |= {path: _file(path, folder) for path in from_home}
    inside |= {path: found for path in from_home if (found := named[path]) and _is_own(path, found, folder)}
    # of the words of a shell command, only what may be executed: others are files that it reads and writes
    return argument, inside | {word: found for word, found in named.items() if found is not None and _is_script(found)}


def _is_script(file: Path) -> bool:
    return os.access(file, os.X_OK) or file.suffix in (".sh", ".bash", ".zsh", ".py", ".pl", ".rb", ".js", ".mjs")


def _file(path: str, folder: Path) -> Path | None:
    try:
        found = folder / os.path.expanduser(path)
        return found if path and found.is_file() else None
    except (OSError, ValueError):
        return None
