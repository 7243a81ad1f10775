"""A setup on its way: the profile it edits, what the steps show of it, and what is known of the store."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, cast
from urllib.parse import urlsplit

from ..client.uri import BadUri, is_absolute, origin_of
from ..magento.entities import READABLE, WRITABLE
from ..placeholder import Json
from ..profile.document import Document
from ..profile.model import Path
from .address import StoreAddress
from .address_shapes import Shape, is_bare, shapes
from .by_path import at, free
from .edited import EditedProfile
from .new_profile import CLIENT, new_document
from .secret_sources import ONE_TIME_CODES
from .ways import fresh, name_for
from .words import ADMIN, CLOUD_WAYS, INTEGRATION, MAGENTO_WAYS, OAUTH2, WAYS, FieldWords, Step


@dataclass(slots=True)
class Setup(EditedProfile):
    """The steps are views on the document's draft: what they do not show stays as it is."""

    name: str = "store"
    document: Document = field(default_factory=new_document)
    client: str = CLIENT
    """The client that the steps show."""
    authentication: str = WAYS[INTEGRATION].name
    """The authentication that step 2 shows; it is in the draft once something was given for it."""
    way: str = INTEGRATION
    """The kind of that authentication."""
    typed_address: str = ""
    searched: tuple[str, str] = ("", "all")
    """The address as it was typed, and the store view, that were tried last."""
    store: StoreAddress | None = None
    """What the store's address was found to be, in this session."""
    store_view: str = "all"
    proven: bool = False
    """The store accepted the client's authentication as it stands."""
    kept: frozenset[str] = frozenset()
    """The authentications that the profile had when it was opened: they stay, though nothing may use them."""

    def _edited(self, path: Path) -> None:
        # a change of how requests are sent is to be tested anew
        if path[0] in ("clients", "authentications") and path[-1] not in ("title", "description"):
            self.proven = False

    @property
    def begun(self) -> bool:
        """Whether something of step 2 was given."""
        return self.authentication in self.table("authentications")

    @property
    def base_uri(self) -> str:
        index = self.plugin("base-uri")
        return "" if index is None else str(self.at("clients", self.client, "plugins", index, "uri") or "")

    @property
    def origin(self) -> str:
        return origin_of(self.base_uri)

    @property
    def formatter(self) -> str:
        """How the client logs; empty where it does not."""
        index = self.plugin("log-requests")
        return "" if index is None else str(self.at("clients", self.client, "plugins", index, "formatter") or "long")

    def plugin(self, kind: str) -> int | None:
        """The place of the client's first plugin of this kind."""
        plugins = self.at("clients", self.client, "plugins")
        each = enumerate(plugins if isinstance(plugins, list) else [])
        return next((n for n, plugin in each if isinstance(plugin, dict) and plugin.get("kind") == kind), None)

    def connection(self) -> dict[str, Json]:
        """How the client connects, whatever it sends."""
        client = self.table("clients", self.client)
        return {key: client[key] for key in ("timeout", "connect-timeout", "tls", "proxy") if key in client}

    def unverified(self) -> bool:
        """Whether the client takes any certificate."""
        return self.at("clients", self.client, "tls", "verify") is False

    def remove_client(self) -> None:
        """Takes the client away, and what only it used; the steps show another one."""
        gone, applied = self.client, self.applied()
        self.edit(("clients", gone), None)
        for name in applied:
            self._forget(name)
        self.choose_client(next(iter(self.table("clients")), CLIENT))

    def found(self, store: StoreAddress, typed: str | None = None) -> None:
        """Takes the address that answered to what was typed, and the store view that was typed with it."""
        self.store = store
        view = store.shape.store_view or self.store_view
        # without a header, the Cloud Service takes the default view
        self.choose_view("default" if store.shape.bare and view == "all" else view)
        self.searched = (self.typed_address if typed is None else typed, self.store_view)
        if not self.begun and not self.applied() and (self.way == OAUTH2) != (self.ways()[0] == OAUTH2):
            self.choose_way(self.ways()[0])

    def ways(self) -> tuple[str, ...]:
        """The ways to authenticate that the guide offers for this store, the usual one first."""
        return CLOUD_WAYS if is_bare(self.base_uri) else MAGENTO_WAYS

    def choose_view(self, store_view: str) -> None:
        """Takes a store view: "all", "default" or a code."""
        self.store_view = store_view
        shape = self.store.shape if self.store else _shape(self.base_uri)
        if shape is None:
            return
        uri = shape.base_uri("" if store_view == "default" else store_view)
        self._name_view_in_header(store_view if shape.bare and store_view != "default" else None)
        index = self.plugin("base-uri")
        if index is not None:
            self.edit(("clients", self.client, "plugins", index, "uri"), uri)
            return
        plugins = self.at("clients", self.client, "plugins")
        first: Json = {"kind": "base-uri", "uri": uri}
        self.edit(("clients", self.client, "plugins"), [first, *(plugins if isinstance(plugins, list) else [])])

    def _name_view_in_header(self, code: str | None) -> None:
        """Has the client send the header Store, or no longer send it; other headers of the plugin stay."""
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
        """Shows another client in the steps; a new one begins with the guide's three plugins."""
        if name not in self.table("clients"):
            self.edit(("clients", name), at(new_document().draft, ("clients", CLIENT)))
        self.client, self.store = name, None
        shape = _shape(self.base_uri)
        self.typed_address = self.base_uri
        self.store_view = (shape.store_view or self._view_in_header() or "default") if shape else "all"
        self.searched = (self.typed_address, self.store_view)
        applied = self.applied()
        if applied:
            self.use(applied[0])
        elif self.begun:  # what another client authenticates with is not to be edited as if it were this one's
            self.another(INTEGRATION)
        self.proven = bool(applied) and not self.document.changed

    def _view_in_header(self) -> str:
        index = self.plugin("set-headers")
        headers = {} if index is None else self.table("clients", self.client, "plugins", index, "headers")
        return next((str(value) for name, value in headers.items() if name.lower() == "store"), "")

    def applied(self) -> list[str]:
        """The client's authentications, by name, in order."""
        names = self.at("clients", self.client, "authentications")
        return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []

    def apply(self, names: list[str]) -> None:
        """Has the client use these authentications, in this order."""
        self.edit(("clients", self.client, "authentications"), cast(Json, names) if names else None)

    def use(self, name: str) -> None:
        """Shows a saved authentication; one that the client does not use yet takes the place of the one shown."""
        applied, replaced = self.applied(), self.authentication
        self.authentication = name
        self.way = str(self.at("authentications", name, "kind") or self.way)
        if name not in applied:
            self._replace(applied, replaced)

    def choose_way(self, way: str) -> None:
        """Another kind of authentication in place of the one shown."""
        applied, replaced, begun = self.applied(), self.authentication, self.begun
        name = name_for(way)
        if name != replaced and self.at("authentications", name, "kind") not in (None, way):
            name = free(name, self.table("authentications"))
        self.way, self.authentication = way, name
        if begun:
            self.begin()
            self._replace(applied, replaced)

    def another(self, way: str) -> None:
        """Shows one more authentication; it joins the others once something is given for it."""
        self.way, self.authentication = way, free(name_for(way), self.table("authentications"))
        self.proven = False

    def drop(self, name: str) -> None:
        """Takes an authentication from the client."""
        self.apply([each for each in self.applied() if each != name])
        self._forget(name)
        left = self.applied()
        if left:
            self.use(left[0])

    def _replace(self, applied: list[str], replaced: str) -> None:
        names = [self.authentication if each == replaced else each for each in applied]
        self.apply(list(dict.fromkeys([*names, *([] if self.authentication in names else [self.authentication])])))
        if replaced != self.authentication:
            self._forget(replaced)

    def _forget(self, name: str) -> None:
        """Takes an authentication out of the profile that this setup made and nothing uses."""
        users = [self.at("clients", client, "authentications") for client in self.table("clients")]
        if name not in self.kept and not any(name in names for names in users if isinstance(names, list)):
            self.edit(("authentications", name), None)

    def fresh(self) -> dict[str, Json]:
        """The authentication that step 2 shows as the guide begins it."""
        there = self.table("authentications", self.authentication)
        made = fresh(self.way, self.name, self.authentication, self.base_uri, there)
        if self.way == ADMIN and self.store is not None and self.store.two_factor:
            made["uri"] = f"{str(made['uri']).rpartition('/integration/')[0]}/tfa/provider/google/authenticate"
        return made

    def begin(self) -> None:
        """Puts the authentication that step 2 shows into the draft, and has the client use it."""
        if self.at("authentications", self.authentication, "kind") != self.way:
            self.edit(("authentications", self.authentication), self.fresh())
        if self.authentication not in self.applied():
            self.apply([*self.applied(), self.authentication])

    def asks_for_code(self) -> bool:
        """Whether the login wants a one-time code: the store said so, or the profile does."""
        saved = self.table("authentications", self.authentication, "parameters")
        return any(name in saved for name in ONE_TIME_CODES) or (self.store is not None and self.store.two_factor)

    def drop_code(self) -> None:
        """Has the login send no code, to the endpoint that wants none."""
        place = ("authentications", self.authentication)
        uri = str(self.at(*place, "uri") or "")
        if "/tfa/" in uri:
            self.edit((*place, "uri"), f"{uri.partition('/tfa/')[0]}/integration/admin/token")
        for name in ONE_TIME_CODES:
            if self.at(*place, "parameters", name) is not None:
                self.edit((*place, "parameters", name), None)
        if self.store is not None:
            self.store = replace(self.store, two_factor=False)

    def ask_for_code(self, provider: str = "") -> None:
        """Has the login send a code, typed each time until something makes it; to this provider's endpoint."""
        self.begin()
        if provider:
            uri = str(self.at("authentications", self.authentication, "uri") or "")
            prefix = uri.partition("/integration/")[0].partition("/tfa/")[0]
            self.edit(("authentications", self.authentication, "uri"), f"{prefix}/tfa/provider/{provider}/authenticate")
        if self.at("authentications", self.authentication, "parameters", "otp") is None:
            self.edit(("authentications", self.authentication, "parameters", "otp"), {"ask": True})

    def fields(self) -> tuple[FieldWords, ...]:
        """What step 2 asks for, in order; a kind that the guide has no words for asks by its form."""
        return WAYS[self.way].fields if self.way in WAYS else ()

    def secret_fields(self) -> list[FieldWords]:
        return [each for each in self.fields() if each.secret]

    def path_of(self, each: FieldWords) -> Path:
        """Where the field stands in the draft."""
        return ("authentications", self.authentication, *each.path)

    def origin_for(self, path: Path) -> str:
        """Where the secret that is named there goes to: the store, where its login is sent, or the client's proxy."""
        proxy = self.at("clients", path[1], "proxy", "uri") if "proxy" in path else None
        if proxy:
            return origin_of(str(proxy))
        login = self.at(*path[:2], "token-uri") or self.at(*path[:2], "uri") if path[0] == "authentications" else None
        try:
            return origin_of(login) if isinstance(login, str) and is_absolute(login) else self.origin
        except BadUri:  # it is being typed
            return self.origin

    def learned(self, field_name: str, value: str) -> None:
        """Something that a test found out and that is worth saving, such as the signing dialect."""
        self.document.set(("authentications", self.authentication, field_name), value)

    @property
    def incoming(self) -> Mapping[str, Json]:
        return self.table("incoming")

    @property
    def outgoing(self) -> Mapping[str, Json]:
        return self.table("outgoing")

    def add_incoming(self, entity: str) -> str:
        name = free(entity, self.incoming)
        made = READABLE[entity].configuration(self.client)
        self.edit(("incoming", name), made | {"sink": self._sink(name)})
        return name

    def add_outgoing(self, entity: str) -> str:
        name = free(entity, self.outgoing)
        self.edit(("outgoing", name), WRITABLE[entity].configuration(self.client))
        return name

    def add_path(self, family: Literal["incoming", "outgoing"], path: str) -> str:
        """A configuration for a path that is in no list; its name is made of the path's last word."""
        words = re.findall(r"[A-Za-z][A-Za-z0-9_-]*", path.partition("?")[0])
        name = free(words[-1].lower() if words else family, self.table(family))
        made: dict[str, Json] = {"client": self.client, "request": {"uri": path}}
        if family == "outgoing":
            made["request"] = {"method": "post", "uri": path, "parameters": "&{@}"}
            made["source"] = {"kind": "jsonl", "path": f"{name}.jsonl"}
        else:  # as most of Magento's lists are
            made |= {"items": "items", "pagination": {"kind": "search-criteria"}}
            made["sink"] = self._sink(name)
        self.edit((family, name), made)
        return name

    def _sink(self, name: str) -> Json:
        """A file in a folder of the profile's own: profiles share their folder, and two may read the same list."""
        return {"kind": "jsonl", "path": f"{self.name}/{name}.jsonl"}

    def missing(self, step: Step) -> str:
        """What this step still needs, in words; empty where it is done or may be skipped."""
        if step is Step.BASICS and not self.base_uri:
            return "Find the store: type its address and test it."
        if step is Step.BASICS and self.searched != (self.typed_address, self.store_view):
            return "Test the store's address: it was changed."
        if step is Step.AUTHENTICATION and not self.proven:
            return "Test the authentication: the store has to accept it."
        return ""

    def first_missing(self) -> Step | None:
        return next((step for step in Step if self.missing(step)), None)

    @classmethod
    def of(cls, name: str, document: Document) -> Setup:
        """The setup of a saved profile."""
        setup = cls(name, document)
        setup.kept = frozenset(setup.table("authentications"))
        clients = setup.table("clients")
        addressed = [each for each in clients if _has_base_uri(clients[each])]
        chosen = next((each for each in (CLIENT, *addressed, *clients) if each in clients), CLIENT)
        setup.choose_client(chosen)
        return setup


def _has_base_uri(client: Json) -> bool:
    plugins = at(client, ("plugins",))
    return isinstance(plugins, list) and any(at(plugin, ("kind",)) == "base-uri" for plugin in plugins)


def _shape(base_uri: str) -> Shape | None:
    """How a base URI that is a REST interface's is to be read."""
    try:
        return shapes(base_uri)[0] if "/rest" in urlsplit(base_uri).path or is_bare(base_uri) else None
    except BadUri:
        return None
