"""Turns requests as other tools describe them into the parts of a profile: clients, authentications, configurations."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast
from urllib.parse import quote, unquote_plus

from ...client.literal_secrets import is_literal_secret
from ...client.uri import origin_of
from ...errors import InvalidValue
from ...magento.criteria import is_criteria
from ...magento.entities import READABLE, Readable, Writable
from ...magento.request_criteria import filters_as_rows
from ...misspelling import did_you_mean
from ...templates import Json
from ...text import HTTP_TOKEN, count, listed, shown_line
from ..part_names import free, free_name
from .addresses import REST_PATH, Address, CannotImport, path_of, split_address
from .authentications import OF_BROWSERS, Authentications
from .entities import generic_template, known_writable, templated_path
from .insertions import Insertions
from .json_text import NOT_JSON, body_json
from .leaving_out import remove_invalid, remove_unused_clients, remove_with_secrets
from .model import (
    MAX_CONFIGURATIONS,
    UNKNOWN,
    FoundRequest,
    Import,
    ImportOptions,
    InvalidImport,
    NotImported,
    as_written,
    has_unknown,
    short,
    slug,
    unknowns,
    variable_name,
    with_names,
)

_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD")
_SET_BY_PROGRAM = re.compile(
    r"accept-encoding|content-length|host|connection|keep-alive|transfer-encoding|te|trailer|upgrade|expect"
    r"|proxy-connection|http2-settings"
)
_PAGES = frozenset({"pagesize", "currentpage", "sortorders"})
_MOST_PLACES = 3
"""Places that a note lists."""
_WITHOUT_LIMIT = ("", "all", "{}", "*", "[]", "0", "1")


@dataclass(slots=True)
class _Prepared:
    """A request whose address and authentications are known."""

    found: FoundRequest
    address: Address
    authentications: list[str]
    headers: list[tuple[str, str]]
    client: str = ""


@dataclass(slots=True)
class _Configuration:
    """An incoming or outgoing configuration before it has its name."""

    family: Literal["incoming", "outgoing"]
    name: str
    place: str
    data: dict[str, Json]
    preset: str = ""
    entities: list[Json] = field(default_factory=list)
    key: str = ""
    reads: str = ""


class PartsBuilder:
    """Collects requests, and builds the parts of a profile from all of them."""

    def __init__(self, format: str, options: ImportOptions) -> None:  # noqa: A002 - the field's name
        self.format, self.options = format, options
        self.only_known = False
        """Without a choice, create only the configurations of entities that Magento is known to have."""
        self.insertions = Insertions()
        self.not_imported: list[NotImported] = []
        self.authentications = Authentications(self.leave_out, self._client_of_login)
        self._refused: list[NotImported] = []
        """Whole requests among them."""
        self._requests: list[FoundRequest] = []
        self._clients: dict[str, dict[str, Json]] = {}
        self._client_keys: dict[str, str] = {}
        self._dropped: Counter[tuple[str, str]] = Counter()
        self._configurations: list[_Configuration] = []

    def add(self, request: FoundRequest) -> None:
        self._requests.append(request)

    def leave_out(self, place: str, what: str, reason: str) -> None:
        """Something that is not carried over; its text may be external, and must not contain a secret."""
        self.not_imported.append(NotImported(place, short(what), reason))

    def build(self, title: str = "") -> Import:
        """All of it. Raises `InvalidImport` if there is nothing to create."""
        others: list[FoundRequest] = []
        for request in self._requests:
            if self.authentications.is_login(request):
                self._try(request, self.authentications.add_login)
            else:
                others.append(request)
        prepared = [each for request in others if (each := self._try(request, self._prepared)) is not None]
        self._share_headers(prepared)
        for each in prepared:
            self._try(each.found, lambda _, each=each: self._configure(each))
        self._note_dropped()
        parts, samples = self._named()
        secrets = self.authentications.secrets
        known_secrets = (*secrets.values(), *self.authentications.secret_values)
        remove_with_secrets(parts, samples, known_secrets, self.leave_out)
        remove_invalid(parts, self.leave_out)
        remove_unused_clients(parts)
        if not any(parts.values()):
            found = [*self._refused, *(each for each in self.not_imported if each not in self._refused)]
            reasons = "; ".join(str(each) for each in found[:3]) or "it contains no request"
            more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
            hint = "Values of variables come from --environment." if "has no value" in reasons else ""
            raise InvalidImport("import-empty", f"nothing in it can be imported: {reasons}{more}", hint)
        present = {(family, name) for family, named in parts.items() for name in named}
        return Import(
            self.format,
            shown_line(title or self._title(), 200),
            parts,
            {path: value for path, value in secrets.items() if path[:2] in present},
            {name: entities for name, entities in samples.items() if ("outgoing", name) in present},
            tuple(_grouped(self.not_imported)),
        )

    def _title(self) -> str:
        for client in self._clients.values():
            for plugin in cast("list[dict[str, Json]]", client.get("plugins", [])):
                if plugin.get("kind") == "base-uri":
                    return origin_of(str(plugin["uri"])).partition("://")[2]
        return "Imported"

    def _try(self, request: FoundRequest, work: Any) -> Any:
        try:
            return work(request)
        except CannotImport as error:
            self.leave_out(request.place, error.what, error.reason)
        except InvalidValue as error:
            self.leave_out(request.place, f"{request.method} {path_of(request.uri)}", error.message)
        self._refused.append(self.not_imported[-1])
        return None

    # -- clients

    def _prepared(self, request: FoundRequest) -> _Prepared:
        if request.method not in _METHODS:
            raise CannotImport(f"{request.method} {path_of(request.uri)}", "this method is not supported")
        address = split_address(request)
        names = list(self.authentications.of_request(request, origin_of(address.base)))
        address.query, in_query = self.authentications.without_secrets(address.query)
        names += in_query
        return _Prepared(request, address, list(dict.fromkeys(names)), [*self._headers_of(request)])

    def _headers_of(self, request: FoundRequest) -> Iterator[tuple[str, str]]:
        """The headers that are carried over."""
        for name, value in request.headers:
            lower = name.lower()
            if lower in ("authorization", "cookie") or self.authentications.is_secret_header(name, value):
                continue
            is_own_agent = lower == "user-agent" and not re.match(r"Mozilla/|curl/|Postman", value)
            if lower == "accept" and ("json" in value or "*/*" in value):
                self._dropped[name, "the program sets it itself"] += 1
            elif lower == "content-type" and "json" in value:
                self._dropped[name, "the plugin content-type sets it"] += 1
            elif _SET_BY_PROGRAM.fullmatch(lower):
                self._dropped[name, "the connection sets it itself"] += 1
            elif OF_BROWSERS.fullmatch(lower) and not is_own_agent:
                self._dropped[name, "it describes the browser or the tool that sent the request"] += 1
            elif has_unknown(value):
                self.leave_out(request.place, f"the header {name}", f"{short(' '.join(unknowns(value)))} has no value")
            elif not value:
                self.leave_out(request.place, f"the header {name}", "an empty header is not sent")
            elif not HTTP_TOKEN.fullmatch(name) or not value.isprintable():
                self.leave_out(request.place, f"the header {name}", "it is not a valid header")
            elif lower == "content-type" and request.form is not None:
                continue
            else:
                yield name, value

    def _note_dropped(self) -> None:
        for reason in dict.fromkeys(reason for _, reason in self._dropped):
            names = sorted({short(name).lower() for name, other in self._dropped if other == reason})
            self.not_imported.append(NotImported("", f"headers {listed(names, 8)}", reason))

    def _client(
        self, base: str, authentications: tuple[str, ...], settings: Mapping[str, Json], *, name: str = ""
    ) -> str:
        key = json.dumps([base, authentications, settings], sort_keys=True)
        if key in self._client_keys:
            return self._client_keys[key]
        if not name:
            is_magento = REST_PATH.fullmatch(base) is not None
            view = re.search(r"/rest/([^/]+)/V\d", base)
            host = slug(re.split(r"[:/]", origin_of(base).partition("://")[2].removeprefix("www."))[0], "api", 40)
            taken = self._clients
            name = "magento" if is_magento else host
            if name in taken and view is not None and view[1] not in ("all", "V1"):
                name = slug(f"{name}-{view[1]}")
            name = free(name, taken)
        made: dict[str, Json] = {}
        if authentications:
            made["authentications"] = list(authentications)
        for setting, value in settings.items():
            if setting == "proxy" and isinstance(value, dict) and "password" in value:
                password = str(value["password"])
                if password and not has_unknown(password):
                    self.authentications.secrets["clients", name, "proxy", "password"] = password
                value = {**value, "password": {"keyring": f"{name}/password"}}
            made[setting] = value
        plugins: list[Json] = [
            {"kind": "base-uri", "uri": base}, {"kind": "log-requests", "formatter": "long"}, {"kind": "content-type"},
        ]  # fmt: skip
        made["plugins"] = plugins
        self._clients[name] = made
        self._client_keys[key] = name
        return name

    def _client_of_login(self, address: Address, authentications: tuple[str, ...], request: FoundRequest) -> str:
        """The client that a login is sent by, or one that uses it."""
        if authentications:
            return self._client(address.base, authentications, request.client)
        return self._client(origin_of(address.base), (), request.client, name="login")

    def _share_headers(self, prepared: list[_Prepared]) -> None:
        """Chooses the client of each request; headers that all requests of a client have become its plugin."""
        by_client: dict[str, list[_Prepared]] = {}
        for each in prepared:
            each.client = self._client(each.address.base, tuple(each.authentications), each.found.client)
            by_client.setdefault(each.client, []).append(each)
        for name, users in by_client.items():
            common = set(users[0].headers).intersection(*(each.headers for each in users))
            shared = {header: value for header, value in users[0].headers if (header, value) in common}
            if shared and len({header.lower() for header in shared}) == len(shared):
                plugins = cast("list[Json]", self._clients[name]["plugins"])
                plugins.append({"kind": "set-headers", "headers": cast(Json, shared)})
                for each in users:
                    each.headers = [pair for pair in each.headers if pair not in common]

    # -- configurations

    def _configure(self, prepared: _Prepared) -> None:
        method = prepared.found.method
        if method in ("GET", "HEAD") or self._is_query(prepared):
            self._configurations.append(self._incoming(prepared))
        else:
            self._configurations.append(self._outgoing(prepared))

    def _is_query(self, prepared: _Prepared) -> bool:
        body = body_json(prepared.found.body)
        query = body.get("query") if isinstance(body, dict) else None
        is_graphql = prepared.address.path.rstrip("/").endswith("graphql") and isinstance(query, str)
        return is_graphql and not str(query).lstrip().startswith(("mutation", "subscription"))

    def _incoming(self, prepared: _Prepared) -> _Configuration:
        found, address = prepared.found, prepared.address
        what = f"{found.method} {path_of(found.uri)}"
        if found.method == "HEAD":
            raise CannotImport(what, "a response to HEAD has no items to read")
        if address.queue:
            raise CannotImport(what, "only requests that write go through Magento's queue")
        path = self._filled(address.path, found.values)
        if has_unknown(path) or has_unknown(address.query):
            names = listed([short(each) for each in unknowns(path + address.query)])
            raise CannotImport(what, f"{names} has no value, and an incoming reads one list")
        known = next((each for each in READABLE.values() if each.path == path), None)
        known = known if address.is_magento and found.uses_presets else None
        query, size = self._pages(address.query, found.place, known, found.items)
        configuration: dict[str, Json] = known.configuration(prepared.client) if known else {"client": prepared.client}
        request: dict[str, Json] = {"uri": f"{path}?{query}" if query else path}
        if found.method == "GET":
            uri, rows = filters_as_rows(str(request["uri"]))
            request = {"uri": uri, "where": cast(Json, rows)} if rows else request
        if found.method == "POST":  # a GraphQL query
            request |= {"method": "post", "parameters": body_json(found.body), "reads": True}
        elif found.body or found.form or found.not_a_body:
            self.leave_out(found.place, "the body", found.not_a_body or "a GET is sent without one")
        if prepared.headers:
            request["headers"] = cast(Json, dict(prepared.headers))
        configuration["request"] = request
        if known is None:
            is_list = any(is_criteria(_name_of(part)) for part in address.query.split("&"))
            configuration["items"] = found.items or ("items" if is_list else "[@][]")
            if found.pagination:
                configuration["pagination"] = cast(Json, dict(found.pagination))
            elif is_list:
                configuration["pagination"] = {"kind": "search-criteria"}
        pagination = configuration.get("pagination")
        if size is not None and isinstance(pagination, dict):
            configuration["pagination"] = {**pagination, "page-size": size}
        configuration["sink"] = {"kind": "jsonl", "path": "items.jsonl"}
        name = slug(found.name, "") or (known.name if known else _name_from(path))
        return self._configuration("incoming", name, prepared, configuration, known)

    def _pages(self, query: str, place: str, known: Readable | None, items: str) -> tuple[str, int | None]:
        """The query without what the pagination sets, and the page size."""
        kept: list[str] = []
        size: int | None = None
        paged = known is None or known.filter is not None or known.order is not None
        for part in filter(None, query.split("&")):
            name = _name_of(part)
            value = unquote_plus(part.partition("=")[2])
            letters = re.sub(r"[^a-z]", "", name.lower().removeprefix("searchcriteria").removeprefix("search_criteria"))
            member = next((each for each in _PAGES if is_criteria(name) and letters.startswith(each)), "")
            if member == "pagesize" and value.isdecimal() and 1 <= int(value) <= 10_000:
                size = int(value)
            elif member or (is_criteria(name) and not letters and value in _WITHOUT_LIMIT):
                if member and paged:
                    self.leave_out(place, name, "the pagination sets it")
                elif member:
                    kept.append(part)
            elif name == "fields" and paged and not _keeps_pages(value, known):
                self.leave_out(place, "fields", "the pagination needs the items' ids and total_count")
            else:
                kept.append(part)
        return "&".join(kept), size

    def _outgoing(self, prepared: _Prepared) -> _Configuration:
        found, address = prepared.found, prepared.address
        what = f"{found.method} {path_of(found.uri)}"
        if found.form is not None:
            raise CannotImport(what, "bodies are sent as JSON, and this one is a form")
        if found.not_a_body:
            self.leave_out(found.place, "the body", found.not_a_body)
        kind = next((value for name, value in found.headers if name.lower() == "content-type"), "")
        body = body_json(found.body) if found.body and found.body.strip() else None
        if body is NOT_JSON:
            reason = (
                "it is not valid JSON"
                if "json" in kind or not kind
                else f"bodies are sent as JSON, not as {short(kind)}"
            )
            raise CannotImport(what, f"its body cannot be sent: {reason}")
        if found.method == "DELETE" and body is not None:
            self.leave_out(found.place, "the body", "a DELETE is sent without one")
            body = None
        path, values = templated_path(found, address)
        bodies = body if address.queue == "bulk" and isinstance(body, list) else [body]
        known, entities = None, list[Json]()
        if address.is_magento and found.uses_presets:
            known, entities = known_writable(found.method, path, values, bodies)
        if known is not None:
            configuration = known.configuration(prepared.client)
            request = cast("dict[str, Json]", dict(cast("dict[str, Json]", configuration["request"])))
        else:
            parameters, entities = generic_template(values, bodies, has_body=bool(found.not_a_body))
            if found.template is not None:
                parameters, entities = found.template, []
            configuration = {"client": prepared.client}
            first = next(iter(values), None)
            if first is not None:
                configuration["identifier"] = first
            request = {"method": found.method.lower(), "uri": path}
            if parameters is not None:
                request["parameters"] = parameters
        query = with_names(address.query, lambda name: f"&{{{name}}}")
        if query:
            request["uri"] = f"{request['uri']}?{query}"
        if prepared.headers:
            request["headers"] = cast(Json, dict(prepared.headers))
        configuration["request"] = request
        configuration["source"] = {"kind": "jsonl", "path": "items.jsonl"}
        if address.queue:
            configuration["delivery"] = address.queue
        entities = [self._without_secret_values(each, found.place) for each in entities]
        from_path = f"{'delete-' * (found.method == 'DELETE')}{_name_from(as_written(address.path))}"
        name = slug(found.name, "") or (known.name if known else from_path)
        made = self._configuration("outgoing", name, prepared, configuration, known)
        made.entities = [
            each
            for each in entities
            if each not in (None, {}) and not has_unknown(json.dumps(each).replace("\\u0000", UNKNOWN))
        ]
        return made

    def _configuration(
        self,
        family: Literal["incoming", "outgoing"],
        name: str,
        prepared: _Prepared,
        data: dict[str, Json],
        known: Readable | Writable | None,
    ) -> _Configuration:
        described: dict[str, Json] = {}
        if prepared.found.name:
            described["title"] = shown_line(as_written(prepared.found.name), 100)
        if prepared.found.description:
            described["description"] = shown_line(as_written(prepared.found.description), 300)
        place = prepared.found.place
        found = prepared.found
        preset = known.name if known else ""
        return _Configuration(family, name, place, {**described, **data}, preset, key=found.key, reads=found.reads)

    def _filled(self, path: str, values: Mapping[str, Json]) -> str:
        """`path` with the known values of its variables."""

        def value(found: re.Match[str]) -> str:
            known = values.get(variable_name(found[1]))
            return found[0] if known in (None, "") else self.insertions.insert(found[1], quote(str(known), safe=""))

        return re.sub(f"{UNKNOWN}([^{UNKNOWN}]*){UNKNOWN}", value, path)

    def _without_secret_values(self, entity: Json, place: str) -> Json:
        if isinstance(entity, list):
            return [self._without_secret_values(each, place) for each in entity]
        if not isinstance(entity, dict):
            return entity
        kept: dict[str, Json] = {}
        for name, value in entity.items():
            if is_literal_secret(name, value) or (
                isinstance(value, str) and self.authentications.contains_secret(value)
            ):
                self.leave_out(place, f"{name} in the body", "secrets are not written to files: add it to the source")
            else:
                kept[name] = self._without_secret_values(value, place)
        return kept

    # -- the whole

    def _named(self) -> tuple[dict[str, dict[str, Json]], dict[str, list[Json]]]:
        parts: dict[str, dict[str, Json]] = {
            "authentications": cast("dict[str, Json]", self.authentications.named),
            "clients": cast("dict[str, Json]", self._clients),
            "incoming": {},
            "outgoing": {},
        }
        samples: dict[str, list[Json]] = {}
        seen: dict[str, str] = {}
        names: dict[str, str] = {}
        repeated: Counter[str] = Counter()
        known_entities: set[str] = set()
        left_out = 0
        for each in self._chosen():
            plain = {key: value for key, value in each.data.items() if key not in ("title", "description")}
            key = json.dumps([each.family, plain, each.reads], sort_keys=True)
            if key in seen:
                name = names[each.key] = seen[key]
                repeated[name] += 1
                if each.family == "outgoing":
                    _extend(samples[name], each.entities, known_entities)
                continue
            if len(parts["incoming"]) + len(parts["outgoing"]) >= MAX_CONFIGURATIONS:
                left_out += 1
                continue
            name = free_name(each.family, each.name, parts["incoming"], parts["outgoing"])
            seen[key] = names[each.key] = name
            for end in ("sink", "source"):
                if end in each.data:
                    each.data[end] = {"kind": "jsonl", "path": f"{'outgoing/' * (end == 'source')}{name}.jsonl"}
            parts[each.family][name] = each.data
            if each.family == "outgoing":
                samples[name] = []
                _extend(samples[name], each.entities, known_entities)
        for each in self._configurations:
            if each.reads and (outgoing := names.get(each.key)) is not None:
                self._connect(parts, samples, outgoing, names.get(each.reads, ""), each)
        for name, number in repeated.items():
            self.leave_out("", count(number, "request"), f"the same as {name}")
        if left_out:
            reason = f"one import creates at most {MAX_CONFIGURATIONS} configurations: choose with --only"
            self.leave_out("", count(left_out, "request"), reason)
        return parts, samples

    def _connect(
        self,
        parts: Mapping[str, dict[str, Json]],
        samples: Mapping[str, list[Json]],
        outgoing: str,
        incoming: str,
        found: _Configuration,
    ) -> None:
        """Makes an incoming the source of an outgoing."""
        part = parts["outgoing"].get(outgoing)
        if incoming in parts["incoming"] and isinstance(part, dict):
            part["source"] = {"kind": "incoming", "name": incoming}
            samples[outgoing].clear()
        else:
            self.leave_out(found.place, "its source", "the incoming is not imported; the entities are read from a file")

    def _chosen(self) -> list[_Configuration]:
        only = self.options.only
        if not only and self.only_known:
            chosen = [each for each in self._configurations if each.preset]
            if chosen and len(chosen) < len(self._configurations):
                number = count(len(self._configurations) - len(chosen), "other request")
                others = sorted({each.name for each in self._configurations if not each.preset})
                self.leave_out("", number, f"choose with --only: {listed(others, 12)}")
            return chosen or self._configurations
        if not only:
            return self._configurations

        def names(each: _Configuration) -> set[str]:
            return {each.name, each.preset, str(each.data.get("title", ""))}

        known = sorted({name for each in self._configurations for name in names(each) if name})
        for wanted in only:
            if wanted not in known:
                hint = f"There are: {listed(known)}."
                raise InvalidImport("import-only", f"there is no {wanted!r} in it{did_you_mean(wanted, known)}", hint)
        presets = {each.preset for each in self._configurations}
        chosen = [
            each
            for each in self._configurations
            if any(each.preset == wanted if wanted in presets else wanted in names(each) for wanted in only)
        ]
        if len(chosen) < len(self._configurations):
            self.leave_out("", count(len(self._configurations) - len(chosen), "request"), "not chosen with --only")
        return chosen


def _name_of(part: str) -> str:
    return unquote_plus(part.partition("=")[0])


def _name_from(path: str) -> str:
    """A name from the words of a path."""
    words = [each for each in path.split("/") if re.fullmatch(r"[A-Za-z][A-Za-z_-]*", each)]
    return slug("-".join(re.sub(r"(?<=[a-z])(?=[A-Z])", "-", each) for each in words[-2:]), "request")


def _keeps_pages(fields: str, known: Readable | None) -> bool:
    """Whether a projection keeps what a pagination reads."""
    wanted = {"total_count"} | ({known.field} if known and known.field else set())
    return wanted <= set(re.findall(r"\w+", fields))


def _extend(entities: list[Json], more: list[Json], known: set[str]) -> None:
    """Adds the entities that are not there yet; `known` has all of them as text."""
    for each in more:
        key = f"{id(entities)} {json.dumps(each, sort_keys=True)}"
        if key not in known:
            known.add(key)
            entities.append(each)


def _grouped(notes: list[NotImported]) -> Iterator[NotImported]:
    """The notes, with one for all places where the same is not carried over for the same reason."""
    places: dict[tuple[str, str], list[str]] = {}
    for each in notes:
        places.setdefault((each.what, each.reason), []).append(each.place)
    for (what, reason), found in places.items():
        yield NotImported(listed([*dict.fromkeys(filter(None, found))], _MOST_PLACES), what, reason)
