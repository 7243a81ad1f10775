"""Small tables whose entities are read, made, changed and deleted by the same five routes, each in its own words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .answer import Json, Refusal, required
from .call import Call, Handler, Handlers, Listed, no_entity
from .records import Item, Records
from .search import unsupported

Missing = Callable[[Json], Refusal]
Finished = Callable[[Item], Item]


@dataclass(frozen=True)
class Entity:
    """One kind of entity: `envelope` is the name around it in a body, `unique` the field that no two may share."""

    rows: Records
    envelope: str
    missing: Missing
    needed: tuple[str, ...] = ()
    unique: str = ""
    taken: Refusal | None = None
    defaults: Mapping[str, Json] = field(default_factory=dict)
    finished: Finished = dict
    """What the store adds to a new one."""

    def one(self, variable: str) -> Handler:
        """Reads one by its number."""
        return lambda call: self._found(call.number(variable))

    def post(self, call: Call) -> Json:
        """Make one. Raises `Refusal`."""
        given = self.read(call.body)
        self._refuse_lacking(given)
        self._refuse_taken(given, None)
        return self.rows.add(self.finished({**self.defaults, **given}))

    def put(self, variable: str = "") -> Handler:
        """Changes one, by the number in the path, or where there is none by the number inside."""

        def put(call: Call) -> Json:
            given = self.read(call.body)
            if not variable and not isinstance(given.get(self.rows.field), int):
                return self.post(call)
            row = call.number(variable) if variable else int(str(given[self.rows.field]))
            self._found(row)
            self._refuse_taken(given, row)
            return self.rows.change(row, {**given, self.rows.field: row})

        return put

    def delete(self, variable: str) -> Handler:
        def delete(call: Call) -> Json:
            row = call.number(variable)
            self._found(row)
            self.rows.delete(row)
            return True

        return delete

    def read(self, body: Item) -> Item:
        """The entity in a body. Raises `Refusal` 400 where it is absent or has a field that Magento does not know."""
        given = body.get(self.envelope)
        if not isinstance(given, dict):
            raise required([self.envelope])
        known = {*self.rows.columns, *self.defaults, self.rows.field, "extension_attributes", "custom_attributes"}
        for name in given:
            if name not in known and not any(name in item for item in self.rows.rows()[:3]):
                raise unsupported(name)
        return given

    def _found(self, row: int) -> Item:
        item = self.rows.get(row)
        if item is None:
            raise self.missing(row)
        return item

    def _refuse_lacking(self, given: Item) -> None:
        lacking = [name for name in self.needed if given.get(name) in (None, "")]
        if lacking:
            raise required(lacking)

    def _refuse_taken(self, given: Item, row: int | None) -> None:
        if not self.taken or self.unique not in given:
            return
        found = self.rows.find(**{self.unique: given[self.unique]})
        if found is not None and found != row:
            raise self.taken


def routes(entity: Entity, listed: Listed, **paths: str) -> Handlers:
    """The handlers of an entity's routes: `search`, `one`, `post`, `put` and `delete` name their paths after /V1/."""
    made: dict[str, Handler] = {}
    for what, path in paths.items():
        last = path.rpartition("/")[2]
        variable = last.removeprefix(":") if last.startswith(":") else ""
        match what:
            case "search":
                made[f"GET /V1/{path}"] = listed(entity.rows)
            case "one":
                made[f"GET /V1/{path}"] = entity.one(variable)
            case "post":
                made[f"POST /V1/{path}"] = entity.post
            case "put":
                made[f"PUT /V1/{path}"] = entity.put(variable)
            case "delete":
                made[f"DELETE /V1/{path}"] = entity.delete(variable)
    return made


def by_number(field_name: str) -> Missing:
    """404 that names a field and its value."""
    return lambda value: no_entity(field_name, value)


def already(what: str) -> Refusal:
    """400 for a name that is taken."""
    return Refusal(400, "%1 already exists.", [what])
