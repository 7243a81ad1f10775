"""`secrets`: stores, tests and deletes the secrets of a profile."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..text import count, env_option, shown_line
from .completion import profiles, secret_fields
from .errors import CommandFailed, Exit
from .opening import allowed, environment_option, find, machine_of, read, run, trust_option
from .streams import best_effort

if TYPE_CHECKING:
    from ..machine import Machine
    from ..profile.model import Profile
    from ..secrets.source import SecretSource
    from ..secrets.vault import Vault


@click.group()
def secrets() -> None:
    """Set, test and delete the secrets of a profile. Their values are never printed."""


_YES = click.option(
    "--yes", "-y", is_flag=True, help="Do not ask before changing entries that another store or profile uses."
)


@secrets.command("set")
@click.argument("profile", shell_complete=profiles)
@click.argument("field", required=False, shell_complete=secret_fields)
@_YES
@environment_option
@click.pass_obj
def _set(profile_dir: Path | None, profile: str, field: str | None, yes: bool, environment: str) -> None:
    """Store secrets in the keyring: all that PROFILE uses, or one FIELD such as integration/access-token.

    Values are typed without echo, or read from standard input, one line per field. What copying adds to a token is
    removed: blanks, quotes, invisible characters, "Bearer", "NAME=". Of a password, only invisible characters and line
    breaks around it are removed.

    Entries that belong to another store or are used by another profile are replaced only after confirmation.

    An environment with another store has entries of its own: add --env NAME.
    """
    machine = machine_of(profile_dir)
    path = find(profile, machine)
    saved = read(path, environment)
    chosen = _chosen(saved, field)
    if saved.environment_label:
        click.echo(f"Environment: {saved.environment_label}")
    for name, source, origins in chosen:
        if source.keyring is not None and not origins:
            raise CommandFailed(f"{name}: no client with a base URI uses it, so it is sent to no store.", Exit.SETUP)

    async def store(vault: Vault) -> None:
        await _confirm_shared("Replace", vault, machine, path, chosen, yes=yes)
        values: dict[str, str] = {}
        for name, source, _ in chosen:  # read all before the first is stored: the command may be stopped in between
            if source.keyring is None:
                click.echo(f"  {name}: not in the keyring ({shown_line(source.label)})")
            else:
                values[name] = await _typed(machine, name, source, saved.environment_label)
        for name, source, origins in chosen:
            if source.keyring is None:
                continue
            value = values[name]
            await vault.store(source.keyring, value, *origins, replace=True)
            click.echo(f"  {name}: stored for {', '.join(origins)}")
            if odd := _unlikely(saved, name, value):
                click.echo(f"! {name}: {odd}", err=True)

    _with_vault(machine, store)
    if field is None:
        _point_at_other_environments("set", profile, path, environment, chosen)


@secrets.command("delete")
@click.argument("profile", shell_complete=profiles)
@click.argument("field", required=False, shell_complete=secret_fields)
@_YES
@environment_option
@click.pass_obj
def _delete(profile_dir: Path | None, profile: str, field: str | None, yes: bool, environment: str) -> None:
    """Delete the secrets of PROFILE, or one FIELD, from the keyring.

    Entries that belong to another store or are used by another profile are deleted only after confirmation.
    """
    machine = machine_of(profile_dir)
    path = find(profile, machine)
    chosen = _chosen(read(path, environment), field)

    async def delete(vault: Vault) -> None:
        await _confirm_shared("Delete", vault, machine, path, chosen, yes=yes)
        for name, source, _ in chosen:
            if source.keyring is not None:
                found = await vault.delete(source.keyring)
                click.echo(f"  {name}: {'deleted' if found else 'the keyring has no such entry'}")

    _with_vault(machine, delete)
    if field is None:
        _point_at_other_environments("delete", profile, path, environment, chosen)


def _point_at_other_environments(
    command: str, typed: str, path: Path, environment: str, chosen: list[tuple[str, SecretSource, list[str]]]
) -> None:
    """Says which environments have entries of their own, which the command has left as they are."""
    from ..profile.environment_names import DEFAULT_ENVIRONMENT

    done = {source.keyring for _, source, _ in chosen}
    names = read(path).environments
    for name in (DEFAULT_ENVIRONMENT, *names) if names else ():
        if name == (environment or DEFAULT_ENVIRONMENT):
            continue
        entries = {source.keyring for _, source, _ in _chosen(read(path, name), None)} - done - {None}
        if entries:
            own = f"{count(len(entries), 'entry', 'entries')} of its own"
            again = f"tui-connector secrets {command} {shlex.quote(typed)}{env_option(name)}"
            click.echo(f"The environment {shown_line(name)} has {own}: {again}")


async def _confirm_shared(
    verb: str,
    vault: Vault,
    machine: Machine,
    path: Path,
    chosen: list[tuple[str, SecretSource, list[str]]],
    *,
    yes: bool,
) -> None:
    """Asks before entries are changed that others use. Raises `CommandFailed` if the user declines."""
    from ..guide.keyring_entries import other_users, used_elsewhere

    if yes:
        return
    entries: dict[str, list[str]] = {}
    for _, source, origins in chosen:
        if source.keyring is not None:
            entries.setdefault(source.keyring, []).extend(origins)
    users = await asyncio.to_thread(other_users, path, list(entries), machine.directories.profiles)
    shared = await used_elsewhere(vault, entries, users)
    if not shared:
        return
    lines = "\n".join(f"  {each.words}" for each in shared)
    if not await machine.prompt.allow(f"These keyring entries are used elsewhere:\n{lines}\n{verb} them?"):
        raise CommandFailed(
            f"These keyring entries are used elsewhere, and were not changed:\n{lines}\n"
            "Use other entries in the profile, or add --yes.",
            Exit.SETUP,
        )


@secrets.command("test")
@click.argument("profile", shell_complete=profiles)
@click.argument("field", required=False, shell_complete=secret_fields)
@environment_option
@trust_option
@click.pass_obj
def _test(profile_dir: Path | None, profile: str, field: str | None, environment: str, trust_once: bool) -> None:
    """Read the secrets as a request would, without sending one."""
    machine = machine_of(profile_dir)
    path = find(profile, machine)
    saved = read(path, environment)
    trust = allowed(path, saved, machine, once=trust_once)

    from ..secrets.capability import Grants

    grants = Grants(frozenset(run(trust.require(saved))))

    async def test(vault: Vault) -> None:
        for name, source, _ in _chosen(saved, field):
            uses = grants.uses(source.key)
            for origin, route in uses:
                value = await vault.read(source, origin, route, grants, path.parent)
                click.echo(f"  {name}: {len(value)} characters, for {origin}")
            if not uses:
                click.echo(f"  {name}: sent to no store")

    _with_vault(machine, test)


def _with_vault(machine: Machine, work: Callable[[Vault], Awaitable[None]]) -> None:
    from ..secrets.mask import Mask
    from ..secrets.vault import WINDOW, Vault

    def say_that_it_waits() -> None:
        with best_effort():
            click.echo(f"The keyring has not responded yet, waiting for it. {WINDOW} Ctrl-C stops.", err=True)

    async def with_vault() -> None:
        vault = Vault(machine, Mask(), on_wait=say_that_it_waits)
        try:
            await work(vault)
        finally:
            vault.close()

    run(with_vault())


def _chosen(profile: Profile, field: str | None) -> list[tuple[str, SecretSource, list[str]]]:
    found = [(secret.name, secret.source, list(secret.origins)) for secret in profile.secrets()]
    names = [name for name, _, _ in found]
    if field is None:
        return found
    if field not in names:
        raise CommandFailed(f"The profile has no secret {field!r}; it has {', '.join(names) or 'none'}.", Exit.SETUP)
    return [one for one in found if one[0] == field]


async def _typed(machine: Machine, name: str, source: SecretSource, environment: str) -> str:
    from ..secrets.cleaning import clean

    label = f"{name} ({environment})" if environment else name
    typed = await machine.prompt.secret(label) if sys.stdin.isatty() else sys.stdin.readline()
    value = clean(typed or "", source.kind)
    if not value.strip():
        how = "Type or paste it when asked, then press Enter" if sys.stdin.isatty() else "Provide it on its own line"
        raise CommandFailed(f"{name}: no value was given, nothing was stored. {how}.", Exit.SETUP)
    return value


def _unlikely(profile: Profile, name: str, value: str) -> str:
    """What is odd about the length of this value, if its store is Magento."""
    from ..guide.steps.other_stores import is_magento
    from ..secrets.token_shape import unlikely_length

    authentication, _, field = name.partition("/")
    users = [client for client, saved in profile.clients.items() if authentication in saved.authentications]
    if not any(is_magento(profile, client) for client in users):
        return ""
    kind = profile.authentications[authentication].kind
    return unlikely_length(field, len(value)) if kind in ("oauth1", "bearer") else ""
