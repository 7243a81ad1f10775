"""The files that the sinks of a profile may write: which need its user's trust, and which are always refused."""

from __future__ import annotations

import os
import pwd
import site
import stat
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path, PurePath

from ..errors import UserError
from ..machine import Directories
from ..planted_files import PlantedFile, check_owner, resolved
from ..secrets.capability import Capability, Grants, is_inside, portable

_SYSTEM_FOLDERS = tuple(
    Path(each)
    for each in (
        *("/etc", "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/boot", "/dev", "/proc", "/sys", "/run"),
        *("/var/spool", "/var/lib", "/var/run", "/private/etc", "/private/var/at", "/private/var/db"),
        *("/Library", "/System", "/Applications", "/opt/homebrew", "/nix", "/snap"),
    )
)
_HOME_FOLDERS = (
    *("bin", ".local/bin", ".local/lib", "Library/LaunchAgents", "Library/LaunchDaemons", "Library/Preferences"),
    *("Library/Application Support", "Library/Python", "Library/Keychains", "Applications", "AppData"),
)
_HOME_DOTFILES = (
    *(".bashrc", ".bash_profile", ".bash_login", ".bash_logout", ".profile", ".zshenv", ".zshrc", ".zprofile"),
    *(".zlogin", ".kshrc", ".mkshrc", ".cshrc", ".tcshrc", ".login", ".xprofile", ".xinitrc", ".xsession", ".inputrc"),
    *(".netrc", ".pgpass", ".my.cnf", ".npmrc", ".pypirc", ".gitconfig", ".vimrc", ".tmux.conf", ".pythonrc"),
    *(".ssh", ".gnupg", ".config/fish", ".config/autostart", ".config/systemd", ".config/git", ".config/pip"),
)
_TOOL_FOLDERS = frozenset(
    {
        *(".git", ".hg", ".svn", ".jj", ".ssh", ".gnupg", ".aws", ".kube", ".docker", ".github", ".gitlab"),
        *(
            ".circleci",
            ".vscode",
            ".idea",
            ".husky",
            ".direnv",
            ".venv",
            ".tox",
            ".nox",
            "site-packages",
            "dist-packages",
        ),
        *("node_modules", "__pycache__", "autostart", "cron.d", "systemd", "launchagents", "launchdaemons"),
    }
)
"""Names of folders whose files other programs execute or trust."""
_EXECUTED_SUFFIXES = frozenset(
    {
        *(".py", ".pyc", ".pyd", ".pyi", ".pyw", ".pth", ".egg", ".egg-link", ".whl", ".so", ".dylib", ".dll"),
        *(".sh", ".bash", ".zsh", ".fish", ".ksh", ".csh", ".command", ".ps1", ".bat", ".cmd", ".exe", ".com"),
        *(".js", ".mjs", ".cjs", ".ts", ".rb", ".pl", ".pm", ".php", ".lua", ".vim", ".el", ".jar", ".class"),
        *(".desktop", ".service", ".timer", ".socket", ".path", ".plist", ".rules", ".toml", ".lock"),
        *(".yml", ".yaml", ".ini", ".cfg", ".conf", ".mk", ".cmake", ".gradle", ".nix", ".tf", ".hcl"),
        *(".code-workspace", ".ipynb", ".jsx", ".tsx", ".cts", ".mts"),
    }
)
"""Suffixes of files that programs execute or load, including profiles."""
_EXECUTED_NAMES = frozenset(
    {
        *("makefile", "gnumakefile", "rakefile", "gemfile", "justfile", "dockerfile", "jenkinsfile", "vagrantfile"),
        *("package.json", "composer.json", "tui-connector.schema.json", "tsconfig.json", "jsconfig.json", "deno.json"),
        *("nodemon.json", "lerna.json", "turbo.json", "nx.json", "angular.json", "procfile", "brewfile", "pipfile"),
        *("cmakelists.txt", "requirements.txt", "constraints.txt", "podfile", "fastfile", "berksfile", "guardfile"),
        *("authorized_keys", "crontab", "known_hosts", "netrc", "_netrc", "_vimrc", "pyvenv.cfg"),
    }
)


_DATA_SUFFIXES = frozenset(
    {
        *(".jsonl", ".ndjson", ".csv", ".tsv", ".tab", ".psv", ".singer"),
        *(".db", ".db3", ".sqlite", ".sqlite3", ".duckdb", ".parquet"),
    }
)
"""Suffixes of files that no program executes or loads: in the profile's folder they need no trust.

Neither do those that end as the sink says.
"""


def refusal_of_name(path: str) -> str:
    """Why no profile may write a file of this path, wherever either is; "" if that depends on where they are."""
    parts = PurePath(os.path.normpath(path)).parts
    if not parts:
        return ""
    if _is_executed(parts[-1]):
        return _EXECUTED
    below = parts if not os.path.isabs(path) and parts[0] != os.pardir else ()
    if any(part.startswith(".") for part in (parts[-1], *below) if part != os.pardir):
        return _HIDDEN
    return _refusal_of_tool(below)


def _is_executed(name: str) -> bool:
    return name.lower() in _EXECUTED_NAMES or f".{name.lower().rpartition('.')[2]}" in _EXECUTED_SUFFIXES


def _refusal_of_tool(parts: Sequence[str]) -> str:
    tool = next((each for each in parts if each.lower() in _TOOL_FOLDERS), None)
    return f"other programs use what is in {tool}" if tool is not None else ""


_EXECUTED = "other programs run or load files of this name"
_HIDDEN = "hidden files belong to other programs"


@dataclass(frozen=True)
class OutputPaths:
    """The files that a profile's sinks may write."""

    directory: Path
    """The profile's folder, from which relative paths start."""
    directories: Directories | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    grants: Grants = field(default_factory=Grants)
    typed: Sequence[str] = ()
    """Paths that the user has typed as the output of this run, which need no trust."""
    any_name: bool = False
    """Whether files in the profile's folder need no trust whatever their names."""
    endings: Sequence[str] = ()
    """The `endings` of the sink that writes."""

    @cached_property
    def folder(self) -> Path:
        """The profile's folder without symbolic links."""
        return _real(self.directory)

    def resolve(self, path: str) -> Path:
        """The path with every symbolic link and `..` resolved. The file need not exist."""
        return _real(self.directory / path)

    def check_allowed(self, path: str) -> Path:
        """The resolved path, unless no trust could allow it, or another user put it there. Raises `UserError`."""
        real = self.resolve(path)
        whole = os.path.abspath(self.directory / path)  # both the name of a link and its target count
        before = Path(os.path.realpath(os.path.dirname(whole)), os.path.basename(whole))
        reason = self.refusal(real) or self.refusal(before) or self.refusal(Path(whole))
        if reason:
            raise UserError(
                "path-refused",
                f"{real} is never written by a sink: {reason}",
                "Choose another file in the profile's folder.",
            )
        _check_planted(self.directory / path, real)
        return real

    def check_writable(self, path: str) -> Path:
        """The file to open for this path, with symbolic links resolved. Raises `UserError`."""
        real = self.check_allowed(path)
        if (
            path not in self.typed
            and (needed := self.write_capability(path)) is not None
            and not self.grants.has(needed)
        ):
            raise UserError(
                "path-refused",
                f"This profile is not trusted to write {real}",
                "Review what it can do, then allow it: tui-connector trust PROFILE.",
            )
        return real

    def creates_folder(self, path: str, file: Path) -> bool:
        """Whether the folders that `file` lacks are created; it is what `path`, of the profile, resolves to."""
        return self.is_relative(path, file) or self.in_data_directory(file)

    def is_relative(self, path: str, file: Path) -> bool:
        """Whether `path` is relative to the profile's folder, which exists, and `file` is below it."""
        return is_inside(file, self.folder) and not Path(path).is_absolute() and self.directory.is_dir()

    def write_capability(self, path: str) -> Capability | None:
        """The capability to write this path; None if it needs none.

        Data files in the profile's folder and the data directory need none. For other names, such as `BUILD` or
        `app.json`, no list can tell which program executes or loads them.
        """
        if "\0" in path:
            return None  # no file can be opened by it
        real = self.resolve(path)
        outside = self._outside(path) is not None
        name = real.name.lower()
        is_data = os.path.splitext(name.removesuffix(".gz"))[1] in _DATA_SUFFIXES or name.endswith(tuple(self.endings))
        if not outside and (self.any_name or is_data):
            return None
        words = "outside its own folder" if outside else "whose name is not that of a data file"
        path = portable(path, str(real), self.folder)
        return Capability.of("write", f"writes the file {real}, {words}", path=path)

    def read_capability(self, path: str) -> Capability | None:
        """The capability to read this path; None inside the profile's folder and the data directory."""
        real = self._outside(path)
        if real is None:
            return None
        path = portable(path, str(real), self.folder)
        return Capability.of("read", f"reads the file {real}, outside its own folder", path=path)

    def _outside(self, path: str) -> Path | None:
        """The resolved path if it is outside the profile's folder and the data directory, else None."""
        if "\0" in path:
            return None  # no file can be opened by it
        real = self.resolve(path)
        return None if is_inside(real, self.folder) or self.in_data_directory(real) else real

    def alter_capability(self, path: str) -> Capability:
        """The capability to add a table to a database of another program."""
        real = self.resolve(path)
        path = portable(path, str(real), self.folder)
        return Capability.of("alter", f"adds a table to the existing database {real}", path=path)

    def refusal(self, real: Path) -> str:
        """Why this file is never written, trusted or not; "" if it may be."""
        if _is_executed(real.name):
            return _EXECUTED
        own = self._part_below_profile(real)
        if real.name.startswith(".") or (own is not None and any(part.startswith(".") for part in own.parts)):
            return _HIDDEN
        if tool := _refusal_of_tool((own or real).parts):
            return tool
        if self._is_program_file(real):
            return "the program keeps its own files there"
        if self.in_data_directory(real):
            return ""
        if _is_regular_or_new(real) and any(_same_or_inside(real, each) for each in _SYSTEM_FOLDERS):
            return "it belongs to the operating system"
        configured = self._configured
        if own is None and configured is not None and _same_or_inside(real, configured):
            return "other programs keep their configuration there"
        for home, dotfiles in self._homes:
            if reason := self._refusal_in_home(real, home, dotfiles, own):
                return reason
        trees, folders = _python_places(sys.prefix, sys.exec_prefix, tuple(sys.path))
        if any(_same_or_inside(real, each) for each in trees):
            return "Python loads its modules from there"
        if real.parent != self.folder and any(_is_same(real.parent, each) for each in folders):
            return "Python loads its modules from there"
        if any(os.path.exists(f"{each}/pyvenv.cfg") for each in real.parents):
            return "it is in a Python environment"
        if any(_is_same(real.parent, each) for each in self._path_folders):
            return "programs are started from there"
        return ""

    def _part_below_profile(self, real: Path) -> Path | None:
        """The part of the path that is below the profile's folder."""
        return real.relative_to(self.folder) if is_inside(real, self.folder) else None

    def _is_program_file(self, real: Path) -> bool:
        if self._directory_of_profiles:
            own = self._part_below_profile(real)  # the default folder of profiles, where sinks may write
            if own is not None:
                return any(part.startswith(".") for part in own.parts)
        return any(_same_or_inside(real, each) for each in self._program_folders)

    def in_data_directory(self, real: Path) -> bool:
        return self._data_directory is not None and _same_or_inside(real, self._data_directory)

    def _refusal_in_home(self, real: Path, home: Path, dotfiles: Mapping[str, Path], own: Path | None) -> str:
        for name, dotfile in dotfiles.items():
            if _same_or_inside(real, dotfile):
                return f"other programs use ~/{name}"
        if not _same_or_inside(real, home):
            return ""
        for each in _HOME_FOLDERS:
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

    # what a path is compared with, without symbolic links: to resolve all of it takes longer than to open a file

    @cached_property
    def _directory_of_profiles(self) -> bool:
        """Whether the profile's folder is the default one of all profiles."""
        found = self.directories
        return found is not None and self.folder in map(_real, (found.profiles, found.config / "profiles"))

    @cached_property
    def _program_folders(self) -> list[Path]:
        found = self.directories
        return [] if found is None else list(map(_real, (found.config, found.state, found.cache, found.profiles)))

    @cached_property
    def _data_directory(self) -> Path | None:
        data = self.directories.data if self.directories is not None else None
        return None if data is None else _real(data)

    @cached_property
    def _configured(self) -> Path | None:
        configured = self.environ.get("XDG_CONFIG_HOME", "")
        return _real(configured) if os.path.isabs(configured) else None

    @cached_property
    def _homes(self) -> list[tuple[Path, Mapping[str, Path]]]:
        """Each home directory, with its dotfiles, which are often links."""
        named = [self.environ.get("HOME", "")]
        with suppress(KeyError):  # a user without an entry, as in containers
            named.append(pwd.getpwuid(os.geteuid()).pw_dir)
        homes = {_real(each) for each in named if os.path.isabs(each) and each != "/"}
        return [(home, {name: _real_below(home, name) for name in _HOME_DOTFILES}) for home in homes]

    @cached_property
    def _path_folders(self) -> list[Path]:
        entries = self.environ.get("PATH", os.defpath).split(os.pathsep)
        return [_real(each) for each in entries if os.path.isabs(each)]


_SENSITIVE_FOLDERS = frozenset(
    {".ssh", ".gnupg", ".config", ".local", ".cache", ".mozilla", ".vim", ".emacs.d", ".oh-my-zsh"}
)


def _is_sensitive(folder: Path) -> bool:
    """Whether a profile's folder is one whose files other programs read, such as `~/.config/fish`."""
    first = folder.parts[0].lower()
    return first in _SENSITIVE_FOLDERS and not any(part.lower() == "tui-connector" for part in folder.parts)


def _check_planted(path: Path, real: Path) -> None:
    """Raises `UserError` if another user may have put `path`, which resolves to `real`, there."""
    try:
        resolved(path)
        if real.exists():
            check_owner(real, real.stat())
    except PlantedFile as error:
        hint = "Move it away, or choose a file in a directory of your own."
        raise UserError("path-refused", f"{error.filename} is not written: {error.strerror}", hint) from error
    except OSError:  # opening the file reports it
        pass


def open_regular(real: Path, flags: int) -> int:
    """Opens a file by a resolved path, and returns its descriptor.

    Raises `UserError` if a link has been placed there since the path was resolved, and OSError.
    """
    file = os.open(real, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        check_owner(real, os.fstat(file))
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


def _is_regular_or_new(real: Path) -> bool:
    """Whether it is not a pipe or a device, which `open_regular` and the sinks refuse."""
    try:
        return stat.S_ISREG(os.lstat(real).st_mode)
    except OSError:
        return True


def _real(path: str | Path) -> Path:
    return Path(os.path.realpath(path))


def _real_below(folder: Path, name: str) -> Path:
    """The same for a path below a folder that has no symbolic links: few have one."""
    path = str(folder)
    for part in name.split("/"):
        path = f"{path}/{part}"
        if os.path.islink(path):
            return _real(folder / name)
    return Path(path)


def _same_or_inside(path: Path, folder: Path) -> bool:
    """Whether it is this folder or in it, also on file systems that ignore case."""
    text, name = str(folder).casefold(), folder.name.casefold()
    return any(
        its_text == text or (its_name == name and _is_same_file(each, folder))
        for each, its_text, its_name in _with_parents(path)
    )


@lru_cache(maxsize=8)
def _with_parents(path: Path) -> list[tuple[Path, str, str]]:
    """The path and its parents, each with its text and its name without regard to case."""
    return [(each, str(each).casefold(), each.name.casefold()) for each in (path, *path.parents)]


def _is_same(one: Path, other: Path) -> bool:
    """Whether both are the same folder, also on file systems that ignore case."""
    if str(one).casefold() == str(other).casefold():
        return True
    return one.name.casefold() == other.name.casefold() and _is_same_file(one, other)


def _is_same_file(one: Path, other: Path) -> bool:
    """Asked where the names are the same: the same inode under another name is a mount or a hard link of a folder."""
    try:
        return os.path.samestat(os.stat(one), os.stat(other))
    except OSError:
        return False


@lru_cache(maxsize=1)
def _python_places(prefix: str, exec_prefix: str, path: tuple[str, ...]) -> tuple[set[Path], set[Path]]:
    """Folders that Python loads from: with everything below them, and those of which it loads packages only."""
    user = site.getusersitepackages() if hasattr(site, "getusersitepackages") else ""
    packages = [each for each in path if not {"site-packages", "dist-packages"}.isdisjoint(Path(each).parts)]
    trees = {_real(each) for each in (prefix, exec_prefix, user, *packages) if each and each != "/"}
    return trees, {_real(each) for each in path if os.path.isabs(each)}
