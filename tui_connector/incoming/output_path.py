"""Where the sinks of a profile may write: which files need its user's trust, and which are never written."""

from __future__ import annotations

import os
import pwd
import site
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ..errors import UserError
from ..machine import Directories
from ..secrets.capability import Capability, Grants, is_inside, portable

_SYSTEM = (
    *("/etc", "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/boot", "/dev", "/proc", "/sys", "/run"),
    *("/var/spool", "/var/lib", "/var/run", "/private/etc", "/private/var/at", "/private/var/db"),
    *("/Library", "/System", "/Applications", "/opt/homebrew", "/nix", "/snap"),
)
_IN_HOME = (
    *("bin", ".local/bin", ".local/lib", "Library/LaunchAgents", "Library/LaunchDaemons", "Library/Preferences"),
    *("Library/Application Support", "Library/Python", "Library/Keychains", "Applications", "AppData"),
)
_LINKED_IN_HOME = (
    *(".bashrc", ".bash_profile", ".bash_login", ".bash_logout", ".profile", ".zshenv", ".zshrc", ".zprofile"),
    *(".zlogin", ".kshrc", ".mkshrc", ".cshrc", ".tcshrc", ".login", ".xprofile", ".xinitrc", ".xsession", ".inputrc"),
    *(".netrc", ".pgpass", ".my.cnf", ".npmrc", ".pypirc", ".gitconfig", ".vimrc", ".tmux.conf", ".pythonrc"),
    *(".ssh", ".gnupg", ".config/fish", ".config/autostart", ".config/systemd", ".config/git", ".config/pip"),
)
_TOOLS = frozenset(
    {
        *(
            ".git",
            ".hg",
            ".svn",
            ".jj",
            ".ssh",
            ".gnupg",
            ".aws",
            ".kube",
            ".docker",
            ".github",
            ".gitlab",
            ".circleci",
        ),
        *(".vscode", ".idea", ".husky", ".direnv", ".venv", ".tox", ".nox", "site-packages", "dist-packages"),
        *("node_modules", "__pycache__", "autostart", "cron.d", "systemd", "launchagents", "launchdaemons"),
    }
)
"""Folders whose files are run or believed by other programs, wherever they are."""
_RUN_BY_NAME = frozenset(
    {
        *(".py", ".pyc", ".pyd", ".pyi", ".pyw", ".pth", ".egg", ".egg-link", ".whl", ".so", ".dylib", ".dll"),
        *(".sh", ".bash", ".zsh", ".fish", ".ksh", ".csh", ".command", ".ps1", ".bat", ".cmd", ".exe", ".com"),
        *(".js", ".mjs", ".cjs", ".ts", ".rb", ".pl", ".pm", ".php", ".lua", ".vim", ".el", ".jar", ".class"),
        *(".desktop", ".service", ".timer", ".socket", ".path", ".plist", ".rules", ".toml", ".lock"),
        *(".yml", ".yaml", ".ini", ".cfg", ".conf", ".mk", ".cmake", ".gradle", ".nix", ".tf", ".hcl"),
        *(".code-workspace", ".ipynb", ".jsx", ".tsx", ".cts", ".mts"),
    }
)
"""Endings of files that a program runs or loads because of their name; a profile is one of them."""
_RUN_BY_WHOLE_NAME = frozenset(
    {
        *("makefile", "gnumakefile", "rakefile", "gemfile", "justfile", "dockerfile", "jenkinsfile", "vagrantfile"),
        *("package.json", "composer.json", "tui-connector.schema.json", "tsconfig.json", "jsconfig.json", "deno.json"),
        *("nodemon.json", "lerna.json", "turbo.json", "nx.json", "angular.json", "procfile", "brewfile", "pipfile"),
        *("cmakelists.txt", "requirements.txt", "constraints.txt", "podfile", "fastfile", "berksfile", "guardfile"),
        *("authorized_keys", "crontab", "known_hosts", "netrc", "_netrc", "_vimrc", "pyvenv.cfg"),
    }
)


_DATA = frozenset(
    {
        *(".jsonl", ".ndjson", ".csv", ".tsv", ".tab", ".psv", ".singer"),
        *(".db", ".db3", ".sqlite", ".sqlite3"),
    }
)
"""Endings of files that nothing runs or loads: those may be written in the profile's folder without a question."""


@dataclass(frozen=True)
class OutputPaths:
    """The files that a profile's sinks may write."""

    directory: Path
    """The profile's folder, which relative paths start from."""
    directories: Directories | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    grants: Grants = field(default_factory=Grants)
    typed: str | None = None
    """A path that the user has just typed as the output of this run, which needs no trust."""
    any_name: bool = False
    """Files of the profile's folder need no trust whatever they are called."""

    @cached_property
    def folder(self) -> Path:
        """The profile's folder without symbolic links."""
        return Path(os.path.realpath(self.directory))

    def real(self, written: str) -> Path:
        """Where this path leads in the end, every symbolic link and `..` resolved. The file need not exist."""
        return Path(os.path.realpath(self.directory / written))

    def allowed(self, written: str) -> Path:
        """The file to open for this path, without symbolic links in it. Raises `UserError`."""
        real = self.real(written)
        whole = os.path.abspath(self.directory / written)  # what a link is called counts as well as where it leads
        before = Path(os.path.realpath(os.path.dirname(whole)), os.path.basename(whole))
        reason = self.never(real) or self.never(before) or self.never(Path(whole))
        if reason:
            raise UserError(
                "path-refused",
                f"{real} is never written by a sink: {reason}",
                "Choose another file in the profile's folder.",
            )
        if written != self.typed and (needed := self.needed(written)) is not None and not self.grants.has(needed):
            raise UserError(
                "path-refused",
                f"This profile is not trusted to write {real}",
                "Review what it can do, then allow it: tui-connector trust PROFILE.",
            )
        return real

    def needed(self, written: str) -> Capability | None:
        """The capability that writing this path needs.

        None for files of data in the profile's folder and the data directory. Of another name, such as `BUILD` or
        `app.json`, no list can say which program runs or loads it.
        """
        if "\0" in written:
            return None  # no file can be opened by it
        real = self.real(written)
        outside = self._outside(written) is not None
        if not outside and (self.any_name or _is_data_file(real)):
            return None
        words = "outside its own folder" if outside else "whose name is not that of a data file"
        path = portable(written, str(real), self.folder)
        return Capability.of("write", f"writes the file {real}, {words}", path=path)

    def reads(self, written: str) -> Capability | None:
        """The capability that reading this path needs; none inside the profile's folder and the data directory."""
        real = self._outside(written)
        if real is None:
            return None
        path = portable(written, str(real), self.folder)
        return Capability.of("read", f"reads the file {real}, outside its own folder", path=path)

    def _outside(self, written: str) -> Path | None:
        """Where this path leads, if that is outside the profile's folder and the data directory."""
        if "\0" in written:
            return None  # no file can be opened by it
        real = self.real(written)
        return None if is_inside(real, self.folder) or self._is_data(real) else real

    def alters(self, written: str) -> Capability:
        """The capability to add tables to a database that another program has made."""
        real = self.real(written)
        path = portable(written, str(real), self.folder)
        return Capability.of("alter", f"adds a table to the existing database {real}", path=path)

    def never(self, real: Path) -> str:
        """Why no sink writes this file, trusted or not; empty if it may be."""
        name = real.name.lower()
        if name in _RUN_BY_WHOLE_NAME or any(each in _RUN_BY_NAME for each in _endings(name)):
            return "other programs run or load files of this name"
        own = self._own_part(real)
        if name.startswith(".") or (own is not None and any(part.startswith(".") for part in own.parts)):
            return "hidden files belong to other programs"
        tool = next((each for each in (own or real).parts if each.lower() in _TOOLS), None)
        if tool is not None:
            return f"other programs use what is in {tool}"
        if self._is_kept_by_program(real):
            return "the program keeps its own files there"
        if self._is_data(real):
            return ""
        if _is_regular_or_new(real) and any(_same_or_inside(real, Path(each)) for each in _SYSTEM):
            return "it belongs to the operating system"
        configured = self.environ.get("XDG_CONFIG_HOME", "")
        if own is None and os.path.isabs(configured) and _same_or_inside(real, Path(os.path.realpath(configured))):
            return "other programs keep their configuration there"
        for home in self._homes():
            if reason := self._in_home(real, home, own):
                return reason
        if any(_same_or_inside(real, each) for each in _python_trees()):
            return "Python loads its modules from there"
        if real.parent != self.folder and any(_same(real.parent, each) for each in _python_folders()):
            return "Python loads its modules from there"
        if any((each / "pyvenv.cfg").exists() for each in real.parents):
            return "it is in a Python environment"
        if any(_same(real.parent, each) for each in self._programs()):
            return "programs are started from there"
        return ""

    def _own_part(self, real: Path) -> Path | None:
        """The part of the path that is below the profile's folder."""
        return real.relative_to(self.folder) if is_inside(real, self.folder) else None

    def _is_kept_by_program(self, real: Path) -> bool:
        kept = self.directories
        if kept is None:
            return False
        if self.folder in (Path(os.path.realpath(each)) for each in (kept.profiles, kept.config / "profiles")):
            own = self._own_part(real)  # the usual place of profiles, beside which their files are written
            if own is not None:
                return any(part.startswith(".") for part in own.parts)
        return any(
            _same_or_inside(real, Path(os.path.realpath(each)))
            for each in (kept.config, kept.state, kept.cache, kept.profiles)
        )

    def _is_data(self, real: Path) -> bool:
        data = self.directories.data if self.directories is not None else None
        return data is not None and _same_or_inside(real, Path(os.path.realpath(data)))

    def _in_home(self, real: Path, home: Path, own: Path | None) -> str:
        for each in _LINKED_IN_HOME:  # which a collection of dotfiles may have put elsewhere
            if _same_or_inside(real, Path(os.path.realpath(home / each))):
                return f"other programs use ~/{each}"
        if not _same_or_inside(real, home):
            return ""
        for each in _IN_HOME:
            if _same_or_inside(real, home / each):
                return f"other programs use what is in ~/{each}"
        inside = real.relative_to(home) if is_inside(real, home) else real
        # a profile may be kept in a hidden folder, and then writes beside itself, but no hidden file
        beside = own is not None and _same_or_inside(self.folder, home) and self.folder != home
        hidden = own if beside and own is not None else inside
        if any(part.startswith(".") for part in hidden.parts):
            return "hidden files of the home directory belong to other programs"
        if beside and self.folder.relative_to(home).parts[:1] and _is_sensitive(self.folder.relative_to(home)):
            return "hidden folders of the home directory belong to other programs"
        return ""

    def _homes(self) -> Iterator[Path]:
        named = [self.environ.get("HOME", "")]
        with suppress(KeyError):  # a user without a name, as containers have them
            named.append(pwd.getpwuid(os.geteuid()).pw_dir)
        yield from {Path(os.path.realpath(each)) for each in named if os.path.isabs(each) and each != "/"}

    def _programs(self) -> list[Path]:
        entries = self.environ.get("PATH", os.defpath).split(os.pathsep)
        return [Path(os.path.realpath(each)) for each in entries if os.path.isabs(each)]


_SENSITIVE = frozenset({".ssh", ".gnupg", ".config", ".local", ".cache", ".mozilla", ".vim", ".emacs.d", ".oh-my-zsh"})


def _is_sensitive(folder: Path) -> bool:
    """Whether a profile's folder is one whose files other programs read, such as `~/.config/fish`."""
    first = folder.parts[0].lower()
    return first in _SENSITIVE and not any(part.lower() == "tui-connector" for part in folder.parts)


def open_regular(real: Path, flags: int) -> int:
    """Opens a file by a path that has no symbolic links in it, and makes sure that this is what was opened.

    Raises `UserError` if a link has been put there since the path was resolved, and OSError.
    """
    file = os.open(real, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        opened, named = os.fstat(file), os.stat(real, follow_symlinks=False)
        moved = not os.path.samestat(opened, named) or os.path.realpath(real) != str(real)
        if moved and stat.S_ISREG(opened.st_mode):
            raise UserError(
                "path-refused", f"{real} was replaced while it was opened", "Run again when nothing else changes it."
            )
    except BaseException:
        os.close(file)
        raise
    return file


def _is_data_file(real: Path) -> bool:
    name = real.name.lower()
    return os.path.splitext(name.removesuffix(".gz"))[1] in _DATA


def _is_regular_or_new(real: Path) -> bool:
    """Anything else, such as a pipe or a device, is refused for what it is."""
    try:
        return stat.S_ISREG(os.lstat(real).st_mode)
    except OSError:
        return True


def _endings(name: str) -> list[str]:
    """ ".a" and ".b" of "x.a.b", without that of compression."""
    return [f".{part}" for part in name.split(".")[1:]][-1:] + ([f".{name}"] if "." not in name else [])


def _same_or_inside(path: Path, folder: Path) -> bool:
    return any(_same(each, folder) for each in (path, *path.parents))


def _same(one: Path, other: Path) -> bool:
    """Whether both are the same place, on file systems that make no difference of case as well."""
    if str(one).casefold() == str(other).casefold():
        return True
    if one.name.casefold() != other.name.casefold():
        return False  # the same inode under another name is a mount or a hard link of a folder
    try:
        return os.path.samestat(os.stat(one), os.stat(other))
    except OSError:
        return False


def _python_trees() -> set[Path]:
    """Folders that Python loads from, with everything below them."""
    user = site.getusersitepackages() if hasattr(site, "getusersitepackages") else ""
    roots = [sys.prefix, sys.exec_prefix, user, *_packages_on_path()]
    return {Path(os.path.realpath(each)) for each in roots if each and each != "/"}


def _packages_on_path() -> list[str]:
    return [each for each in sys.path if any(part in ("site-packages", "dist-packages") for part in Path(each).parts)]


def _python_folders() -> set[Path]:
    """The other folders on Python's path; what is below them is loaded as packages only."""
    return {Path(os.path.realpath(each)) for each in sys.path if os.path.isabs(each)}
