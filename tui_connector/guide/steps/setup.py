"""The state of a setup: what the steps show of a profile being edited, and what is known about the store."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, cast
from urllib.parse import urlsplit

from ...client.uri import is_absolute, origin_of, public_address
from ...errors import InvalidValue, UserError
from ...invalid_json import why_invalid_json
from ...magento.entities import READABLE, WRITABLE
from ...profile.document import Document
from ...profile.environments import own_output
from ...profile.file_endings import End, file_endings
from ...profile.model import ModelPath
from ...profile.part_names import free, free_name, usual_name
from ...profile.positions import put, value_at
from ...templates import Json
from ..environment_values import own_outputs
from ..part_families import FAMILIES
from ..secret_sources import ONE_TIME_CODES, SecretPlace, secret_name, source, source_place, sources
from .methods import ADMIN, BEARER, CLOUD_METHODS, INTEGRATION, MAGENTO_METHODS, METHODS, OAUTH2, GuideField, GuideStep
from .profile_draft import CLIENT, UNNAMED, ProfileDraft, new_document, plain
from .store_address import FoundStore, RestAddress, candidate_addresses, is_without_rest

_IMS: Mapping[str, Json] = {
    "token-uri": "https://ims-na1.adobelogin.com/ims/token/v3",
    "client-authentication": "client_secret_post",
    "scope": "openid,AdobeID,email,profile,additional_info.roles,additional_info.projectedProductContext,commerce.accs",
}
"""Adobe's documentation of REST authentication for Commerce as a Cloud Service (server-to-server)."""
_VIEW = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
INVALID_VIEW = "A store view code consists of letters, digits and _, and starts with a letter."

_SAME_TOKEN = {(BEARER, INTEGRATION): ("token", "access-token"), (INTEGRATION, BEARER): ("access-token", "token")}


def name_for(way: str) -> str:
    """The name of a new authentication of this kind."""
    return METHODS[way].name if way in METHODS else way


def fresh(way: str, profile: str, name: str, base_uri: str, before: Mapping[str, Json]) -> dict[str, Json]:
    """A new authentication of this kind. A token that `before`, of another kind, has in common with it is kept."""
    made: dict[str, Json] = {"kind": way, **(_login(base_uri) if way == ADMIN else {})}
    if way == OAUTH2:
        made |= {"token-uri": "", "client-id": "", **(_IMS if is_without_rest(base_uri) else {})}
    for each in METHODS[way].fields if way in METHODS else ():
        if each.secret:
            named = source(SecretPlace.KEYRING, secret_name(profile, ("authentications", name, *each.path)))
            put(made, each.path, named)
    return _with_token_of(before, made)


def _with_token_of(before: Mapping[str, Json], made: dict[str, Json]) -> dict[str, Json]:
    one, other = _SAME_TOKEN.get((str(before.get("kind")), str(made["kind"])), ("", ""))
    return {**made, other: before[one]} if one in before else made


def _login(base_uri: str) -> dict[str, Json]:
    """Magento's token endpoint for admin users, below the store's own path where it has one."""
    prefix = base_uri.rpartition("/rest")[0].removeprefix(origin_of(base_uri)) if base_uri else ""
    return {
        "uri": f"{prefix}/rest/V1/integration/admin/token",
        "method": "post",
        "parameters": {"username": ""},
        "client": "default",
        "header": "Authorization",
        "source": "body",
        "template": "Bearer &{@[0]}",
        "cache": "auto",
    }


@dataclass(slots=True)
class Setup(ProfileDraft):
    """The state that the steps of the guide show and edit."""

    name: str = "store"
    document: Document = field(default_factory=new_document)
    client: str = CLIENT
    """Name of the client that the steps show."""
    authentication: str = METHODS[INTEGRATION].name
    """Name of the authentication that step 2 shows; written to the draft with its first value."""
    auth_kind: str = INTEGRATION
    """The kind of that authentication."""
    typed_address: str = ""
    untested: dict[str, str] = field(default_factory=dict)
    """The addresses that were typed for other clients and not tested, by client."""
    suggested_address: str = ""
    """The address that a new setup begins with."""
    searched: tuple[str, str] = ("", "all")
    """The address as it was typed, and the store view, that were tried last."""
    store: FoundStore | None = None
    """What the store's address was found to be, in this session."""
    store_view: str = "all"
    authenticated: bool = False
    """The store accepted the client's authentication as it is."""
    data: Path | None = None
    """The directory for the files that new configurations read and write; None: beside the profile."""
    typed_name: str | None = None
    """What was typed as the name of a new profile, until it is found to be one; None where `name` was typed."""
    suggested_name: str = "store"
    """The name that was made for the profile: one that is still there follows the store's address."""
    typed_view: str | None = None
    """What was typed as the store view and cannot be one; None where `store_view` was typed."""
    suggested_title: str = UNNAMED
    """The title that was made for the profile: one that is still there follows the profile's name."""
    samples: dict[str, str] = field(default_factory=dict)
    """The samples that were typed for outgoings, as text."""
    former_kinds: dict[tuple[str, ...], dict[str, Json]] = field(default_factory=dict)
    """What was entered for a kind of authentication before another one was chosen, by what that depends on."""
    saved_authentications: frozenset[str] = frozenset()
    """The authentications that the profile had when it was opened: they stay, though nothing may use them."""

    def _edited(self, path: ModelPath) -> None:
        # a change of how requests are sent is to be tested again
        if path[0] in ("clients", "authentications") and path[-1] not in ("title", "description"):
            self.authenticated = False

    @property
    def has_authentication(self) -> bool:
        """Whether the draft has the authentication that step 2 shows."""
        return self.authentication in self.table("authentications")

    @property
    def base_uri(self) -> str:
        index = self.plugin("base-uri")
        return "" if index is None else str(self.at("clients", self.client, "plugins", index, "uri") or "")

    @property
    def origin(self) -> str:
        """The origin of the store; "" where its address is missing or invalid."""
        try:
            return origin_of(self.base_uri)
        except InvalidValue:
            return ""

    @property
    def formatter(self) -> str:
        """Format of the client's log; empty if it does not log."""
        index = self.plugin("log-requests")
        return "" if index is None else str(self.at("clients", self.client, "plugins", index, "formatter") or "long")

    def plugin(self, kind: str) -> int | None:
        """Index of the client's first plugin of this kind."""
        plugins = self.at("clients", self.client, "plugins")
        each = enumerate(plugins if isinstance(plugins, list) else [])
        return next((n for n, plugin in each if isinstance(plugin, dict) and plugin.get("kind") == kind), None)

    def connection(self) -> dict[str, Json]:
        """The connection settings of the client: timeouts, TLS and proxy."""
        client = self.table("clients", self.client)
        return {key: client[key] for key in ("timeout", "connect-timeout", "tls", "proxy") if key in client}

    def unverified(self) -> bool:
        """Whether TLS verification is off for the client."""
        return self.at("clients", self.client, "tls", "verify") is False

    def remove_client(self) -> None:
        """Removes the client and the authentications that only it used; the steps show another client."""
        gone, applied = self.client, self.applied()
        self.edit(("clients", gone), None)
        for name in applied:
            self._forget(name)
        self.choose_client(next(iter(self.table("clients")), CLIENT))
        self.untested.pop(gone, None)

    def use_store(self, store: FoundStore, typed: str | None = None) -> None:
        """Uses the store found at the typed address."""
        self.store = store
        view = self.view_at(store.address, self.typed_address if typed is None else typed)
        # without a header, the Cloud Service takes the default view
        self.choose_store_view("default" if store.address.without_rest and view == "all" else view)
        self.searched = (self.typed_address if typed is None else typed, self.store_view)
        if (
            not self.has_authentication
            and not self.applied()
            and (self.auth_kind == OAUTH2) != (self.offered_kinds()[0] == OAUTH2)
        ):
            self.choose_kind(self.offered_kinds()[0])

    def view_at(self, address: RestAddress, typed: str) -> str:
        """The store view for the address that was typed: the one in it, unless another was chosen since the last test.

        An address that was tested before has no say: its store view was taken then.
        """
        searched, view = self.searched
        if (searched and typed == searched) or self.store_view != view:
            return self.store_view
        return address.store_view or self.store_view

    def offered_kinds(self) -> tuple[str, ...]:
        """The kinds of authentication offered for this store, the usual one first."""
        return CLOUD_METHODS if is_without_rest(self.base_uri) else MAGENTO_METHODS

    def choose_store_view(self, store_view: str) -> None:
        """Uses a store view: "all", "default" or a code."""
        self.store_view, self.typed_view = store_view, None
        address = self.store.address if self.store else _saved_address(self.base_uri)
        if address is None:
            return
        uri = address.base_uri("" if store_view == "default" else store_view)
        self._name_view_in_header(store_view if address.without_rest and store_view != "default" else None)
        index = self.plugin("base-uri")
        if index is not None:
            self.edit(("clients", self.client, "plugins", index, "uri"), uri)
            return
        plugins = self.at("clients", self.client, "plugins")
        first: Json = {"kind": "base-uri", "uri": uri}
        self.edit(("clients", self.client, "plugins"), [first, *(plugins if isinstance(plugins, list) else [])])

    def _name_view_in_header(self, code: str | None) -> None:
        """Sets or removes the header Store in the plugin set-headers; its other headers are kept."""
        index = self.plugin("set-headers")
        place = ("clients", self.client, "plugins")
        if index is not None:
            headers = self.table(*place, index, "headers")
            others = {name: value for name, value in headers.items() if name.lower() != "store"}
            if code is not None:
                self.edit((*place, index, "headers"), {**others, "Store": code})
            elif others and others != headers:
                self.edit((*place, index, "headers"), others)
            elif not others:
                plugins = self.at(*place)
                self.edit(place, [each for n, each in enumerate(plugins) if n != index])  # type: ignore[arg-type]
        elif code is not None:
            plugins = self.at(*place)
            added: Json = {"kind": "set-headers", "headers": {"Store": code}}
            self.edit(place, [*(plugins if isinstance(plugins, list) else []), added])

    def choose_client(self, name: str) -> None:
        """Shows another client in the steps; a new one gets the guide's three plugins."""
        if name not in self.table("clients"):
            self.edit(("clients", name), value_at(new_document().draft, ("clients", CLIENT)))
        if self.typed_address != self.searched[0]:
            self.untested[self.client] = self.typed_address
        self.client, self.store, self.typed_view = name, None, None
        address = _saved_address(self.base_uri)
        self.typed_address = self.untested.pop(name, self.base_uri)
        self.store_view = (address.store_view or self._view_in_header() or "default") if address else "all"
        self.searched = (self.base_uri, self.store_view)
        applied = self.applied()
        if applied:
            self.show_authentication(applied[0])
        elif (
            self.has_authentication
        ):  # what another client authenticates with is not to be edited as if it were this one's
            self.new_authentication(INTEGRATION)
        self.authenticated = bool(applied) and not self.document.changed

    def type_store_view(self, typed: str) -> None:
        """Uses the store view that was typed; where it cannot be one, keeps what was typed beside the one before."""
        view = typed.strip()
        self.typed_view = None if _VIEW.fullmatch(view) else typed
        if self.typed_view is None and view != self.store_view:
            self.choose_store_view(view)

    def _view_in_header(self) -> str:
        index = self.plugin("set-headers")
        headers = {} if index is None else self.table("clients", self.client, "plugins", index, "headers")
        return next((str(value) for name, value in headers.items() if name.lower() == "store"), "")

    def applied(self) -> list[str]:
        """The client's authentications, by name, in order."""
        names = self.at("clients", self.client, "authentications")
        return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []

    def apply(self, names: list[str]) -> None:
        """Sets the client's authentications, in this order."""
        self.edit(("clients", self.client, "authentications"), cast(Json, names) if names else None)

    def show_authentication(self, name: str) -> None:
        """Shows a saved authentication; if the client does not use it yet, it replaces the one shown before."""
        applied, replaced = self.applied(), self.authentication
        self.authentication = name
        self.auth_kind = str(self.at("authentications", name, "kind") or self.auth_kind)
        if name not in applied:
            self._replace(applied, replaced)

    def choose_kind(self, way: str) -> None:
        """Replaces the authentication shown by one of another kind."""
        applied, replaced, begun = self.applied(), self.authentication, self.has_authentication
        if begun:
            self.former_kinds[self._former_key] = {**self.table("authentications", replaced)}
        name = name_for(way)
        if name != replaced and self.at("authentications", name, "kind") not in (None, way):
            name = free(name, self.table("authentications"))
        self.auth_kind, self.authentication = way, name
        if begun:
            self.write_authentication()
            self._replace(applied, replaced)

    def new_authentication(self, way: str) -> None:
        """Shows an additional authentication; the client uses it as soon as it has a value."""
        self.auth_kind, self.authentication = way, free(name_for(way), self.table("authentications"))
        self.authenticated = False

    def remove_authentication(self, name: str) -> None:
        """Removes an authentication from the client."""
        self.apply([each for each in self.applied() if each != name])
        self._forget(name)
        left = self.applied()
        if left:
            self.show_authentication(left[0])

    def _replace(self, applied: list[str], replaced: str) -> None:
        names = [self.authentication if each == replaced else each for each in applied]
        self.apply(list(dict.fromkeys([*names, *([] if self.authentication in names else [self.authentication])])))
        if replaced != self.authentication:
            self._forget(replaced)

    def _forget(self, name: str) -> None:
        """Removes an authentication that this setup added and no client uses."""
        users = [self.at("clients", client, "authentications") for client in self.table("clients")]
        if name not in self.saved_authentications and not any(
            name in names for names in users if isinstance(names, list)
        ):
            self.edit(("authentications", name), None)

    @property
    def _former_key(self) -> tuple[str, ...]:
        """The kind that is shown, and what its default values are made from."""
        return (self.auth_kind, self.authentication, self.name, self.base_uri)

    def default_authentication(self) -> dict[str, Json]:
        """The authentication that step 2 shows, with what was entered for this kind before, or its default values."""
        there = self.table("authentications", self.authentication)
        if (former := self.former_kinds.get(self._former_key)) is not None:
            return _with_token_of(there, former)
        made = fresh(self.auth_kind, self.name, self.authentication, self.base_uri, there)
        if self.auth_kind == ADMIN and self.store is not None and self.store.two_factor:
            made["uri"] = f"{str(made['uri']).rpartition('/integration/')[0]}/tfa/provider/google/authenticate"
        return made

    def write_authentication(self) -> None:
        """Writes the authentication that step 2 shows to the draft, and adds it to the client."""
        if self.at("authentications", self.authentication, "kind") != self.auth_kind:
            self.edit(("authentications", self.authentication), self.default_authentication())
        if self.authentication not in self.applied():
            self.apply([*self.applied(), self.authentication])

    def needs_code(self) -> bool:
        """Whether the login needs a one-time code, according to the store or the profile."""
        saved = self.table("authentications", self.authentication, "parameters")
        return any(name in saved for name in ONE_TIME_CODES) or (self.store is not None and self.store.two_factor)

    def remove_code(self) -> None:
        """Removes the one-time code from the login, and uses the endpoint without 2FA."""
        place = ("authentications", self.authentication)
        uri = str(self.at(*place, "uri") or "")
        if "/tfa/" in uri:
            self.edit((*place, "uri"), f"{uri.partition('/tfa/')[0]}/integration/admin/token")
        for name in ONE_TIME_CODES:
            if self.at(*place, "parameters", name) is not None:
                self.edit((*place, "parameters", name), None)
        if self.store is not None:
            self.store = replace(self.store, two_factor=False)

    def add_code(self, provider: str = "") -> None:
        """Adds a one-time code to the login, typed at each login by default; uses this provider's endpoint."""
        self.write_authentication()
        if provider:
            uri = str(self.at("authentications", self.authentication, "uri") or "")
            prefix = uri.partition("/integration/")[0].partition("/tfa/")[0]
            self.edit(("authentications", self.authentication, "uri"), f"{prefix}/tfa/provider/{provider}/authenticate")
        if self.at("authentications", self.authentication, "parameters", "otp") is None:
            self.edit(("authentications", self.authentication, "parameters", "otp"), {"ask": True})

    def fields(self) -> tuple[GuideField, ...]:
        """What step 2 asks for, in order; empty for a kind that the guide does not offer, which has a form only."""
        return METHODS[self.auth_kind].fields if self.auth_kind in METHODS else ()

    def secret_fields(self) -> list[GuideField]:
        return [each for each in self.fields() if each.secret]

    def path_of(self, each: GuideField) -> ModelPath:
        """The path of the field in the draft."""
        return ("authentications", self.authentication, *each.path)

    def origin_for(self, path: ModelPath) -> str:
        """The origin that the secret at this path is sent to: the store, the login or the proxy; "" if unknown."""
        proxy = self.at("clients", path[1], "proxy", "uri") if "proxy" in path else None
        login = self.at(*path[:2], "token-uri") or self.at(*path[:2], "uri") if path[0] == "authentications" else None
        try:
            if proxy:
                return origin_of(str(proxy))
            return origin_of(login) if isinstance(login, str) and is_absolute(login) else self.origin
        except InvalidValue:  # an incomplete address
            return "" if proxy else self.origin

    def set_dialect(self, dialect: str) -> None:
        """Sets the signing dialect that a test has detected.

        A saved profile that leaves it to each run ("auto") and has no other change is not changed for it.
        """
        path = ("authentications", self.authentication, "dialect")
        if not self.saved or self.document.changed or self.at(*path) not in (None, "auto"):
            self.document.set(path, dialect)

    @property
    def incoming(self) -> Mapping[str, Json]:
        return self.table("incoming")

    @property
    def outgoing(self) -> Mapping[str, Json]:
        return self.table("outgoing")

    def usual_name(self, family: Literal["incoming", "outgoing"], word: str) -> str:
        """The name for this word: not that of a part of the other direction."""
        return usual_name(family, word, self.incoming, self.outgoing)

    def _free_name(self, family: Literal["incoming", "outgoing"], word: str) -> str:
        return free_name(family, word, self.incoming, self.outgoing)

    def add_incoming(self, entity: str) -> str:
        name = self._free_name("incoming", entity)
        made = READABLE[entity].configuration(self.client)
        self.edit(("incoming", name), made | {"sink": self._file(name)})
        self.add_outputs(name)
        return name

    def add_outgoing(self, entity: str) -> str:
        name = self._free_name("outgoing", entity)
        self.edit(
            ("outgoing", name), WRITABLE[entity].configuration(self.client) | {"source": self._file(f"outgoing/{name}")}
        )
        return name

    def add_path(self, family: Literal["incoming", "outgoing"], path: str) -> str:
        """Adds a configuration for any path, named after the last word of the path. Returns its name."""
        words = re.findall(r"[A-Za-z][A-Za-z0-9_-]*", path.partition("?")[0])
        name = self._free_name(family, words[-1].lower() if words else family)
        made: dict[str, Json] = {"client": self.client, "request": {"uri": path}}
        if family == "outgoing":
            made["request"] = {"method": "post", "uri": path, "parameters": "&{@}"}
            made["source"] = self._file(f"outgoing/{name}")
        else:  # as most of Magento's lists are
            made |= {"items": "items", "pagination": {"kind": "search-criteria"}}
            made["sink"] = self._file(name)
        self.edit((family, name), made)
        if family == "incoming":
            self.add_outputs(name)
        return name

    def add_outputs(self, incoming: str) -> None:
        """Gives each environment that has none a file of its own for the items of this incoming."""
        for path, own in [*own_outputs(self.draft, (incoming,), self.data)]:
            if self.at(*path) is None:
                self.edit(path, own)

    def rename_outputs(self, incoming: str, former: str) -> None:
        """Names the files of environments after the incoming's file, where they were named after its former one."""
        for path, own in [*own_outputs(self.draft, (incoming,), self.data)]:
            if self.at(*path) == own_output(former, str(path[1]), self.data):
                self.edit(path, own)

    def file_of_kind(self, family: str, name: str, kind: str, former: str, file: str | None) -> str | None:
        """The file of a configuration whose sink or source gets another kind.

        A name that was proposed, or None, ends as files of this kind do; any other name stays.
        """
        end: End = "sink" if family == "incoming" else "source"
        stem = f"{self._folder()}{'' if family == 'incoming' else 'outgoing/'}{name}"
        endings = file_endings(end, kind)
        is_proposed = file is None or file in {f"{stem}{each}" for each in file_endings(end, former)}
        return f"{stem}{endings[0]}" if endings and is_proposed else file

    def _file(self, name: str) -> Json:
        """A file in a folder named after the profile, since two profiles may read the same entity."""
        return {"kind": "jsonl", "path": f"{self._folder()}{name}.jsonl"}

    def _folder(self) -> str:
        return f"{self.name}/" if self.data is None else f"{self.data / self.name}/"

    def suggest_title(self, title: str) -> None:
        """Gives the profile a title that was made for it, unless it has another one."""
        if self.title == self.suggested_title:
            self.suggested_title = title
            self.edit(("name",), title)

    def rename(self, name: str) -> None:
        """Renames a profile that was not saved yet, with what was named after it and not edited since."""
        former, folder = self.name, self._folder()
        self.name, self.typed_name = name, None
        if self.title != UNNAMED:
            self.suggest_title(name)
        for path, there in list(sources(self.draft)):
            own, new = secret_name(former, path), secret_name(name, path)
            if path in self.moved_to_command and isinstance(argv := there.get("command"), list):
                words = [each.replace(own, new) if isinstance(each, str) else each for each in argv]
                self.document.set(path, plain({**there, "command": words}))
            elif there == source(source_place(there), own):
                self.document.set(path, plain(source(source_place(there), new)))
        for family, end in (("incoming", "sink"), ("outgoing", "source")):
            for part in self.table(family):
                file = self.at(family, part, end, "path")
                if isinstance(file, str) and file.startswith(folder):
                    self.document.set((family, part, end, "path"), self._folder() + file.removeprefix(folder))

    @property
    def is_address_untested(self) -> bool:
        """Whether the address or store view that is typed is not the one that was tested, or that is saved."""
        return self.typed_view is not None or self.searched != (self.typed_address, self.store_view)

    @property
    def shown_address(self) -> str:
        """The address of the client: the one that is typed, until a store was found there, then its base URI."""
        is_found = bool(self.base_uri) and self.typed_address in ("", self.searched[0])
        return public_address(self.base_uri if is_found else self.typed_address) or self.typed_address

    @property
    def missing_store(self) -> str:
        """What the client still needs before anything is sent to its store; empty if it was found."""
        if self.typed_view is not None:
            return f"Correct the store view. {INVALID_VIEW}"
        if not self.base_uri:
            return "Find the store: enter its address and test it."
        if self.is_address_untested:
            return "Test the store again: its address or store view has changed."
        return ""

    def missing(self, step: GuideStep) -> str:
        """What this step still needs; empty if it is done or optional."""
        if step is GuideStep.BASICS and (missing := self.missing_store):
            return missing
        if step is GuideStep.BASICS and self.untested:
            return f"Choose the client {next(iter(self.untested))}, and test the store again: its address has changed."
        if step is GuideStep.AUTHENTICATION and not self.authenticated:
            return "Test the authentication: the store must accept it."
        return ""

    def first_missing(self) -> GuideStep | None:
        return next((step for step in GuideStep if self.missing(step)), None)

    def sample_problems(self) -> dict[str, str]:
        """Why the sample of an outgoing is not valid JSON, by the name of the outgoing."""
        found = {}
        for name, text in self.samples.items():
            try:
                json.loads(text)
            except (ValueError, RecursionError) as error:
                found[name] = f"The sample is not valid JSON: {why_invalid_json(error)}"
        return {name: why for name, why in found.items() if name in self.outgoing}

    @classmethod
    def from_document(cls, name: str, document: Document) -> Setup:
        """The setup of a saved profile. Raises `UserError` for one whose parts are not tables."""
        for family in FAMILIES:
            if not isinstance(document.draft.get(family, {}), dict):
                raise UserError("profile-invalid", f"{family} is not a table", "Correct it in the text.")
        setup = cls(name, document)
        setup.saved_authentications = frozenset(setup.table("authentications"))
        clients = setup.table("clients")
        addressed = [each for each in clients if _has_base_uri(clients[each])]
        chosen = next((each for each in (CLIENT, *addressed, *clients) if each in clients), CLIENT)
        setup.choose_client(chosen)
        return setup


def _has_base_uri(client: Json) -> bool:
    plugins = value_at(client, ("plugins",))
    return isinstance(plugins, list) and any(value_at(plugin, ("kind",)) == "base-uri" for plugin in plugins)


def _saved_address(base_uri: str) -> RestAddress | None:
    """The parts of a base URI; None if it is not that of a REST API."""
    try:
        return (
            candidate_addresses(base_uri)[0]
            if "/rest" in urlsplit(base_uri).path or is_without_rest(base_uri)
            else None
        )
    except InvalidValue:
        return None
