"""Creates a profile from imported parts, or adds them to one: first a plan that is shown, then secrets and files."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast
from urllib.parse import urlencode

from ...client.literal_secrets import is_literal_secret
from ...client.message import Request
from ...errors import UserError
from ...files import CannotSave, ChangedOnDisk, reason, write_private
from ...machine import Machine
from ...profile.capabilities import capabilities
from ...profile.document import Document
from ...profile.importers.authentications import OF_BROWSERS
from ...profile.importers.background import read_in_background
from ...profile.importers.formats import curl
from ...profile.importers.model import Import, InvalidImport, NotImported, as_written, has_unknown
from ...profile.library import Library
from ...profile.model import ModelPath, Profile
from ...profile.part_names import free, free_name
from ...profile.positions import put, value_at
from ...profile.problems import check, check_data
from ...profile.trust_records import folder_of
from ...secrets.cleaning import clean
from ...secrets.errors import SecretError
from ...secrets.source import SecretSource
from ...secrets.vault import Vault
from ...templates import Json
from ...text import count, listed, shown_line
from ..environment_values import own_outputs
from ..keyring_entries import delete_entries, entry_places, named_in
from ..part_families import Family
from ..trust import capability_lines
from .leftovers import set_aside
from .save import SCHEMA_FILE, ordered, write_schema

_FAMILIES: Sequence[Family] = ("authentications", "clients", "incoming", "outgoing")


@dataclass(slots=True)
class ImportPlan:
    """What an import would create."""

    name: str
    """The profile's name."""
    path: Path
    document: Document
    profile: Profile
    format: str
    parts: dict[str, list[str]] = field(default_factory=dict)
    """The names of what is created, by family."""
    secrets: dict[ModelPath, str] = field(default_factory=dict, repr=False)
    """Values by the path of their sources in the draft."""
    samples: dict[Path, list[Json]] = field(default_factory=dict, repr=False)
    """Entities to write, by file."""
    not_imported: list[NotImported] = field(default_factory=list)
    capabilities: list[str] = field(default_factory=list)
    """What the profile can do once it is trusted, in lines."""
    is_new: bool = True

    def created(self) -> Iterator[str]:
        """What will be created, one line each."""
        if self.is_new:
            yield f"profile {self.name}: {shown_line(str(self.path))}"
        draft = self.document.draft
        for family, names in self.parts.items():
            for name in names:
                part = cast("dict[str, Json]", value_at(draft, (family, name)))
                yield shown_line(f"{_SINGULAR[family]} {name}: {_summary(family, part, self.samples_of(name))}", 300)
        for path, entities in self.samples.items():
            yield shown_line(f"file {path}: {count(len(entities), 'entity', 'entities')} from the requests", 300)

    def samples_of(self, outgoing: str) -> int:
        source = value_at(self.document.draft, ("outgoing", outgoing, "source", "path"))
        return next((len(found) for path, found in self.samples.items() if str(path).endswith(str(source))), 0)

    def missing_secrets(self) -> list[str]:
        """The keyring entries without a value, which are to be set."""
        given = {str(value_at(self.document.draft, (*path, "keyring"))) for path in self.secrets}
        new = self._new_entries()
        return [each for each in new if each not in given]

    def _new_entries(self) -> list[str]:
        found = [secret.source.keyring for secret in self.profile.secrets() if secret.source.keyring is not None]
        added = {
            entry
            for family, names in self.parts.items()
            for name in names
            for entry in named_in(value_at(self.document.draft, (family, name)))
        }
        return [each for each in dict.fromkeys(found) if each in added]


_SINGULAR = {"authentications": "authentication", "clients": "client", "incoming": "incoming", "outgoing": "outgoing"}


def _summary(family: str, part: Mapping[str, Json], samples: int) -> str:
    if family == "authentications":
        login = part.get("token-uri") or (part.get("uri") if part.get("kind") == "request" else "")
        return f"{part.get('kind')}{f', login at {login}' if login else ''}"
    if family == "clients":
        plugins = part.get("plugins")
        base = next(
            (each["uri"] for each in cast("list[dict[str, str]]", plugins or []) if "uri" in each), "no base URI"
        )
        tls, proxy = part.get("tls"), part.get("proxy")
        unverified = isinstance(tls, dict) and tls.get("verify") is False
        by = f", proxy {proxy['uri']}" if isinstance(proxy, dict) else ""
        return f"{base}{by}{', certificates are not verified' if unverified else ''}"
    request = part.get("request")
    if not isinstance(request, dict):
        return "several requests"
    rows = cast("list[str]", request.get("where") or [])
    where = f" where {' and '.join(rows)}" if rows else ""
    sent = f", {count(samples, 'entity', 'entities')} to send" if samples else ""
    source = part.get("source")
    if isinstance(source, dict) and source.get("kind") == "incoming":
        sent = f", the items of {source.get('name')}"
    return f"{str(request.get('method', 'get')).upper()} {request.get('uri')}{where}{sent}"


def plan_new(found: Import, name: str, machine: Machine) -> ImportPlan:
    """A plan for a new profile. Raises `ProfileError` if the name cannot be used."""
    library = Library(machine.directories.profiles)
    path = library.new_path(name)
    document = Document.new({})
    document.draft = ordered({"format": 1, "name": found.title, **{family: {} for family in _FAMILIES}})
    plan = _merged(found, name, path, document, machine)
    document.draft = {key: value for key, value in document.draft.items() if value != {}}
    return plan


async def plan_import(
    text: str, machine: Machine, *, name: str = "", into: Path | None = None, suggested: str = "imported"
) -> ImportPlan:
    """A plan for any text, without blocking the event loop. `suggested`: a name if the text has none.

    Raises `UserError`.
    """
    library = Library(machine.directories.profiles)
    if is_profile(text):
        if into is not None:
            raise UserError(
                "import-profile", "a profile cannot be added to another one", "Import it on the home screen."
            )
        named = name or await asyncio.to_thread(library.name_from, suggested)
        return await asyncio.to_thread(plan_profile, text, named, machine)
    found = await read_in_background(text, machine.environ)
    if into is not None:
        return await asyncio.to_thread(plan_into, found, into, machine)
    return await asyncio.to_thread(
        plan_new, found, name or await asyncio.to_thread(library.name_from, found.title), machine
    )


def plan_into(found: Import, path: Path, machine: Machine) -> ImportPlan:
    """A plan that adds the parts to a saved profile. Clients for the same address are shared. Raises `UserError`."""
    document = Document.read(path)
    profile, problems = check_data(document.draft)
    if profile is None:
        message = f"{path.stem} has {count(len(problems), 'problem')}, the first: {problems[0][1]}"
        raise UserError("profile-invalid", message, "Correct it before anything is added to it.")
    plan = _merged(found, path.stem, path, document, machine)
    plan.is_new = False
    return plan


def _merged(found: Import, name: str, path: Path, document: Document, machine: Machine) -> ImportPlan:
    draft = document.draft
    notes = list(found.not_imported)
    shared = _shared_clients(found, draft)
    used = _used_authentications(found, shared)
    renamed: dict[tuple[str, str], str] = {("clients", old): new for old, new in shared.items()}
    parts: dict[str, list[str]] = {}
    for family in _FAMILIES:
        for old in found.parts.get(family, {}):
            if (family, old) in renamed:
                notes.append(NotImported("", f"client {old}", f"client {renamed[family, old]} has the same address"))
                continue
            if family == "authentications" and old not in used:
                notes.append(NotImported("", f"authentication {old}", "the client has authentications already"))
                continue
            if family == "incoming" or family == "outgoing":
                new = free_name(family, old, draft.get("incoming") or (), draft.get("outgoing") or ())
            else:
                new = free(old, draft.get(family) or {})
            renamed[family, old] = new
            draft.setdefault(family, {})[new] = None
            parts.setdefault(family, []).append(new)
    directory = machine.directories.data_for(path.parent)
    for (kind, old), new in renamed.items():
        part = deepcopy(found.parts[kind][old])
        if new not in parts.get(kind, ()):
            continue
        assert isinstance(part, dict)
        _rename_references(part, renamed)
        for place, entry in [*entry_places(part)]:
            value_at(part, place[:-1])["keyring"] = f"{name}/{entry}"
        for end in ("sink", "source"):
            file = part.get(end)
            if isinstance(file, dict) and isinstance(file.get("path"), str):
                relative = f"{name}/{'outgoing/' if end == 'source' else ''}{new}.jsonl"
                file["path"] = relative if directory is None else str(directory / relative)
        draft[kind][new] = part
    for at, own in [*own_outputs(draft, parts.get("incoming", ()), directory)]:
        put(draft, at, own)
    profile, problems = check_data({key: value for key, value in draft.items() if value != {}})
    if profile is None:
        where, message = problems[0]
        raise UserError("import-invalid", f"the result would be invalid: {'.'.join(map(str, where))}: {message}")
    plan = ImportPlan(name, path, document, profile, found.format, parts, not_imported=notes)
    for secret_path, value in found.secrets.items():
        new_name = renamed.get((secret_path[0], secret_path[1]))
        if new_name in parts.get(secret_path[0], ()):
            plan.secrets[(secret_path[0], str(new_name), *secret_path[2:])] = value
    for old, entities in found.samples.items():
        source = value_at(draft, ("outgoing", renamed["outgoing", old], "source", "path"))
        if entities and isinstance(source, str):
            plan.samples[folder_of(path) / source] = entities
    plan.capabilities = capability_lines(capabilities(profile, folder_of(path), machine))
    return plan


def _shared_clients(found: Import, draft: Mapping[str, Json]) -> dict[str, str]:
    """The imported clients for whose address the profile has a client, and that client."""
    existing = draft.get("clients")
    known = (
        {_base_of(client): name for name, client in reversed((existing or {}).items())}
        if isinstance(existing, dict)
        else {}
    )
    return {
        name: known[base]
        for name, client in found.parts.get("clients", {}).items()
        if (base := _base_of(client)) is not None and base in known
    }


def _base_of(client: Json) -> str | None:
    plugins = client.get("plugins") if isinstance(client, dict) else None
    for plugin in plugins if isinstance(plugins, list) else ():
        if isinstance(plugin, dict) and plugin.get("kind") == "base-uri":
            return str(plugin.get("uri")).rstrip("/")
    return None


def _used_authentications(found: Import, shared: Mapping[str, str]) -> set[str]:
    """The imported authentications that imported clients use, or that no imported client uses."""
    clients = found.parts.get("clients", {})
    by_client = {
        name: cast("list[str]", client.get("authentications") or [])
        for name, client in clients.items()
        if isinstance(client, dict)
    }
    unused = {each for name, names in by_client.items() if name in shared for each in names}
    needed = {each for name, names in by_client.items() if name not in shared for each in names}
    return {each for each in found.parts.get("authentications", {}) if each in needed or each not in unused}


def _rename_references(part: dict[str, Json], renamed: Mapping[tuple[str, str], str]) -> None:
    client = part.get("client")
    if isinstance(client, str):
        part["client"] = renamed.get(("clients", client), client)
    names = part.get("authentications")
    if isinstance(names, list):
        part["authentications"] = [renamed.get(("authentications", str(each)), each) for each in names]
    source = part.get("source")
    if isinstance(source, dict) and source.get("kind") == "incoming":
        source["name"] = renamed.get(("incoming", str(source.get("name"))), source.get("name"))


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import has done."""

    path: Path
    stored: tuple[str, ...]
    """Keyring entries that were stored."""
    to_set: tuple[str, ...]
    """Keyring entries that are to be set."""
    notes: tuple[str, ...] = ()
    """What could not be done, in full sentences."""
    for_session: tuple[str, ...] = ()
    """Keyring entries that could not be stored; this session has their values."""


async def carry_out(
    plan: ImportPlan, vault: Vault, *, keep_for_session: bool = False, state: Path | None = None
) -> ImportResult:
    """Stores the secrets in the keyring, then writes the profile and the entities. Existing files are never replaced.

    `state` as in `save`. `keep_for_session`: until the program exits, the profile has the secrets that the keyring did
    not accept.
    The profile is not trusted: it sends nothing before its user has allowed that. Raises `UserError`.
    """
    if plan.is_new and await asyncio.to_thread(os.path.lexists, plan.path):
        raise ChangedOnDisk(plan.path, "appeared")
    stored, not_stored = await _store(plan, vault)
    notes = [*not_stored]
    try:
        if plan.is_new and state is not None:
            notes += await asyncio.to_thread(set_aside, state, plan.path, plan.document.draft)
        notes += await asyncio.to_thread(_write, plan)
    except (UserError, OSError) as error:
        if left := await delete_entries(vault, stored):
            why = error.message if isinstance(error, UserError) else reason(error)
            message = f"{why}; these entries are still in the keyring: {listed(left)}"
            raise UserError("import-incomplete", message, "Delete them there.") from error
        raise
    kept = _keep_for_session(plan, vault, stored) if keep_for_session and not_stored else []
    given = {*stored, *kept}
    missing = [entry for entry in plan._new_entries() if entry not in given]
    return ImportResult(plan.path, tuple(stored), tuple(missing), tuple(notes), tuple(kept))


async def _store(plan: ImportPlan, vault: Vault) -> tuple[list[str], list[str]]:
    """Stores the secrets under names that the keyring does not have yet; what cannot be stored is to be set."""
    origins: dict[str, list[str]] = {}
    for secret in plan.profile.secrets():
        if secret.source.keyring is not None:
            origins.setdefault(secret.source.keyring, []).extend(secret.origins)
    stored: list[str] = []
    notes: list[str] = []
    try:
        for path, value in plan.secrets.items():
            wanted = str(value_at(plan.document.draft, (*path, "keyring")))
            name, number = wanted, 2
            while await vault.origins_of(name) is not None:
                name, number = f"{wanted}-{number}", number + 1
            await vault.store(name, value, *dict.fromkeys(origins.get(wanted, ())))
            vault.mask.learn(value, name)
            stored.append(name)
            if name != wanted:
                plan.document.set((*path, "keyring"), name)
    except SecretError as error:
        notes.append(f"The secrets were not stored: {error.message}")
    plan.profile = check_data(plan.document.draft)[0] or plan.profile
    return stored, notes


def _keep_for_session(plan: ImportPlan, vault: Vault, stored: Collection[str]) -> list[str]:
    """Keeps what the keyring did not accept, where the profile takes it from; returns the names of the entries."""
    kept = []
    for secret in plan.profile.secrets():
        value = plan.secrets.get(secret.path)
        if value is not None and secret.source.keyring is not None and secret.source.keyring not in stored:
            vault.keep_imported(plan.path, secret.source, secret.origins, value)
            kept.append(secret.source.keyring)
    return list(dict.fromkeys(kept))


def _write(plan: ImportPlan) -> list[str]:
    notes: list[str] = []
    plan.document.save(plan.path)
    try:
        write_schema(plan.path.parent / SCHEMA_FILE)
    except (UserError, OSError) as error:
        notes.append(f"The schema for editors was not written: {error}")
    for path, entities in plan.samples.items():
        text = "".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in entities)
        if os.path.lexists(path):
            notes.append(f"{path} exists already; the entities of the requests were not written")
            continue
        try:
            write_private(path, text.encode("utf-8", "replace"), replace=False)
        except (OSError, CannotSave) as error:
            why = reason(error) if isinstance(error, OSError) else str(error)
            notes.append(f"{path} cannot be written: {why}")
    return notes


def request_in_command(text: str) -> tuple[Request, list[str]]:
    """The first request of a pasted curl command, and the names of the headers that are left out of it.

    Secrets are left out: the profile authenticates the request. Raises `InvalidImport`.
    """
    found = curl.first_request(text)
    if found.not_a_body:
        raise InvalidImport("import-command", f"the body cannot be sent: {found.not_a_body}")
    kept, left = list[tuple[str, str]](), list[str]()
    for header, value in found.headers:
        lower = header.lower()
        is_plain = not has_unknown(value) and not OF_BROWSERS.fullmatch(lower) and not is_literal_secret(header, value)
        if is_plain and lower not in _SET_BY_CONNECTION:
            kept.append((header, value))
        else:
            left.append(header)
    body = found.body if found.body is not None else urlencode(found.form or [])
    uri = re.sub(r"(?<=://)[^/?#@]*@", "", found.uri)
    return Request(found.method, as_written(uri), tuple(kept), as_written(body).encode("utf-8", "replace")), left


_SET_BY_CONNECTION = ("host", "connection", "content-length", "accept-encoding", "te", "transfer-encoding")


def is_profile(text: str) -> bool:
    """Whether the text is a profile, and not something that becomes one."""
    return re.search(r"(?m)^\ufeff?[^\S\n]*(?:format[^\S\n]*=|#:schema )", text[:_SEARCHED]) is not None


_SEARCHED = 20_000
"""Characters of a text that are searched for the beginning of a profile, which comments may precede."""


def plan_profile(text: str, name: str, machine: Machine) -> ImportPlan:
    """A plan for a profile that somebody else has made. Its keyring entries get the new name: it reads no other ones.

    Raises `UserError` if the text is invalid, or if the name cannot be used.
    """
    path = Library(machine.directories.profiles).new_path(name)
    document = Document(text.removeprefix("\ufeff"))
    _, problems = check(document.text_as_read)
    if problems:
        listed = "\n".join(f"  {shown_line(str(each), 300)}" for each in problems[:_MOST_PROBLEMS])
        more = f"\n  and {len(problems) - _MOST_PROBLEMS} more" if len(problems) > _MOST_PROBLEMS else ""
        raise UserError("profile-invalid", f"the profile has {count(len(problems), 'problem')}:\n{listed}{more}")
    for place, entry in [*entry_places(document.draft)]:
        document.set(place, f"{name}/{entry.partition('/')[2] or entry}")
    profile, _ = check_data(document.draft)
    assert profile is not None
    parts = {family: list(document.draft.get(family) or {}) for family in _FAMILIES}
    plan = ImportPlan(name, path, document, profile, "profile", {k: v for k, v in parts.items() if v})
    plan.capabilities = capability_lines(capabilities(profile, folder_of(path), machine))
    return plan


_MOST_PROBLEMS = 20


async def set_secrets(
    plan: ImportPlan, result: ImportResult, vault: Vault, machine: Machine, *, keep_for_session: bool = False
) -> ImportResult:
    """Asks one by one for the secrets that an import has left to be set, and stores what is typed in the keyring.

    `keep_for_session`: where the keyring cannot be used, the profile has them until the program exits. Otherwise, that
    raises `SecretError`.
    """
    origins: dict[str, list[str]] = {}
    titles: dict[str, str] = {}
    sources: dict[str, SecretSource] = {}
    for secret in plan.profile.secrets():
        if secret.source.keyring is not None:
            origins.setdefault(secret.source.keyring, []).extend(secret.origins)
            sources[secret.source.keyring] = secret.source
            titles.setdefault(secret.source.keyring, secret.title)
    stored, kept, left = [*result.stored], [*result.for_session], list[str]()
    for number, entry in enumerate(result.to_set, 1):
        try:
            if await vault.origins_of(entry) is not None:
                continue  # it is set already
        except SecretError:
            if not keep_for_session:
                raise
        position = f"{number} of {len(result.to_set)}"
        typed = await machine.prompt.secret(f"{entry} ({titles[entry]}, {position}; Enter: later)")
        value = clean(typed or "", sources[entry].kind)
        if not value.strip():
            left.append(entry)
            continue
        try:
            await vault.store(entry, value, *dict.fromkeys(origins[entry]))
            stored.append(entry)
        except SecretError:
            if not keep_for_session:
                raise
            vault.keep_imported(plan.path, sources[entry], origins[entry], value)
            kept.append(entry)
    return replace(result, stored=tuple(stored), for_session=tuple(kept), to_set=tuple(left))
