"""Sets up a profile without a screen: each step of the guide is tested against the store and reported in one line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError
from ..magento.diagnosis import Finding
from ..profile.document import Document
from ..profile.library import ProfileError
from .checks.check import check_authentication, check_incoming
from .checks.first_call import first_call
from .checks.signing import find_dialect
from .profiles.removal import keep_copy
from .profiles.save import SaveResult, save
from .secret_sources import SecretPlace
from .steps.methods import TITLES, GuideStep
from .steps.setup import Setup
from .steps.store_address import search
from .workbench import Workbench, profile_of


@dataclass(frozen=True, slots=True)
class SetupInput:
    """The address, and the secrets by field."""

    address: str
    secrets: Mapping[str, str]


async def set_up(
    setup: Setup,
    given: SetupInput,
    path: Path,
    workbench: Workbench,
    say: Callable[[str], None],
    profile_directory: Path | None = None,
    *,
    replace: bool = False,
) -> SaveResult:
    """Runs all five steps; `replace` as in `save`. Raises `UserError` at the first that fails."""
    await _basics(setup, given.address, workbench, say)
    await _authentication(setup, given.secrets, workbench, say)
    await _incoming(setup, workbench, say)
    await _outgoing(setup, workbench, say)
    return await _save(setup, given.secrets, path, workbench, say, profile_directory, replace=replace)


def _failed(finding: Finding) -> UserError:
    return UserError(finding.id, finding.summary, finding.remedy_by_command)


def _heading(step: GuideStep, say: Callable[[str], None]) -> None:
    say(f"\n{step.value} {TITLES[step]}")


async def _basics(setup: Setup, address: str, workbench: Workbench, say: Callable[[str], None]) -> None:
    _heading(GuideStep.BASICS, say)
    async with workbench.anonymous() as session:
        *_, state = [each async for each in search(address, session.client("default"))]
    if state.found is None:
        finding = state.finding
        raise _failed(finding) if finding else UserError("step-failed", "No store found at this address")
    setup.use_store(state.found)
    for probe in state.probes:
        say(f"  {'✔' if probe.found else '✘'} {probe.base_uri}: {probe.result}")
    say(f"  {state.found.summary()}")
    say(f"  base URI {setup.base_uri}; plugins: base URI, log requests ({setup.formatter}), content-type headers")


async def _authentication(
    setup: Setup, secrets: Mapping[str, str], workbench: Workbench, say: Callable[[str], None]
) -> None:
    _heading(GuideStep.AUTHENTICATION, say)
    setup.write_authentication()
    for field in setup.secret_fields():
        workbench.vault.hold(setup.secret_name(setup.path_of(field)), secrets[field.name], setup.origin)
    profile = profile_of(setup.draft)
    async with workbench.session(profile) as session:
        result = await check_authentication(profile, session, setup.client)
        signing = await find_dialect(profile, session, setup.client) if result.ok else None
    if result.finding is not None:
        raise _failed(result.finding)
    setup.authenticated = True
    say(f"  ✔ {setup.authentication}: the store accepts it")
    if signing is not None and signing.dialect is not None:
        setup.set_dialect(signing.dialect)
        say(f"  {signing.summary}")


async def _incoming(setup: Setup, workbench: Workbench, say: Callable[[str], None]) -> None:
    _heading(GuideStep.INCOMING, say)
    name = setup.add_incoming("products")
    profile = profile_of(setup.draft)
    async with workbench.session(profile) as session:
        result, found = await check_incoming(profile, session, name, workbench.run())
    if result.finding is not None or found is None:
        raise _failed(result.finding) if result.finding else UserError("step-failed", result.summary)
    say(f"  ✔ {result.summary}")
    identifier = profile.incoming[name].identifier or "id"
    for item in found.items:
        say(f"    {item.get(identifier)}  {item.get('name', '')}" if isinstance(item, dict) else f"    {item}")


async def _outgoing(setup: Setup, workbench: Workbench, say: Callable[[str], None]) -> None:
    from ..magento.entities import WRITABLE

    _heading(GuideStep.OUTGOING, say)
    name = setup.add_outgoing("stock")
    profile = profile_of(setup.draft)
    async with workbench.session(profile) as session:
        request = profile.outgoing[name].request_for(WRITABLE["stock"].sample, workbench.run())
        prepared = session.prepared(setup.client, request)
    say(f"  {name}: the request for a sample entity, not sent:")
    say(f"    {prepared.method} {prepared.uri}")
    for header, value in prepared.headers:
        say(f"    {header}: {value}")
    say(f"    {prepared.body.decode()}")


async def _save(
    setup: Setup,
    secrets: Mapping[str, str],
    path: Path,
    workbench: Workbench,
    say: Callable[[str], None],
    profile_directory: Path | None,
    *,
    replace: bool,
) -> SaveResult:
    _heading(GuideStep.SAVE, say)
    machine = workbench.machine
    setup.document = await asyncio.to_thread(_onto, path, setup.document)
    state = await workbench.vault.state()
    if not state.usable:
        setup.move_secrets(SecretPlace.ENVIRONMENT)
    if setup.saved and setup.document.changed:  # its user may have added to it
        data, kept_in = setup.document.file_data, machine.directories.state
        copy = await asyncio.to_thread(keep_copy, path, data, kept_in, machine.now())
        say(f"  replaces {path.name}; a copy is kept in {copy}")
    if not state.usable:
        say(f"  the keyring cannot be used: {state.reason}")
        say("  so the profile reads secrets from environment variables; none is written to disk")
    workbench.trust.path = path
    saved = await save(
        setup,
        path,
        workbench.vault,
        replace=replace,
        trust=workbench.trust,
        profiles=machine.directories.profiles,
        state=machine.directories.state,
    )
    for note in saved.notes:
        say(f"  ! {note}")
    environ = dict(machine.environ)
    for field in setup.secret_fields():
        variable = setup.at(*setup.path_of(field), "env")
        environ |= {str(variable): secrets[field.name]} if variable else {}
    sources = [each.source for each in profile_of(setup.draft).secrets()]
    call = await first_call(path.stem, environ, profile_directory, sources)
    if not call.ok:
        raise UserError("step-failed", f"The saved profile does not work in a new process: {call.command}\n{call.log}")
    say(f"  ✔ in a new process: {call.command} → exit code 0")
    return saved


def _onto(path: Path, made: Document) -> Document:
    """A document of the profile saved by an earlier run of the demo, with the new draft."""
    try:
        document = Document.read(path)
    except ProfileError as error:
        if error.code != "profile-missing":
            raise
        return made
    document.draft = made.draft
    return document
