"""Reads the values that the store has now, in batches, and compares them with what would be sent."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Final, TypeAlias

import msgspec

from ..client.error_message import error_message
from ..client.layer import Send
from ..client.message import Request, RequestFailed, Response
from ..client.model import RequestTemplate
from ..client.pages import Page, PageUnreadable, read_page
from ..client.plugins.retry import retry_after
from ..errors import InvalidValue, UserError
from ..runs.errors import SEE_LOG, Action, Explain, RunError, RunFailed, error_for_failure
from ..templates import Json
from ..text import beginning
from .changes import EntityChange, FieldChange, changes_of, leaves_of, merged, projected, value_at, with_value
from .comparison import FieldRule
from .envelope import Envelope
from .equality import ABSENT, Absent, EqualityRule, is_below, is_number, member, rounded
from .lookup import Lookup, LookupLimits, LookupRequest, Wanted, one_by_one
from .model import Outgoing

_IN_FLIGHT: Final = 4
"""Requests for current values at once."""
_REMEMBERED: Final = 20_000
"""Entities of a plan whose planned values are remembered, for a later one that is the same in the store."""
_TOO_LARGE = (400, 403, 413, 414, 431)
"""Statuses of a request that may be accepted with fewer values in it; 403 if a firewall objects to one of them."""
_TEMPORARY = frozenset({408, 429, *range(500, 600)} - {501})
"""Statuses of a store that is down or overloaded."""
_STORE_VIEW: Final = re.compile(r"^(.*/)rest/([^/?]+)/V1/")
"""An address with the code of a store view; without one (rest/V1), Magento takes its default view."""
_REST: Final = re.compile(r"^(.*/|)rest/(?:[^/?]+/)?V1/")

_REFUSED_AT_FIRST: Final = 5
_REFUSED_LATER: Final = 50
"""Requests for single entities that must be refused one after the other before the reading fails: before any other was
accepted, and afterwards."""

Identity: TypeAlias = tuple[str | None, ...]
Item: TypeAlias = Mapping[str, Json]
_Part: TypeAlias = tuple[Sequence[Wanted], list[Item] | RunError | None]
"""The items of a response, with the entities that they may belong to; None if its address does not exist, an error if
the request for a single entity is refused."""


@dataclass(frozen=True, slots=True)
class Current:
    """The current values of an entity; `item` is ABSENT if the store has none."""

    item: Item | Absent
    by_fallback: bool = False
    """The item is that of `fallback`, which applies because there is none for the entity itself."""
    note: str = ""
    refused: bool = False
    """The store is expected to refuse the entity, for the reason in `note`."""
    changes: Sequence[FieldChange] = ()
    """The fields in which it differs from what is sent."""
    unread: bool = False
    """It is not known whether the store has the entity, for the reason in `note`."""


_UNLIMITED: Final = LookupLimits()
NOTHING: Final = Current(ABSENT)
_EXISTS = "it already exists in the store"
_PLANNED = "an earlier entity of the source creates it"
_MISSING = "the store has no such entity to change"


@dataclass(slots=True)
class _ResponseItems:
    """The items of one response, by their identity."""

    items: Sequence[Item]
    by_identity: dict[Identity, list[Item]] = field(default_factory=dict)


def comparison_missing() -> UserError:
    """The error for a plan or undo of an outgoing whose current values cannot be read."""
    return UserError(
        "comparison-missing",
        "The current values of these entities cannot be read",
        'Add compare = { preset = "…" } to the outgoing, or write out how they are read.',
    )


class CurrentValues:
    """Reads current values through the client, and so through the store view, that an outgoing sends to."""

    def __init__(
        self,
        outgoing: Outgoing,
        send: Send,
        *,
        run: Mapping[str, Json] | None = None,
        remembers: bool = False,
        address: str = "",
        now: Callable[[], datetime],
        explain: Explain = lambda _request, _response: None,
    ) -> None:
        """Raises `UserError` if the outgoing has no comparison that can be read.

        `address`: the base of the outgoing's relative URIs, for the store view in it.
        `remembers`: nothing is sent meanwhile, as in a plan: what an earlier entity would send counts as the current
        value of a later one that is the same in the store. Without it, `read` gets each entity once.
        """
        comparison = outgoing.compare.resolved if outgoing.compare is not None else None
        if comparison is None or comparison.request is None:
            raise comparison_missing()
        self._outgoing, self._send, self._run = outgoing, send, dict(run or {})
        self.comparison, self._template = comparison, comparison.request
        self.envelope = Envelope(outgoing, comparison, self._run)
        rules = comparison.rules
        self._identifiers = [
            (name, name.split("."), comparison.defaults.get(name), rules[name].places if name in rules else None)
            for name in comparison.identifiers
        ]
        selected_by = comparison.lookup.reads() if comparison.lookup is not None else ()
        self._selected_by = [name for name in selected_by if name not in comparison.identifiers]
        self._rules: dict[str, EqualityRule | None] = {}
        self._field_rules: dict[str, FieldRule | None] = {}
        self._limits: dict[str, LookupLimits] = {}
        """By URI."""
        self._remembers, self._address, self._now, self._explain = remembers, address, now, explain
        found = _STORE_VIEW.match(address) if comparison.per_view else None
        self._global_prefix = f"{found[1]}rest/all/V1/" if found and found[2] not in ("all", "async") else ""
        """The address of all store views, if a single one is written to and has its own values."""
        self._prefix: str | None = None
        """The address of another store view that is read instead."""
        self._planned: dict[Identity, Item] = {}
        """What would have been sent so far, by the key of the entity; the oldest are forgotten."""
        self._has_requested = False
        """Whether a request for a single entity could be made."""
        self._has_read, self._refused = False, 0
        """Whether a request was accepted; and the number of requests refused since."""
        self._slots = asyncio.Semaphore(_IN_FLIGHT)

    async def read(self, entities: Sequence[Json]) -> list[EntityChange]:
        """What sending each of these entities would change. Raises `RunFailed`.

        An entity whose request cannot be created counts as changed: when it is sent, its task fails with the reason.
        """
        sent: list[dict[str, Json] | None] = []
        wanted = []
        for index, entity in enumerate(entities):
            try:
                sent.append(self.envelope.sent(entity))
            except InvalidValue:
                sent.append(None)
            else:
                wanted.append(self.wanted(index, entity, sent[-1] or {}))
        looked_up = await self.look_up(wanted)
        current = {each.index: found for each, found in zip(wanted, looked_up, strict=True)}
        keys = {each.index: each.key for each in wanted}
        found = []
        for index, (entity, one) in enumerate(zip(entities, sent, strict=True)):
            name = self._name(entity)
            if one is None:
                found.append(EntityChange(name, "change", (), None, "its request cannot be created"))
                continue
            if current[index].unread:
                found.append(EntityChange(name, "change", (), None, current[index].note, refused=True, unread=True))
                continue
            state = self._as_planned(keys[index], one, current[index])
            change = self._change(name, entity, one, state)
            if change.action != "unchanged" and not change.refused:
                self._remember(keys[index], one)
            found.append(change)
        return found

    def _as_planned(self, key: Identity, sent: Item, current: Current) -> Current:
        """The current values of an entity after those that would be sent before it."""
        planned = self._planned.get(key)
        match self.comparison.existing:
            case _ if planned is None or not key:
                return current
            case "another":
                return current
            case "removed":
                return NOTHING
            case existing:
                item = merged(current.item, planned)
                note = _PLANNED if existing == "refused" else current.note
                return replace(current, item=item, changes=self.differences(sent, item), note=note)

    def _remember(self, key: Identity, sent: Item) -> None:
        if not self._remembers or not key:
            return
        self._planned[key] = merged(self._planned.get(key, ABSENT), sent)
        while len(self._planned) > _REMEMBERED:
            del self._planned[next(iter(self._planned))]

    async def look_up_global(self, wanted: Sequence[Wanted]) -> list[Current] | None:
        """The values of the entities in all store views; None if the outgoing does not write to a single view.

        Raises `RunFailed`.
        """
        if not self._global_prefix:
            return None
        self._prefix = self._global_prefix
        try:
            return await self.look_up(wanted)
        finally:
            self._prefix = None

    def wanted(self, index: int, entity: Json, sent: Item) -> Wanted:
        """An entity to look up: by the fields that are sent, and by those that are only in its URI."""
        data = sent if entity is sent or not isinstance(entity, dict) else {**entity, **sent}
        identity = self.identity(data)
        values: list[Json | Absent] = [*self.envelope.address(entity, data)]
        values += [member(data, name) for name in self._selected_by]
        key = (*identity, *(_key(value, None) for value in values))
        return Wanted(index, data, sent, identity, key if any(part is not None for part in key) else ())

    def key(self, entity: Json) -> Identity:
        """The same for any two entities that are one in the store; empty for one that nothing identifies."""
        try:
            return self.wanted(0, entity, self.envelope.sent(entity)).key
        except InvalidValue:
            return ()

    async def look_up(self, wanted: Sequence[Wanted]) -> list[Current]:
        """The current values of these entities, in their order. Raises `RunFailed`."""
        comparison = self.comparison
        found: dict[int, Current] = {}
        detail, listed = comparison.detail, wanted
        parts: list[_Part] = []
        if detail is not None:
            single = [each for each in wanted if any(_has(each.sent, name) for name in detail.fields)]
            listed = [each for each in wanted if not any(_has(each.sent, name) for name in detail.fields)]
            parts = await self._read(detail.request, None, detail.items, single)
        parts += await self._read(self._template, comparison.lookup, comparison.items, listed)
        for chunk, items in parts:
            if isinstance(items, RunError):
                if not self._has_read:
                    raise RunFailed(items)
                found |= {each.index: replace(NOTHING, note=items.message, unread=True) for each in chunk}
                continue
            if items is None and comparison.not_found:
                lacking = replace(NOTHING, note=comparison.not_found, refused=True)
                found |= {each.index: lacking for each in chunk}
                continue
            response = _ResponseItems(items or [])
            for item in response.items:
                response.by_identity.setdefault(self.identity(item), []).append(item)
            for each in chunk:
                found[each.index] = self._found(each, response)
        missing = [each for each in wanted if found.get(each.index, NOTHING) == NOTHING]
        requires = comparison.requires
        if missing and requires is not None:
            for each in await self._without_owner(missing):
                found[each.index] = replace(NOTHING, note=requires.message, refused=not requires.unchecked)
        return [found.get(each.index, NOTHING) for each in wanted]

    async def _without_owner(self, missing: Sequence[Wanted]) -> list[Wanted]:
        """The entities whose owner the store does not have, such as prices of an unknown sku."""
        requires = self.comparison.requires
        assert requires is not None
        owners: set[int] = set()
        parts = self._read(requires.request, requires.lookup, requires.items, missing)
        for chunk, items in await parts:
            if isinstance(items, RunError):
                owners |= {each.index for each in chunk}  # not known
                continue
            known = {_key(member(item, requires.identifier), None) for item in items or ()}
            value = requires.value or requires.identifier
            owners |= {each.index for each in chunk if _key(member(each.data, value), None) in known}
        return [each for each in missing if each.index not in owners]

    def _found(self, wanted: Wanted, response: _ResponseItems) -> Current:
        candidates = self._candidates(wanted.identity, response)
        by_fallback = False
        if not candidates and self.comparison.fallback:
            candidates = self._candidates(self.identity({**wanted.data, **self.comparison.fallback}), response)
            by_fallback = bool(candidates)
        if not candidates:
            return NOTHING
        if len(candidates) > 1:
            names = self.comparison.identifiers
            exact = [each for each in candidates if all(member(each, n) == member(wanted.data, n) for n in names)]
            candidates = exact or candidates
        found = Current(candidates[0], by_fallback, changes=self.differences(wanted.sent, candidates[0]))
        for item in candidates[1:] if found.changes else ():
            if not self.differences(wanted.sent, item):
                return Current(item, by_fallback)
        return found

    def _candidates(self, identity: Identity, response: _ResponseItems) -> Sequence[Item]:
        """The items of an entity; an identifying field that it lacks may have any value."""
        if None not in identity:
            return response.by_identity.get(identity, ())
        return [
            item
            for other, items in response.by_identity.items()
            if all(one is None or one == two for one, two in zip(identity, other, strict=True))
            for item in items
        ]

    def identity(self, data: Item) -> Identity:
        """The normalized values of the identifying fields; None for one that is missing."""
        found = []
        for name, path, default, places in self._identifiers:
            value = member(data, name) if len(path) == 1 else value_at(data, path)
            if value is ABSENT or value is None:
                value = default
            found.append(None if value is None else _key(value, places))
        return tuple(found)

    def equality(self, field: str) -> EqualityRule | None:
        """The rule by which a field is compared; None if it is not compared, or identifies the entity."""
        if field not in self._rules:
            identifies = field in self.comparison.identifiers
            self._rules[field] = None if identifies else self.comparison.equality(field)
        return self._rules[field]

    def differences(self, sent: Item, item: Item) -> list[FieldChange]:
        """The fields in which a stored entity differs from what is sent, except those that identify it."""
        return changes_of(sent, item, self.equality)

    def _change(self, name: str, entity: Json, sent: dict[str, Json], current: Current) -> EntityChange:
        comparison, item = self.comparison, current.item
        if comparison.existing == "removed":
            return self._removal(name, entity, sent, item)
        if not isinstance(item, Absent) and not current.changes:
            return EntityChange(name, "unchanged", (), None)
        if isinstance(item, Absent) or comparison.existing == "another":
            created = changes_of(sent, ABSENT, comparison.equality)
            lacking = _lacking(sent, [*comparison.required, *comparison.required_to_create])
            refused = bool(lacking) or current.refused or comparison.missing == "refused"
            lost = "" if refused else self._not_stored(created)
            unusual = "" if refused or lost else self._unusual(created)
            note = lacking or "; ".join(filter(None, [current.note, lost, unusual])) or (_MISSING if refused else "")
            former = self._former(entity, sent, current=None)
            return EntityChange(name, "create", tuple(created), former, note, refused or bool(lost), bool(lost))
        lacking = _lacking(sent, comparison.required)
        refused = bool(lacking) or comparison.existing == "refused"
        former = self._former(entity, sent, current=item, by_fallback=current.by_fallback)
        lost = "" if refused else self._not_stored(current.changes)
        note = lacking or (current.note or _EXISTS if refused else lost or self._unusual(current.changes))
        return EntityChange(name, "change", tuple(current.changes), former, note, refused or bool(lost), bool(lost))

    def _not_stored(self, changes: Iterable[FieldChange]) -> str:
        """Which values the store would accept without storing them, and what to do instead; empty without any."""
        return "; ".join(f"{each.field}: {why}" for each in changes if (why := self.not_stored(each.field, each.new)))

    def not_stored(self, field: str, value: Json) -> str:
        """Why the store would not have this value in the field although it accepts it; empty if it would."""
        if field not in self._field_rules:
            self._field_rules[field] = self.comparison.rule(field)
        rule = self._field_rules[field]
        resets_view = value is None and self._global_prefix and not field.startswith("extension_attributes.")
        if rule is None or resets_view or rule.stores(value):
            return ""
        text = f"the store accepts {beginning(json.dumps(value, ensure_ascii=False), 60)} without storing it"
        return f"{text}; {rule.instead}" if rule.instead else text

    def _unusual(self, changes: Iterable[FieldChange]) -> str:
        """A warning about texts in fields that are compared as numbers, and too low numbers; empty without any."""
        changes = list(changes)
        wrong = [each.field for each in changes if self._is_wrong(each)]
        warnings = [f"{', '.join(wrong)}: not a number"] if wrong else []
        for each in changes:
            rule = self.equality(each.field)
            if rule is not None and rule.least is not None and is_below(each.new, rule.least):
                warnings.append(f"{each.field}: below {rule.least:g}")
        return "; ".join(warnings)

    def _is_wrong(self, change: FieldChange) -> bool:
        if not isinstance(change.new, str) or not change.new or is_number(change.new):
            return False
        rule = self.equality(change.field)
        return rule is not None and (rule.number or rule.places is not None)

    def _removal(self, name: str, entity: Json, sent: dict[str, Json], item: Item | Absent) -> EntityChange:
        """The change of an entity that is sent to be removed: nothing if the store does not have it."""
        if isinstance(item, Absent):
            return EntityChange(name, "unchanged", (), None)
        changes = [FieldChange(field, old, None) for field, old in item.items() if field not in sent]
        former: dict[str, Json] = {"sent": sent, "entity": self.envelope.kept(entity), "present": dict(item)}
        return EntityChange(name, "change", tuple(changes), former)

    def _former(
        self, entity: Json, sent: dict[str, Json], *, current: Item | None, by_fallback: bool = False
    ) -> dict[str, Json]:
        kept = self.compared(sent)
        former: dict[str, Json] = {"sent": kept, "entity": self.envelope.kept(entity)}
        former["present"] = None if current is None else projected(kept, current)
        return former | {"by_fallback": True} if by_fallback else former

    def compared(self, sent: Item) -> dict[str, Json]:
        """The part of what is sent that is compared, with the identifying fields."""
        names = {*self.comparison.identifiers, *self.envelope.needed}
        found: dict[str, Json] = {}
        for path, value in leaves_of(sent):
            if path[0] in names or self.comparison.equality(".".join(path)) is not None:
                with_value(found, path, value, sent)
        return found

    def _name(self, entity: Json | Item) -> str:
        name = entity.get(self._outgoing.identifier or "") if isinstance(entity, Mapping) else None
        return "" if name is None else str(name)

    # requests

    async def _read(
        self, template: RequestTemplate | None, lookup: Lookup | None, items: str, wanted: Sequence[Wanted]
    ) -> list[_Part]:
        """The items of each response, with the entities that they may belong to."""
        assert template is not None
        template = self._beside_outgoing(template)
        try:
            requests = list(self._requests(template, lookup, wanted))
        except UserError as error:
            raise RunFailed(RunError(Action.WRONG, f"The current values cannot be requested: {error}")) from error
        reading = [asyncio.ensure_future(self._one(each, template, lookup, items)) for each in requests]
        try:
            return [each for part in await asyncio.gather(*reading) for each in part]
        finally:
            for each in reading:  # where one has failed
                each.cancel()
            await asyncio.gather(*reading, return_exceptions=True)

    def _requests(
        self, template: RequestTemplate, lookup: Lookup | None, wanted: Sequence[Wanted]
    ) -> Iterator[LookupRequest]:
        if lookup is None:
            requests, error = one_by_one(template, wanted, self._run)
            if error is not None and not requests and not self._has_requested:
                raise error  # probably for every entity
            self._has_requested |= bool(requests)
            yield from requests
        else:
            yield from lookup.requests(template, wanted, self._limits.get(template.uri, _UNLIMITED), self._run)

    async def _one(
        self, request: LookupRequest, template: RequestTemplate, lookup: Lookup | None, items: str
    ) -> list[_Part]:
        """One response, or those of its halves if the store refuses so many values or sends only some of the rows."""
        async with self._slots:
            response = await self._sent(request.request)
        refused = response.status in _TOO_LARGE
        largest = _largest(response) if refused else 0
        smaller = request.values > 1 or 0 < largest < request.rows
        by_store = response.status == 400 and response.body.lstrip()[:1] == b"{"  # a wrong token, say
        if by_store and not largest and self._explain(request.request, response) is not None:
            raise RunFailed(self._refusal(request, response))
        if lookup is not None and refused and smaller:
            limited = response.status != 403
            return await self._divided(request, template, lookup, items, largest, limited=limited)
        if lookup is None and response.status == 404:
            return [(request.wanted, None)]
        if not template.is_expected(response.status):
            error = self._refusal(request, response)
            self._refused += 1
            several = request.values > 1 or self._refused >= (_REFUSED_LATER if self._has_read else _REFUSED_AT_FIRST)
            if several or error.action is Action.WAIT or response.status == 401:
                raise RunFailed(error)
            return [(request.wanted, error)]
        self._has_read, self._refused = True, 0
        page = _page(response, items)
        if lookup is not None and not lookup.is_complete(page):
            if request.values > 1:
                return await self._divided(request, template, lookup, items, 0)
            message = "The store has more rows of one entity than it sends in a page"
            raise RunFailed(RunError(Action.WRONG, message, "Set a larger page-size.", response.exchange))
        return [(request.wanted, _decoded(page))]

    async def _divided(
        self,
        request: LookupRequest,
        template: RequestTemplate,
        lookup: Lookup | None,
        items: str,
        largest: int,
        *,
        limited: bool = True,
    ) -> list[_Part]:
        """`limited`: other requests with so many values would not be accepted, either."""
        assert lookup is not None
        known = self._limits.get(template.uri, _UNLIMITED)
        values = largest if 0 < largest < request.values else max(1, request.values // 2)
        limits = LookupLimits(min(values, known.values), min(largest or known.rows, known.rows))
        if limited:
            self._limits[template.uri] = limits
        parts = []
        for each in lookup.requests(template, request.wanted, limits, self._run):
            parts += await self._one(each, template, lookup, items)
        return parts

    async def _sent(self, request: Request) -> Response:
        try:
            return await self._send(request)
        except RequestFailed as error:
            raise RunFailed(error_for_failure(error)) from error

    def _refusal(self, request: LookupRequest, response: Response) -> RunError:
        status, hint, code = response.status, "", f"status-{response.status}"
        name = self._name(request.wanted[0].data) if len(request.wanted) == 1 else ""
        what = f"The current values{f' of {beginning(name, 60)}' if name else ''} cannot be read"
        message = f"{what}: {status} {beginning(error_message(response.body), 300)}".rstrip()
        if status not in _TEMPORARY and (explanation := self._explain(request.request, response)) is not None:
            message, hint = f"{what}: {explanation[0].rstrip('.')} ({status})", explanation[1]
        if status in (401, 403):
            permission = self.comparison.permission
            needed = f"Reading them needs the permission {permission}." if permission else ""
            hint = " ".join(filter(None, (hint, needed)))
            return RunError(Action.REFUSED, message, hint, response.exchange, status=status, code=code)
        if status in _TEMPORARY:
            wait = retry_after(response, self._now())
            return RunError(Action.WAIT, message, "", response.exchange, wait, status=status, code=code)
        return RunError(Action.WRONG, message, hint or SEE_LOG, response.exchange, status=status, code=code)

    def _beside_outgoing(self, template: RequestTemplate) -> RequestTemplate:
        """The template for the store view that is written to, which the outgoing's URI or a header may name."""
        if self._prefix is not None:
            return template.model_copy(update={"uri": self._prefix + template.uri})
        writes = self._outgoing.request
        if writes is None:
            return template
        update: dict[str, object] = {}
        found = _REST.match(re.sub(r"/async(/bulk)?/V1/", "/V1/", writes.uri))
        if found and not template.uri.startswith(("/", "http:", "https:")) and "&{" not in found.group():
            update["uri"] = found.group() + template.uri
        headers = {name: text for name, text in writes.headers.items() if "{" not in text}
        if headers:
            update["headers"] = {**headers, **template.headers}
        return template.model_copy(update=update) if update else template


def _lacking(sent: Item, required: Iterable[str]) -> str:
    """Which of the required fields have no value in what is sent, in words; "" if none is missing."""
    found = [name for name in dict.fromkeys(required) if value_at(sent, name.split(".")) in (ABSENT, None, "")]
    if not found:
        return ""
    return f"{', '.join(found)} {'is' if len(found) == 1 else 'are'} missing"


def _has(sent: Item, name: str) -> bool:
    return value_at(sent, name.split(".")) is not ABSENT


def _page(response: Response, items: str) -> Page:
    """Raises `RunFailed` if the response is not a list."""
    if response.body.strip() == b"[]":
        return Page((), None, response)  # Magento sends it in place of an object in which "fields" selects nothing
    try:
        return read_page(response, items)
    except PageUnreadable as error:
        action = Action.WAIT if error.is_temporary else Action.WRONG
        message = f"The current values cannot be read: {error.message}"
        raise RunFailed(RunError(action, message, error.hint, error.exchange, code=error.code)) from error


def _decoded(page: Page) -> list[Item]:
    """The items that are objects."""
    found = msgspec.json.decode(b"[%b]" % b",".join(page.items))
    return [each for each in found if isinstance(each, dict)]


def _largest(response: Response) -> int:
    """The limit that a refusal names, such as Magento's maximum page size; 0 if it names none."""
    try:
        data = msgspec.json.decode(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return 0
    parameters = data.get("parameters") if isinstance(data, dict) else None
    most = parameters.get("max") if isinstance(parameters, dict) else None
    return int(most) if isinstance(most, int | str) and str(most).isdecimal() else 0


def _key(value: Json | Absent, places: int | None) -> str | None:
    """An identifying value in the form in which it is compared: without regard to case and to spaces at its end."""
    if isinstance(value, str) and places is None:
        return value.rstrip().casefold()
    if value is None or isinstance(value, Absent):
        return None
    if isinstance(value, bool):
        return str(int(value))
    if places is not None:
        try:
            return f"{rounded(Decimal(str(value)), places).normalize():f}"
        except ArithmeticError:  # not a number, or one of a billion digits
            return str(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).rstrip().casefold()
