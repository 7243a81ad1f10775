"""Undoes a run: restores the values that the store had before it, and deletes what it created.

Only fields that were sent are restored. Entities that have been changed since the run, or that the store cannot
restore, are listed and left as they are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeAlias

from ..errors import InvalidValue
from ..templates import Budget, Json
from ..templates.expression import Expression
from .changes import EntityChange, FieldChange, changes_of, leaves_of, value_at, with_value
from .comparison import Comparison, FieldRule, UndoRequest
from .current_values import Current, CurrentValues
from .equality import ABSENT, Absent, equal
from .lookup import Wanted
from .model import Outgoing
from .plan import PlanEntry
from .source import BadEntity, SourceContext, SourceEntity
from .tasks import UNDO_DIGEST, Task, TaskState, UndoStage

UNDOABLE: Final[tuple[TaskState, ...]] = ("finished", "unknown", "sending")
"""States of tasks that have changed the store, or may have."""
_WINDOW: Final = 2_000

Former: TypeAlias = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class NotUndone:
    """An entity, or a field of it, that is left as it is, and why. `code`: changed, gone, impossible, field or kept."""

    identifier: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Created:
    """An entity that the run has created. `data` has the values for the placeholders of its deletion."""

    identifier: str
    line: int
    data: dict[str, Json]


@dataclass(slots=True)
class UndoPlan:
    """What an undo would do. `restore` is sent with the outgoing's own request, or `restore` of its comparison.

    `recreate` is deleted and created again, with the requests of that name.
    """

    restore: list[PlanEntry] = field(default_factory=list)
    recreate: list[PlanEntry] = field(default_factory=list)
    created: list[Created] = field(default_factory=list)
    not_undone: list[NotUndone] = field(default_factory=list)
    done_already: int = 0
    """Entities that have their former values again."""
    remark: str = ""
    """What the user should know before it is sent."""

    @property
    def restored(self) -> list[PlanEntry]:
        """The entities that get their former values again, in either way."""
        return [*self.restore, *self.recreate]


@dataclass(slots=True)
class _Sent:
    """What one run has sent for an entity: `former` of its first task, and of its last one."""

    task: Task
    first: Former
    last: Former


_Values: TypeAlias = tuple[Sequence[Current], Sequence[Current] | None]
"""The current values of some entities, and those in all store views if the run wrote to one view."""


async def undo_plan(
    tasks: Iterable[Task],
    outgoing: Outgoing,
    current: CurrentValues | None,
    patiently: Callable[[Callable[[], Awaitable[_Values]]], Awaitable[_Values]],
    deleted: Sequence[Json] = (),
) -> UndoPlan:
    """What would undo these tasks, which are in the order in which they were sent. Raises `RunFailed`.

    `current` reads the values that the store has now; None: they cannot be read, so nothing can be undone. `patiently`
    reads them, also from a store that has to be waited for. `deleted`: entities as they were, which an interrupted undo
    of these tasks has deleted and not created again.
    """
    comparison = outgoing.compare.resolved if outgoing.compare is not None else None
    plan = UndoPlan(remark=comparison.undo if comparison is not None else "")
    sent: dict[Hashable, _Sent] = {}
    for task in tasks:
        if task.state in UNDOABLE:
            _collect(task, comparison, current, sent, plan)
    works = list(sent.values())
    left = {current.identity(each): each for each in deleted if isinstance(each, dict)} if current is not None else {}
    for start in range(0, len(works), _WINDOW):
        window = works[start : start + _WINDOW]
        assert current is not None
        wanted = [
            current.wanted(n, _object(each.last, "entity"), _object(each.last, "sent")) for n, each in enumerate(window)
        ]
        found, everywhere = await patiently(partial(_current_values, current, wanted))
        for index, now in enumerate(found):
            if isinstance(now.item, Absent) and (former := left.get(wanted[index].identity)) is not None:
                plan.recreate.append(_created_again(window[index].task, former))
            else:
                _undo(window[index], now, current, plan, everywhere[index] if everywhere is not None else None)
    return plan


def _created_again(task: Task, former: Former) -> PlanEntry:
    changes = tuple(FieldChange(name, ABSENT, value) for name, value in former.items())
    return PlanEntry(task.line, dict(former), EntityChange(task.identifier, "create", changes, None))


async def _current_values(current: CurrentValues, wanted: Sequence[Wanted]) -> _Values:
    everywhere = await current.look_up_global(wanted)
    return await current.look_up(wanted), everywhere


def _collect(
    task: Task,
    comparison: Comparison | None,
    current: CurrentValues | None,
    sent: dict[Hashable, _Sent],
    plan: UndoPlan,
) -> None:
    """Adds the task to what was sent; several tasks of one entity are undone together, back to before the first."""
    former = task.former
    reason = ""
    if comparison is None or current is None or not comparison.can_undo:
        reason = comparison.undo if comparison is not None and comparison.undo else "its former values are not known"
    elif not isinstance(former, dict) or not isinstance(former.get("sent"), dict):
        reason = "its former values were not read before it was sent"
    if reason or not isinstance(former, dict) or comparison is None or current is None:
        plan.not_undone.append(NotUndone(task.identifier, "impossible", reason))
        return
    key: Hashable = task.id
    if comparison.existing != "another":
        key = current.wanted(0, _object(former, "entity"), _object(former, "sent")).key or task.id
    if key in sent:
        sent[key].last = former
    else:
        sent[key] = _Sent(task, former, former)


def _undo(work: _Sent, now: Current, current: CurrentValues, plan: UndoPlan, everywhere: Current | None = None) -> None:
    """Adds to the plan what undoes this. `everywhere`: the entity in all store views, if the run wrote to one view."""
    comparison = current.comparison
    name, before, sent = work.task.identifier, work.first.get("present"), _object(work.last, "sent")
    if now.unread:
        plan.not_undone.append(NotUndone(name, "impossible", now.note))
        return
    if comparison.existing == "removed":
        _restore_removed(work, now, comparison, plan)
        return
    by_itself = bool(work.first.get("by_fallback")) and not now.by_fallback and isinstance(now.item, dict)
    if isinstance(now.item, Absent):
        if before is None:
            plan.done_already += 1
        else:
            plan.not_undone.append(NotUndone(name, "gone", "deleted since the run"))
        return
    changed = current.differences(sent, now.item)
    if before is None or by_itself:
        if changed:
            plan.not_undone.append(NotUndone(name, "changed", _changed_since(changed)))
        elif comparison.delete is None:
            why = comparison.undo or "the store has no way to delete it"
            plan.not_undone.append(NotUndone(name, "impossible", why))
        else:
            data = {**_object(work.last, "entity"), **sent, **now.item}
            plan.created.append(Created(name, work.task.line, data))
        return
    assert isinstance(before, dict)
    if everywhere is not None and isinstance(everywhere.item, dict):
        before = _inherited(sent, before, everywhere.item, comparison)
    _restore(work, before, now.item, changed, current, plan)


def _inherited(sent: Former, before: Former, everywhere: Former, comparison: Comparison) -> dict[str, Json]:
    """The former values of a store view, without those that it inherited from all store views: null restores these."""
    found: dict[str, Json] = {}
    for path, _ in leaves_of(sent):
        name = ".".join(path)
        old = value_at(before, path)
        rule = comparison.rule(name)
        inherits = rule is not None and name not in comparison.identifiers and path[0] != "extension_attributes"
        if not isinstance(old, Absent) and not (inherits and rule and _same(value_at(everywhere, path), old, rule)):
            with_value(found, path, old, sent)
    return found


def _restore(
    work: _Sent,
    before: Former,
    now: Former,
    changed: Sequence[FieldChange],
    current: CurrentValues,
    plan: UndoPlan,
) -> None:
    name, sent = work.task.identifier, _object(work.last, "sent")
    if not _not_yet_restored(sent, work.first.get("present"), now, current.comparison):
        plan.done_already += 1
        return
    if changed:
        plan.not_undone.append(NotUndone(name, "changed", _changed_since(changed)))
        return
    wanted, left = restored(sent, before, now, current)
    plan.not_undone += [NotUndone(name, "field", f"{each}: {why}") for each, why in left]
    differences = [each for each in current.differences(wanted, now) if each.field not in dict(left)]
    if not differences:
        return
    if current.comparison.recreate and any(current.not_stored(each.field, each.new) for each in differences):
        whole: dict[str, Json] = {each: value for each, value in {**now, **wanted}.items() if value is not None}
        change = EntityChange(name, "change", tuple(differences), None)
        plan.recreate.append(PlanEntry(work.task.line, whole, change))
        return
    try:
        entity = current.envelope.entity(wanted, _object(work.last, "entity"))
    except InvalidValue as error:
        plan.not_undone.append(NotUndone(name, "impossible", str(error)))
        return
    change = EntityChange(name, "change", tuple(differences), None)
    plan.restore.append(PlanEntry(work.task.line, entity, change))


def _not_yet_restored(sent: Former, before: Json, now: Former, comparison: Comparison) -> list[str]:
    """The fields that were sent whose current value is not the former one."""
    found = []
    for path, _ in leaves_of(sent):
        field_name = ".".join(path)
        rule = comparison.rule(field_name)
        if rule is None or field_name in comparison.identifiers or rule.not_restored:
            continue
        old, new = value_at(before if isinstance(before, dict) else {}, path), value_at(now, path)
        if not _same(old, new, rule):
            found.append(field_name)
    return found


def _same(old: Json | Absent, new: Json | Absent, rule: FieldRule) -> bool:
    if isinstance(old, Absent) or old is None:
        absent = isinstance(new, Absent) or new is None
        return absent or (rule.restore_absent is not None and equal(rule.restore_absent, new))
    return equal(old, new, rule.model_copy(update={"adds": False}).equality())


def restored(
    sent: Former, before: Former, now: Former, current: CurrentValues
) -> tuple[dict[str, Json], list[tuple[str, str]]]:
    """What to send so that fields have their former values again, and the fields that cannot, with reasons."""
    comparison = current.comparison
    wanted: dict[str, Json] = {}
    left: list[tuple[str, str]] = []
    for path, value in leaves_of(sent):
        name = ".".join(path)
        rule = comparison.rule(name)
        old = value_at(before, path)
        if name in comparison.identifiers or rule is None:
            with_value(wanted, path, value, sent)
        elif rule.not_restored:
            if not _same(old, value, rule):
                left.append((name, rule.not_restored))
        elif rule.restore_empty_field and (isinstance(old, Absent) or old is None or old == []):
            _set(wanted, rule.restore_empty_field, [], sent)
        else:
            former = rule.restore_absent if isinstance(old, Absent) or old is None else old
            why = "" if comparison.recreate else current.not_stored(name, former)
            if why and not equal(former, value_at(now, path), rule.equality()):
                left.append((name, why))
                continue
            with_value(wanted, path, former, sent)
            if rule.restore_field and not isinstance(old, Absent):
                _set(wanted, rule.restore_field, _converted(old, rule), sent)
    return wanted, left


def _set(wanted: dict[str, Json], name: str, value: Json, sent: Former) -> None:
    """Sets a field that may be missing in `sent`, such as an attribute that restores another one."""
    first, _, rest = name.partition(".")
    like: dict[str, Json] = dict(sent)
    if first == "custom_attributes" and not like.get(first):
        like[first] = [{"attribute_code": rest, "value": None}]
    with_value(wanted, name.split("."), value, like)


def _converted(value: Json, rule: FieldRule) -> Json:
    if rule.restore_value is None:
        return value
    found, _ = Expression.compile(rule.restore_value).find(value, Budget())
    return found


def _restore_removed(work: _Sent, now: Current, comparison: Comparison, plan: UndoPlan) -> None:
    """Restores what a run has removed, unless it exists again."""
    name, before = work.task.identifier, work.first.get("present")
    if not isinstance(before, dict):
        return
    if isinstance(now.item, dict):
        same = not changes_of(before, now.item, comparison.equality)
        if same:
            plan.done_already += 1
        else:
            plan.not_undone.append(NotUndone(name, "changed", "exists again, with other values"))
        return
    if comparison.restore is None:
        plan.not_undone.append(NotUndone(name, "impossible", comparison.undo or "the store has no way to restore it"))
        return
    changes = tuple(FieldChange(each, ABSENT, value) for each, value in before.items())
    plan.restore.append(PlanEntry(work.task.line, dict(before), EntityChange(name, "create", changes, None)))


def _changed_since(changed: Sequence[FieldChange]) -> str:
    names = ", ".join(each.field for each in changed[:3])
    return f"changed since the run: {names}"


def _object(former: Former, name: str) -> dict[str, Json]:
    value = former.get(name)
    return value if isinstance(value, dict) else {}


def not_restored(plan: UndoPlan, again: UndoPlan, *, deletes: bool) -> list[NotUndone]:
    """What an undo with this plan has not changed, although the store has accepted each of its requests.

    `again`: what the same undo would do after it. `deletes`: it has also deleted what the undone run has created.
    """
    sent = {each.change.identifier for each in plan.restored} - {each.identifier for each in plan.not_undone}
    found = [NotUndone(each.change.identifier, "kept", _kept(each.change.changes)) for each in again.restored]
    found += [NotUndone(each.identifier, "kept", _kept(())) for each in again.not_undone]
    created = [NotUndone(each.identifier, "kept", "the store has not deleted it") for each in again.created if deletes]
    return [each for each in found if each.identifier in sent] + created


def _kept(changes: Sequence[FieldChange]) -> str:
    names = f": {', '.join(each.field for each in changes[:3])}" if changes else ""
    return f"the store has accepted its former values without storing all of them{names}"


# Sending the undo


def undo_steps(
    outgoing: Outgoing, plan: UndoPlan, undone_run: int = 0, *, delete_created: bool = True
) -> list[tuple[Outgoing, UndoSource]]:
    """The runs of an undo, one after the other; none if it has nothing to send.

    `undone_run`: the number of the run that is undone. `delete_created`: what it has created is deleted, if possible.
    """
    stages: list[tuple[UndoStage, Outgoing | None, list[SourceEntity]]] = [
        ("restores", restoring(outgoing), [SourceEntity(each.line, each.entity) for each in plan.restore]),
        ("recreates", recreating(outgoing), [SourceEntity(each.line, each.entity) for each in plan.recreate]),
        ("deletes", deleting(outgoing), [SourceEntity(each.line, each.data) for each in plan.created]),
    ]
    return [
        (sender, UndoSource(entities, undone_run, stage))
        for stage, sender, entities in stages
        if entities and sender is not None and (delete_created or stage != "deletes")
    ]


def restoring(outgoing: Outgoing) -> Outgoing:
    """The outgoing that sends former values: itself, unless its comparison has another request for that."""
    comparison = outgoing.compare.resolved if outgoing.compare is not None else None
    if comparison is None or comparison.restore is None:
        return outgoing
    return _with_request(outgoing, comparison.restore)


def recreating(outgoing: Outgoing) -> Outgoing | None:
    """The outgoing that deletes entities and creates them again; None if the comparison has no requests for that.

    Its ledger keeps the entities that are not created again yet: nothing else knows them.
    """
    comparison = outgoing.compare.resolved if outgoing.compare is not None else None
    if comparison is None or not comparison.recreate:
        return None
    update = {"request": None, "steps": comparison.recreate, "batch": 1, "identifier": comparison.identifiers[0]}
    return outgoing.model_copy(update={**_UNDOES, **update, "keep": "all"})


def deleting(outgoing: Outgoing) -> Outgoing | None:
    """The outgoing that deletes what was created; None if the comparison has no request for that."""
    comparison = outgoing.compare.resolved if outgoing.compare is not None else None
    if comparison is None or comparison.delete is None:
        return None
    return _with_request(outgoing, comparison.delete)


_UNDOES: Final[Mapping[str, object]] = {"compare": None, "repeatable": True, "delivery": "single"}
"""What an undo changes in an outgoing whose requests it replaces."""


def _with_request(outgoing: Outgoing, undo: UndoRequest) -> Outgoing:
    update = {"request": undo.request, "steps": [], "batch": undo.batch}
    return outgoing.model_copy(update={**_UNDOES, **update})


@dataclass(frozen=True, slots=True)
class UndoSource:
    """The entities of a run of an undo, as its source. `undone_run` is the number of the run that it undoes."""

    entities: Sequence[SourceEntity]
    undone_run: int = 0
    stage: UndoStage = "restores"

    def open(self, context: SourceContext) -> Iterator[SourceEntity | BadEntity]:
        return iter(self.entities)

    def digest(self, context: SourceContext) -> str | None:
        """An interrupted undo is computed again, so that what is already restored is not sent again."""
        text = json.dumps([[each.line, each.data] for each in self.entities], sort_keys=True)
        found = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        what = " " if self.stage == "restores" else f" {self.stage} "
        return f"{UNDO_DIGEST}{self.undone_run}{what}{found}" if self.undone_run else found
