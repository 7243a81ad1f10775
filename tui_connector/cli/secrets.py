"""`secrets`: puts a profile's secrets into their place, tests and deletes them."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..text import shown_line
from .completion import profiles, secret_fields
from .failure import CommandFailed, Exit
from .profile_opening import allowed, find, machine_of, read, run, trust_option

if TYPE_CHECKING:
    from ..machine import Machine
    from ..profile.model import Profile
    from ..secrets.source import SecretSource
    from ..secrets.vault import Vault


@click.group()
def secrets() -> None:
    """Set, test and delete the secrets of a profile. Their values are never printed."""


_Work = Callable[["Vault", str, "SecretSource", list[str]], Awaitable[None]]


def _for_each_secret(name: str) -> Callable[[_Work], _Work]:
    """A command that does this for each secret of a profile, or for one; the docstring is its help."""

    def made(work: _Work) -> _Work:
        @secrets.command(name, help=work.__doc__)
        @click.argument("profile", shell_complete=profiles)
        @click.argument("field", required=False, shell_complete=secret_fields)
        @click.pass_obj
        def command(profile_dir: Path | None, profile: str, field: str | None) -> None:
            _each(profile_dir, profile, field, work)

        return work

    return made


@_for_each_secret("set")
async def _set(vault: Vault, name: str, source: SecretSource, origins: list[str]) -> None:
    """Store secrets in the keyring: all that PROFILE names, or one FIELD such as integration/access-token.

    The value is typed hidden, or read from standard input, one line for each field.
    """
    if source.keyring is None:
        click.echo(f"  {name}: not in the keyring ({shown_line(source.label)})")
        return
    if not origins:
        raise CommandFailed(f"{name}: no client with a base URI uses it, so it has no store to go to.", Exit.SETUP)
    await vault.store(source.keyring, _typed(name), *origins)
    click.echo(f"  {name}: stored for {', '.join(origins)}")


@secrets.command("test")
@click.argument("profile", shell_complete=profiles)
@click.argument("field", required=False, shell_complete=secret_fields)
@trust_option
@click.pass_obj
def _test(profile_dir: Path | None, profile: str, field: str | None, trust_once: bool) -> None:
    """Read the secrets as a request would, without sending one."""
    machine = machine_of(profile_dir)
    path = find(profile, machine)
    saved = read(path)
    trust = allowed(path, saved, machine, once=trust_once)

    from ..secrets.capability import Grants

    grants = Grants(frozenset(run(trust.require(saved))))

    async def test(vault: Vault, name: str, source: SecretSource, _: list[str]) -> None:
        uses = grants.uses(source.key)
        for origin, route in uses:
            value = await vault.read(source, origin, route, grants, path.parent)
            click.echo(f"  {name}: {len(value)} characters, for {origin}")
        if not uses:
            click.echo(f"  {name}: goes to no store")

    _with_vault(machine, _chosen(saved, field), test)


@_for_each_secret("delete")
async def _delete(vault: Vault, name: str, source: SecretSource, _: list[str]) -> None:
    """Delete the secrets of PROFILE, or one FIELD, from the keyring."""
    if source.keyring is not None:
        await vault.delete(source.keyring)
        click.echo(f"  {name}: deleted")


def _each(profile_dir: Path | None, profile: str, field: str | None, work: _Work) -> None:
    machine = machine_of(profile_dir)
    saved = read(find(profile, machine))
    _with_vault(machine, _chosen(saved, field), work)


def _with_vault(machine: Machine, chosen: list[tuple[str, SecretSource, list[str]]], work: _Work) -> None:
    from ..secrets.mask import Mask
    from ..secrets.secret_error import SecretError
    from ..secrets.vault import Vault

    async def all_of_them() -> None:
        vault = Vault(machine, Mask())
        try:
            for name, source, origins in chosen:
                await work(vault, name, source, origins)
        finally:
            vault.close()

    try:
        run(all_of_them())
    except SecretError as error:
        raise CommandFailed(f"{error.message}. {error.hint}", Exit.SETUP) from error


def _chosen(profile: Profile, field: str | None) -> list[tuple[str, SecretSource, list[str]]]:
    found = [(secret.name, secret.source, list(secret.origins)) for secret in profile.secrets()]
    names = [name for name, _, _ in found]
    if field is None:
        return found
    if field not in names:
        raise CommandFailed(f"The profile has no secret {field!r}; it has {', '.join(names) or 'none'}.", Exit.SETUP)
    return [one for one in found if one[0] == field]


def _typed(name: str) -> str:
    if sys.stdin.isatty():
        value = str(click.prompt(name, hide_input=True, err=True))
    else:
        value = sys.stdin.readline().rstrip("\r\n")
    if not value.strip():
        raise CommandFailed(f"{name}: nothing was given, and nothing was stored.", Exit.SETUP)
    return value.strip()
