"""`request` and `header`: one request with a saved profile, or what authenticates it."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import InvalidValue
from ..invalid_json import why_invalid_json
from ..text import env_option, shown
from .completion import clients, files, methods, paths, profiles
from .errors import CommandFailed, Exit, exit_code, exit_codes
from .opening import allowed, environment_option, find, machine_of, read, run, trust_option
from .streams import best_effort

if TYPE_CHECKING:
    from ..client.exchange import Exchange
    from ..client.message import Request, Response
    from ..guide.workbench import Workbench
    from ..profile.model import Profile


_EXITS = {
    Exit.FAILED: "the status of the response is not 2xx",
    Exit.REFUSED: "the store refused, as with the status 401 or 403",
}


@click.command(epilog=exit_codes(own=_EXITS))
@click.argument("profile", shell_complete=profiles)
@click.argument("method", shell_complete=methods)
@click.argument("uri", shell_complete=paths)
@click.option("--data", shell_complete=files, help="Request body: JSON, @FILE, or - for standard input.")
@click.option(
    "--log", type=click.Choice(["simple", "long", "full", "curl", "none"]), help="Format in which requests are printed."
)
@click.option(
    "--client",
    shell_complete=clients,
    help="HTTP client to use (default: the only one with a base URI).",
)
@click.option("--session", default="", hidden=True, help="Session of the history to continue, of another process.")
@environment_option
@trust_option
@click.pass_obj
def request(
    profile_dir: Path | None,
    profile: str,
    method: str,
    uri: str,
    data: str | None,
    log: str | None,
    client: str | None,
    session: str,
    environment: str,
    trust_once: bool,
) -> None:
    """Send one request and print its response.

    The response body goes to standard output, the log to standard error.
    """
    machine = machine_of(profile_dir)
    path = find(profile, machine)
    saved = read(path, environment)
    method, body = _method(method), _body(data)
    chosen = _client(saved, client)

    from ..client.message import Request
    from ..guide.workbench import Workbench

    trust = allowed(path, saved, machine, once=trust_once, parts=[("clients", chosen)], needs_secrets=True)
    workbench = Workbench(machine, directory=path.parent, trust=trust)
    if log != "none":
        workbench.exchanges.on_recorded.append(printer(log, path.stem, chosen, environment=saved.environment))

    async def send() -> Response:
        async with workbench.session(saved) as session:
            return await session.client(chosen)(Request(method, uri, body=body))

    with keeping_history(workbench, path, saved, session):
        response = run(send())
    if method in ("GET", "HEAD"):
        _warn_of_criteria(uri)
    _print_body(workbench.mask.mask_known_bytes(response.body), response.body)
    if not 200 <= response.status < 300:
        sys.exit(Exit.REFUSED if response.status in (401, 403) else Exit.FAILED)


def _warn_of_criteria(uri: str) -> None:
    """Prints which search criteria of the request Magento ignores, and which fields of a list are misspelt."""
    from ..magento.misread_criteria import ignored_criteria
    from ..profile.misspelt_fields import misspelt_fields

    with best_effort(), suppress(InvalidValue):
        for message in (*ignored_criteria(uri), *map(str, misspelt_fields({"request": {"uri": uri}}, uri))):
            click.echo(shown(f"Note: {message}"), err=True)


@contextmanager
def keeping_history(workbench: Workbench, path: Path, profile: Profile, session: str = "") -> Iterator[None]:
    """Records the session in the profile's history; problems with that are printed and ignored.

    `session`: of another process, to which this one belongs.
    """
    try:
        if problem := workbench.keep_history(path, profile, session=session):
            with best_effort():
                click.echo(shown(problem), err=True)
        yield
    finally:
        if problem := workbench.end_history():
            with best_effort():
                click.echo(shown(problem), err=True)
        workbench.close()


def printer(
    log: str | None, profile: str, client: str | None, *, environment: str = "", err: bool = True
) -> Callable[[Exchange], None]:
    """A function that prints an exchange, on standard error by default."""
    from ..client.printer import text

    def print_exchange(exchange: Exchange) -> None:
        chosen = log or exchange.formatter or "long"
        # an error here would reach the client, which takes it for one of the network
        with best_effort() if err else nullcontext():
            click.echo(text(exchange, chosen, profile=profile, client=client, environment=environment) + "\n", err=err)

    return print_exchange


def _client(profile: Profile, wanted: str | None) -> str:
    if wanted is not None:
        return wanted
    names = profile.addressed_clients()
    if len(names) == 1:
        return names[0]
    if not names:
        raise CommandFailed("The profile has no client with a base URI. Add the plugin base-uri to one.", Exit.SETUP)
    raise CommandFailed(f"Several clients have a base URI: {', '.join(names)}. Choose one with --client.", Exit.SETUP)


def _method(text: str) -> str:
    if not (text.isascii() and text.isalpha()):
        raise CommandFailed(f"{text!r} is not an HTTP method: write GET, POST, PUT or DELETE.", Exit.SETUP)
    return text.upper()


def _body(data: str | None) -> bytes:
    if data is None:
        return b""
    try:
        if data == "-":
            return sys.stdin.buffer.read()
        if data.startswith("@"):
            return Path(data[1:]).read_bytes()
    except OSError as error:
        raise CommandFailed(f"--data: {error.strerror}: {error.filename}", Exit.SETUP) from error
    try:
        json.loads(data)
        return data.encode()
    except UnicodeEncodeError as error:
        raise CommandFailed("--data is not UTF-8. For other content, use @FILE or -.", Exit.SETUP) from error
    except ValueError as error:
        raise CommandFailed(
            f"--data is not valid JSON: {why_invalid_json(error)}. For other content, use @FILE or -.", Exit.SETUP
        ) from error


def _print_body(body: bytes, received: bytes) -> None:
    if body != received:
        with best_effort():
            click.echo("Note: the store repeats a secret in its response; it is masked here.", err=True)
    if sys.stdout.isatty():
        click.echo(shown(body.decode("utf-8", "replace")))
        return
    sys.stdout.buffer.write(body)
    sys.stdout.buffer.flush()


@click.command()
@click.argument("profile", shell_complete=profiles)
@click.argument("method", shell_complete=methods)
@click.argument("uri", shell_complete=paths)
@click.option("--client", shell_complete=clients, help="HTTP client whose authentication is used.")
@click.option("--curl", "for_curl", is_flag=True, help="Print it with the method and the address, for `curl -K -`.")
@click.option("--show", is_flag=True, help="Print it even on a terminal.")
@environment_option
@trust_option
@click.pass_obj
def header(
    profile_dir: Path | None,
    profile: str,
    method: str,
    uri: str,
    client: str | None,
    for_curl: bool,
    show: bool,
    environment: str,
    trust_once: bool,
) -> None:
    """Print the header that authenticates a request, for a script.

    For example: tui-connector header acme GET products/24-MB01 --curl | curl -K - A signature is valid for one request.
    """
    if sys.stdout.isatty() and not show:
        raise CommandFailed("The header is a secret. Add --show to print it on a terminal.", Exit.SETUP)
    machine = machine_of(profile_dir)
    path = find(profile, machine)
    saved = read(path, environment)
    method, chosen = _method(method), _client(saved, client)

    from ..client.curl import curl_config
    from ..client.message import Request, RequestFailed
    from ..guide.checks.signing import is_dialect_guess
    from ..guide.workbench import Workbench

    trust = allowed(path, saved, machine, once=trust_once, parts=[("clients", chosen)], needs_secrets=True)

    async def sign() -> tuple[Request, Request]:
        workbench = Workbench(machine, directory=path.parent, trust=trust)
        async with workbench.session(saved) as session:
            asked = Request(method, uri)
            return session.prepared(chosen, asked), await session.signed(chosen, asked)

    try:
        plain, signed = run(sign())
    except RequestFailed as error:
        if exit_code(error) in (Exit.REFUSED, Exit.STOPPED):
            raise
        raise CommandFailed(str(error), Exit.SETUP) from error
    added = tuple((name, value) for name, value in signed.headers if plain.header(name) != value)
    if not added:
        raise CommandFailed("The authentication of this client sends no header.", Exit.SETUP)
    option = env_option(environment)
    if is_dialect_guess(saved, chosen, signed, machine.directories.cache):
        with best_effort():
            click.echo(
                "The signing dialect of this store is not known yet, and this request is signed differently in each. "
                f"Run `tui-connector check {shlex.quote(profile)}{option}` once to find out.",
                err=True,
            )
    if for_curl:
        click.echo(curl_config(method, signed.uri, added), nl=False)
        return
    for name, value in added:
        click.echo(f"{name}: {value}")
