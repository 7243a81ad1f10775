"""Shell completion for bash, zsh and fish: what is in a profile is read, never executed, validated or reported.

Click completes commands, options and files; here are profiles, their parts, methods and paths, and fish's script.
Nothing is offered that a shell could take for more than a word: what is completed is executed when Enter is pressed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import click
from click.shell_completion import CompletionItem, FishComplete, add_completion_class, get_completion_class

from ..profile import toml
from ..text import shown_line

VARIABLE = "_TUI_CONNECTOR_COMPLETE"
"""The environment variable by which click's completion scripts call the program."""
PROGRAM = "tui-connector"

INSTALLING = f"""\b
Shell completion of profiles, their parts, methods and paths:
  bash  echo 'eval "$({PROGRAM} completion bash)"' >> ~/.bashrc
  zsh   echo 'eval "$({PROGRAM} completion zsh)"' >> ~/.zshrc   (after compinit)
  fish  {PROGRAM} completion fish > ~/.config/fish/completions/{PROGRAM}.fish"""

Completer = Callable[[click.Context, click.Parameter, str], "list[CompletionItem[str]]"]  # generic since click 8.2

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SECRET_SOURCES = {"keyring", "env", "command", "ask"}
_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD")
_WIDTH = 60
"""Characters of a description."""


class _Fish(FishComplete):
    """Click's script cuts the description at its first comma, as in "Set, test and delete"."""

    source_template: ClassVar[str] = """\
function %(complete_func)s
    set -l response (env %(complete_var)s=fish_complete COMP_WORDS=(commandline -cp) COMP_CWORD=(commandline -t) \
%(prog_name)s 2>/dev/null)
    for completion in $response
        set -l metadata (string split -m 1 "," -- $completion)
        switch $metadata[1]
            case dir
                __fish_complete_directories $metadata[2]
            case file
                __fish_complete_path $metadata[2]
            case plain
                echo -- $metadata[2]
        end
    end
end

complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
"""


add_completion_class(_Fish)


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    tui-connector --help shows where to put it.
    """
    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(context.find_root().command, {}, PROGRAM, VARIABLE).source())


def files(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Any file, by the shell itself."""
    return [CompletionItem(incomplete, type="file")]


def profiles(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """The saved profiles by name, and files where a path is typed."""
    if "/" in incomplete or incomplete.startswith((".", "~")):
        return files(context, parameter, incomplete)
    names = ((path.stem, "") for path in _found(lambda: sorted(_directory(context).glob("*.toml"))))
    return _items(names, incomplete) or files(context, parameter, incomplete)


def profiles_and_files(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """For what is either; bash offers files where no profile matches."""
    found = profiles(context, parameter, incomplete)
    return found if found[0].type == "file" else [*files(context, parameter, incomplete), *found]


def configurations(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """The incoming and outgoing configurations of the profile that are not disabled and not named yet."""
    profile = _profile(context)
    named = context.params.get("names") or ()
    found = (
        (name, _described(part, about))
        for part in ("incoming", "outgoing")
        for name, about in _tables(profile.get(part))
        if name not in named and about.get("disabled") is not True
    )
    return _items(found, incomplete)


def environments(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """The environments of the profile."""
    return _items(((name, "environment") for name, _ in _tables(_profile(context).get("environments"))), incomplete)


def outgoings(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """The outgoing configurations of the profile."""
    found = ((name, _described("outgoing", about)) for name, about in _tables(_profile(context).get("outgoing")))
    return _items(found, incomplete)


def clients(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """The HTTP clients of the profile."""
    found = ((name, _described("HTTP client", about)) for name, about in _tables(_profile(context).get("clients")))
    return _items(found, incomplete)


def secret_fields(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """The fields of the profile's authentications that hold a secret, such as integration/access-token."""
    found = [
        f"{name}/{field}"
        for name, about in _tables(_profile(context).get("authentications"))
        if _WORD.fullmatch(name)
        for field in _secrets(about)
    ]
    return [CompletionItem(each) for each in found if each.startswith(incomplete)]


def methods(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """HTTP methods, however they are typed."""
    return [CompletionItem(method) for method in _METHODS if method.startswith(incomplete.upper())]


def paths(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """The paths of Magento's entities, and of the profile's own requests."""
    from ..magento.entities import READABLE, WRITABLE

    if str(context.params.get("method", "GET")).upper() in ("GET", "HEAD"):
        found = {entity.path: entity.title for entity in READABLE.values()}
    else:
        found = {entity.uri: entity.title for entity in WRITABLE.values()}
    for part in ("incoming", "outgoing"):
        for _, about in _tables(_profile(context).get(part)):
            request = about.get("request")
            uri = request.get("uri") if isinstance(request, dict) else None
            if isinstance(uri, str) and re.fullmatch(r"[\w./-]{1,100}", uri, re.ASCII) and not uri.startswith("-"):
                found.setdefault(uri, _described(part, about))
    return [_item(path, title) for path, title in found.items() if path.startswith(incomplete) and "{" not in path]


def _directory(context: click.Context) -> Path:
    """Where the profiles are; the group's own code, which would keep it, is not run for a completion."""
    given = context.find_root().params.get("profile_dir")
    if isinstance(given, Path):
        return given
    from ..machine import this_machine

    return this_machine().directories.profiles


def _profile(context: click.Context) -> dict[str, Any]:
    """The profile that is on the command line, as it is; empty where it cannot be read."""
    from ..profile.library import Library, ProfileError, as_text, read_bytes

    name = context.params.get("profile")
    if name is None and context.args:  # click gives up on the options where the last one has no value yet
        name = context.args[0]
    if not isinstance(name, str):
        return {}
    try:
        path = Library(_directory(context)).find(name)
        return toml.loads(as_text(path, read_bytes(path)))
    except (ProfileError, ValueError, RecursionError, OSError):
        return {}


def _found(listed: Callable[[], Iterable[Path]]) -> list[Path]:
    try:
        return [path for path in listed() if not path.name.startswith(".")]
    except OSError:
        return []


def _tables(found: object) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, about in found.items() if isinstance(found, dict) else ():
        if isinstance(about, dict):
            yield name, about


def _secrets(about: dict[str, Any]) -> Iterator[str]:
    for field, value in about.items():
        if not isinstance(value, dict):
            continue
        if value.keys() & _SECRET_SOURCES:
            if _WORD.fullmatch(field):
                yield field
        else:
            yield from _secrets(value)


def _described(part: str, about: dict[str, Any]) -> str:
    title = about.get("title")
    return f"{part}: {title}" if isinstance(title, str) and title.strip() else part


def _items(found: Iterable[tuple[str, str]], incomplete: str) -> list[CompletionItem[str]]:
    return [_item(name, about) for name, about in found if _WORD.fullmatch(name) and name.startswith(incomplete)]


def _item(name: str, about: str) -> CompletionItem[str]:
    return CompletionItem(name, help=shown_line(about, _WIDTH) if about else None)
