"""The five steps: what is asked, what is missing, the words, and the profile that comes of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from ..client.authentication.bearer import Bearer
from ..client.authentication.request import RequestAuthentication
from ..client.layer import Authentication
from ..client.uri import BadUri, origin_of
from ..magento.entities import READABLE, WRITABLE
from ..magento.oauth1 import OAuth1
from ..placeholder import Json
from .address import Shape, StoreAddress, shapes

CLIENT = "magento"
"""The name of the client that the guide makes."""

TOKEN_LENGTH = 32
"""All four values of an integration (Magento\\Framework\\Oauth\\Helper\\Oauth)."""


class Step(IntEnum):
    """A step of the guide."""

    BASICS = 1
    AUTHENTICATION = 2
    INCOMING = 3
    OUTGOING = 4
    SAVE = 5


TITLES: Mapping[Step, str] = {
    Step.BASICS: "Basics and plugins",
    Step.AUTHENTICATION: "Authentication",
    Step.INCOMING: "Incoming (read from the store)",
    Step.OUTGOING: "Outgoing (send to the store)",
    Step.SAVE: "Save",
}


class Way(StrEnum):
    """A way to authenticate."""

    INTEGRATION = "integration"
    BEARER = "bearer"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class WayWords:
    """How a way is called, and what to click in Magento for it."""

    title: str
    kind: type[Authentication]
    fields: tuple[str, ...]
    in_magento: tuple[str, ...]


WAYS: Mapping[Way, WayWords] = {
    Way.INTEGRATION: WayWords(
        "Integration, 4 tokens (signed, OAuth 1.0a)",
        OAuth1,
        ("consumer-key", "consumer-secret", "access-token", "access-token-secret"),
        (
            "System › Extensions › Integrations › Add New Integration: give it a name.",
            "Tab API: tick what it may do (or All), then Save.",
            "In its row: Activate › Allow. A window shows the four values; copy one, paste it here, and so on.",
            "They can be read again later: Edit › Integration Details.",
        ),
    ),
    Way.BEARER: WayWords(
        "Integration, access token alone (Bearer token)",
        Bearer,
        ("token",),
        (
            "Stores › Configuration › Services › OAuth › Consumer Settings: "
            "Allow OAuth Access Tokens to be used as standalone Bearer tokens = Yes (it is No since 2.4.4).",
            "System › Extensions › Integrations › your row › Edit › Integration Details: Access Token, the third.",
        ),
    ),
    Way.ADMIN: WayWords(
        "Admin user and password (Request authentication)",
        RequestAuthentication,
        ("username", "password"),
        (
            "System › Permissions › All Users: a user of its own, with a role that holds what it may do.",
            "Log in once in the browser with it. Six wrong passwords lock it for 30 minutes.",
            "Where admin users need a one-time code (2FA), use an integration.",
        ),
    ),
}

FIELD_WORDS: Mapping[str, tuple[str, str]] = {
    "consumer-key": ("Consumer key", "The first of the four values in Magento's window."),
    "consumer-secret": ("Consumer secret", "The second of the four values."),
    "access-token": ("Access token", "The third of the four values."),
    "access-token-secret": ("Access token secret", "The fourth of the four values."),
    "token": ("Access token", "Of the integration: the third of its four values."),
    "username": ("User name", "Of an admin user made for this connection."),
    "password": ("Password", "It is sent only to this store, to get a token."),
}

OPEN_FIELDS = frozenset({"username"})
"""Fields that are no secret and stand in the profile."""


class SecretPlace(StrEnum):
    """Where the saved profile says its secrets are."""

    KEYRING = "keyring"
    ENVIRONMENT = "environment"
    ASK = "ask"


@dataclass(slots=True)
class Setup:
    """A setup on its way. Secrets are not in it: they are held by the vault under `secret_name`."""

    name: str = "store"
    title: str = ""
    typed_address: str = ""
    address: StoreAddress | None = None
    store_view: str = "all"
    formatter: str = "long"
    way: Way = Way.INTEGRATION
    username: str = ""
    dialect: str = ""
    begun: bool = False
    """Something of step 2 was given."""
    proven: bool = False
    """The store accepted it."""
    incoming: dict[str, dict[str, Json]] = field(default_factory=dict)
    outgoing: dict[str, dict[str, Json]] = field(default_factory=dict)
    secret_place: SecretPlace = SecretPlace.KEYRING
    description: str = ""

    def found(self, address: StoreAddress) -> None:
        """Takes the address that answered, and the store view that was typed with it."""
        if self.address is None or address.shape.root != self.address.shape.root:
            self.proven = False
        self.address = address
        self.store_view = address.shape.store_view or self.store_view

    @property
    def shape(self) -> Shape | None:
        return self.address.shape if self.address else None

    @property
    def base_uri(self) -> str:
        return self.shape.base_uri("" if self.store_view == "default" else self.store_view) if self.shape else ""

    @property
    def origin(self) -> str:
        return origin_of(self.base_uri)

    def fields(self) -> tuple[str, ...]:
        """What step 2 asks for, in order."""
        return WAYS[self.way].fields

    def secret_fields(self) -> list[str]:
        return [name for name in self.fields() if name not in OPEN_FIELDS]

    def secret_name(self, field_name: str) -> str:
        """The name under which the keyring keeps it: the access token keeps its name when it is used alone."""
        if self.way is Way.ADMIN:
            return f"{self.name}/admin/{field_name}"
        return f"{self.name}/integration/{'access-token' if field_name == 'token' else field_name}"

    def authentication(self) -> dict[str, Json]:
        """The authentication of step 2, as it stands in a profile."""
        sources = {name: self._source(name) for name in self.secret_fields()}
        if self.way is Way.ADMIN:
            prefix = self.base_uri.removesuffix("/V1").rpartition("/rest")[0].removeprefix(self.origin)
            return {
                "kind": "request",
                "uri": f"{prefix}/rest/V1/integration/admin/token",
                "method": "post",
                "parameters": {"username": self.username, **sources},
                "client": "default",
                "header": "Authorization",
                "source": "body",
                "template": "Bearer &{@[0]}",
                "cache": "auto",
            }
        learned: dict[str, Json] = {"dialect": self.dialect} if self.dialect and self.way is Way.INTEGRATION else {}
        return {"kind": "oauth1" if self.way is Way.INTEGRATION else "bearer", **sources, **learned}

    def _source(self, field_name: str) -> Json:
        name = self.secret_name(field_name)
        if self.secret_place is SecretPlace.ENVIRONMENT:
            return {"env": environment_name(name)}
        return {"ask": True} if self.secret_place is SecretPlace.ASK else {"keyring": name}

    def data(self) -> dict[str, Json]:
        """The profile as plain data; what has not been given yet is left out."""
        data: dict[str, Json] = {"format": 1, "name": self.title or self.name}
        if self.description:
            data["description"] = self.description
        if self.begun:
            data["authentications"] = {self.authentication_name: self.authentication()}
        if self.base_uri:
            client: dict[str, Json] = {}
            if self.begun:
                client["authentications"] = [self.authentication_name]
            client["plugins"] = [
                {"kind": "base-uri", "uri": self.base_uri},
                {"kind": "log-requests", "formatter": self.formatter},
                {"kind": "content-type"},
            ]
            data["clients"] = {CLIENT: client}
        if self.incoming:
            data["incoming"] = dict(self.incoming)
        if self.outgoing:
            data["outgoing"] = dict(self.outgoing)
        return data

    @property
    def authentication_name(self) -> str:
        return "admin" if self.way is Way.ADMIN else "integration"

    def add_incoming(self, entity: str) -> str:
        name = _free(entity, self.incoming)
        self.incoming[name] = READABLE[entity].configuration(CLIENT)
        return name

    def add_outgoing(self, entity: str) -> str:
        name = _free(entity, self.outgoing)
        self.outgoing[name] = WRITABLE[entity].configuration(CLIENT)
        return name

    def missing(self, step: Step) -> str:
        """What this step still needs, in words; empty where it is done or may be skipped."""
        if step is Step.BASICS and self.address is None:
            return "Find the store: type its address and test it."
        if step is Step.AUTHENTICATION and not self.proven:
            return "Test the authentication: the store has to accept it."
        return ""

    def first_missing(self) -> Step | None:
        return next((step for step in Step if self.missing(step)), None)

    @classmethod
    def of(cls, name: str, data: Mapping[str, Json]) -> Setup:
        """The setup in a saved profile's data, as far as the guide knows its parts."""
        setup = cls(name=name, title=str(data.get("name", name)), description=str(data.get("description") or ""))
        clients, authentications = _table(data, "clients"), _table(data, "authentications")
        client = _table(clients, CLIENT)
        for plugin in _tables(client.get("plugins")):
            if plugin.get("kind") == "base-uri":
                setup._take_address(str(plugin.get("uri", "")))
            elif plugin.get("kind") == "log-requests":
                setup.formatter = str(plugin.get("formatter", setup.formatter))
        for authentication in (_table(authentications, each) for each in _names(client.get("authentications"))):
            kinds = {"oauth1": Way.INTEGRATION, "bearer": Way.BEARER, "request": Way.ADMIN}
            setup.way = kinds.get(str(authentication.get("kind")), setup.way)
            setup.username = str(_table(authentication, "parameters").get("username", ""))
            setup.dialect = str(authentication.get("dialect", ""))
            setup.begun = setup.proven = True
        setup.incoming = {key: dict(_table(_table(data, "incoming"), key)) for key in _table(data, "incoming")}
        setup.outgoing = {key: dict(_table(_table(data, "outgoing"), key)) for key in _table(data, "outgoing")}
        return setup

    def _take_address(self, base_uri: str) -> None:
        self.typed_address = base_uri
        try:
            shape = shapes(base_uri)[0]
        except BadUri:
            return
        self.address = StoreAddress(shape)
        self.store_view = shape.store_view or "default"


def _table(data: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    value = data.get(name)
    return value if isinstance(value, dict) else {}


def _tables(value: Json) -> list[dict[str, Json]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _names(value: Json) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def environment_name(secret_name: str) -> str:
    """The environment variable that stands for a keyring entry."""
    return "TUI_CONNECTOR_" + re.sub(r"[^A-Z0-9]", "_", secret_name.upper())


def _free(name: str, taken: Mapping[str, object]) -> str:
    if name not in taken:
        return name
    return next(f"{name}-{n}" for n in range(2, 1_000) if f"{name}-{n}" not in taken)


_TOKEN = re.compile(r"(?<![A-Za-z0-9])[a-z0-9]{32}(?![A-Za-z0-9])")


def pasted(text: str) -> list[str]:
    """The secrets in a paste: one to four 32-character values, with or without labels, or the trimmed text itself.

    Quotes and outer white space never belong to a token, and Magento refuses a header that has them.
    """
    values = _TOKEN.findall(text)
    if len(values) > 1 or (len(values) == 1 and ":" in text):
        return values[:4]
    lines = [line.strip().strip("\"'").strip() for line in text.splitlines() if line.strip()]
    return lines[:1]
