"""The category tree: a root, the default category, six below it, and categories created since."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime

from .catalogue import Catalogue, missing_product, stamp
from .handlers import Call, Checks, Endpoints, Handlers, ListHandler, no_such_entity, required_object, whole_number
from .records import Item, Records
from .response import Json, Refusal, as_list, as_object, objects_in

_PARENTS = {1: 0, 2: 1, 3: 2, 4: 2, 5: 2, 6: 3, 7: 3, 8: 3}
_INHERITED_POSITION = 10_000
"""The position of a product that is only in a subcategory."""
_COLUMNS = """
entity_id attribute_set_id children_count is_anchor url_key url_path description meta_title meta_keywords
meta_description display_mode image landing_page available_sort_by default_sort_by custom_design custom_design_from
custom_design_to custom_apply_to_products custom_use_parent_settings custom_layout_update page_layout include_in_menu
"""
_FIELDS = """
id parent_id name is_active position level created_at updated_at path available_sort_by include_in_menu
extension_attributes custom_attributes
"""
_START = "2026-01-01 00:00:00"


class Categories(Endpoints):
    """The routes of categories and of the products in them."""

    def __init__(self, catalogue: Catalogue, list_handler: ListHandler, now: Callable[[], datetime]) -> None:
        self._catalogue = catalogue
        self._list_handler = list_handler
        self._now = now
        self._rows = Records(
            "entity_id",
            _COLUMNS,
            first=map(_first, _PARENTS),
            field="id",
            aliases={"entity_id": "id"},
            strict_fields=True,
        )
        self._counted: tuple[int, Counter[str]] = (-1, Counter())

    def handlers(self) -> Handlers:
        one, products = "/V1/categories/:categoryId", "/V1/categories/:categoryId/products"
        return {
            "GET /V1/categories": self._tree,
            "GET /V1/categories/list": self._list_handler(self._rows),
            f"GET {one}": self._found,
            "POST /V1/categories": self._create,
            "PUT /V1/categories/:id": self._update,
            f"DELETE {one}": self._delete,
            f"PUT {one}/move": self._move,
            f"GET {products}": self._products,
            f"POST {products}": self._add_product,
            f"PUT {products}": self._add_product,
            f"DELETE {products}/:sku": self._remove_product,
        }

    def checks(self) -> Checks:
        return {"POST /V1/categories": _read, "PUT /V1/categories/:id": _read}

    def _found(self, call: Call, variable: str = "categoryId") -> Item:
        return self._get(call.number(variable))

    def _get(self, row: Json) -> Item:
        found = self._rows.get(row) if isinstance(row, int) else None
        if found is None:
            raise no_such_entity("id", row)
        return found

    def _tree(self, call: Call) -> Json:
        root, depth = call.query.get("rootCategoryId", "2"), call.query.get("depth")
        row = whole_number(str(root))
        self._get(row)
        return self._below(row, None if depth is None else whole_number(str(depth)))

    def _below(self, row: int, depth: int | None) -> Item:
        """A category with its subcategories, `depth` levels deep."""
        below: list[Json] = []
        if depth is None or depth > 0:
            below = [self._below(child, None if depth is None else depth - 1) for child in self._children(row)]
        item = self._get(row)
        facts: Item = {name: item[name] for name in ("id", "parent_id", "name", "is_active", "position", "level")}
        return facts | {"product_count": self._count(row), "children_data": below}

    def _children(self, row: int) -> list[int]:
        return [int(str(item["id"])) for item in self._rows.rows() if item["parent_id"] == row]

    def _with_descendants(self, row: int) -> list[int]:
        return [row, *(each for child in self._children(row) for each in self._with_descendants(child))]

    def _count(self, row: int) -> int:
        if self._counted[0] != self._catalogue.version:
            of = self._catalogue.columns["category_id"].read
            counter: Counter[str] = Counter()
            for product in self._catalogue.numbers():
                found = of(product)
                counter.update(found if isinstance(found, frozenset) else ())
            self._counted = (self._catalogue.version, counter)
        return sum(self._counted[1][str(each)] for each in self._with_descendants(row))

    def _create(self, call: Call) -> Json:
        payload = _read(call.body)
        if not payload.get("name"):
            raise Refusal(400, 'The "Name" attribute value is empty. Set the attribute and try again.')
        parent = self._get(payload.get("parent_id", 2))
        self._check_unique(payload, parent, None)
        number, now = self._rows.next_number, stamp(self._now())
        key = _url_key(str(payload["name"]))
        path = f"{parent['path']}/{number}"
        made: Item = {"id": number, "parent_id": parent["id"], "name": payload["name"], "is_active": False}
        made |= {"position": len(self._children(int(str(parent["id"])))) + 1, "level": int(str(parent["level"])) + 1}
        made |= {"children": "", "created_at": now, "updated_at": now, "path": path, "include_in_menu": True}
        codes = {"is_anchor": "1", "path": path, "children_count": "0", "url_key": key, "url_path": key}
        attributes = _merged([{"attribute_code": code, "value": value} for code, value in codes.items()], payload)
        fixed = ("id", "path", "level", "created_at", "updated_at", "custom_attributes")
        kept = {name: value for name, value in payload.items() if name not in fixed}
        category = self._rows.add(made | kept | {"custom_attributes": attributes})
        self._update_children(int(str(parent["id"])))
        return category

    def _update(self, call: Call) -> Json:
        """Change the fields sent. The ID in the path is used; `parent_id` in the body moves nothing."""
        known = self._found(call, "id")
        payload = _read(call.body)
        self._check_unique(payload, self._rows.get(int(str(known["parent_id"]))), int(str(known["id"])))
        fixed = ("id", "parent_id", "path", "level", "created_at", "updated_at", "custom_attributes")
        kept = {name: value for name, value in payload.items() if name not in fixed and value is not None}
        if "is_active" in kept:
            kept["is_active"] = kept["is_active"] not in (False, 0, "0", "false", "")
        changed: Item = {"custom_attributes": _merged(known.get("custom_attributes"), payload)}
        return self._rows.change(int(str(known["id"])), kept | changed | {"updated_at": stamp(self._now())})

    def _delete(self, call: Call) -> Json:
        item = self._found(call)
        if item["level"] in (0, 1):
            raise Refusal(400, "Cannot delete category with id %1", [str(item["id"])])
        for row in reversed(self._with_descendants(int(str(item["id"])))):
            self._rows.delete(row)
        self._update_children(int(str(item["parent_id"])))
        return True

    def _move(self, call: Call) -> Json:
        item, parent = self._found(call), self._get(call.body.get("parentId"))
        row = int(str(item["id"]))
        if int(str(parent["id"])) in self._with_descendants(row):
            raise Refusal(400, "Operation do not allow to move a parent category to any of children category")
        former = int(str(item["parent_id"]))
        changed: Item = {"parent_id": parent["id"], "path": f"{parent['path']}/{row}"}
        self._rows.change(row, changed | {"level": int(str(parent["level"])) + 1})
        for each in (former, int(str(parent["id"]))):
            self._update_children(each)
        return True

    def _update_children(self, parent: int) -> None:
        children = ",".join(map(str, self._children(parent)))
        if self._rows.get(parent) is not None:
            self._rows.change(parent, {"children": children})

    def _check_unique(self, payload: Item, parent: Item | None, row: int | None) -> None:
        if "name" not in payload or parent is None:
            return
        key = _url_key(str(payload["name"]))
        siblings = (self._get(each) for each in self._children(int(str(parent["id"]))) if each != row)
        if any(_url_key(str(each["name"])) == key for each in siblings):
            raise Refusal(400, "Could not save category: %1", ["URL key for specified store already exists."])

    def _products(self, call: Call) -> Json:
        """The products of a category and of its subcategories."""
        row = int(str(self._found(call)["id"]))
        own, within = str(row), {str(each) for each in self._with_descendants(row)}
        of = self._catalogue.columns["category_id"].read
        found: list[Json] = []
        for product in self._catalogue.numbers():
            links = of(product)
            if isinstance(links, frozenset) and links & within:
                position = self._position(product, own) if own in links else _INHERITED_POSITION
                found.append({"sku": self._catalogue.sku(product), "position": position, "category_id": own})
        return found

    def _position(self, product: int, category: str) -> int:
        links = _links(self._catalogue.changed_product(product) or {})
        found = (each.get("position") for each in links if str(each.get("category_id")) == category)
        return int(str(next(found, 0) or 0))

    def _add_product(self, call: Call) -> Json:
        """Add a product to a category; the category in the body overrides the one in the path."""
        payload = required_object(call.body, "productLink")
        wanted = payload.get("category_id")
        category = self._get(whole_number(str(wanted)) if wanted is not None else None)
        product = self._product(str(payload.get("sku", "")))
        item = self._catalogue.product(product)
        others = [each for each in _links(item) if str(each.get("category_id")) != str(category["id"])]
        link: Item = {"position": payload.get("position", 0), "category_id": str(category["id"])}
        self._catalogue.put(_linked(item, [*others, link]), product)
        return True

    def _remove_product(self, call: Call) -> Json:
        category, product = self._found(call), self._product(call.variables["sku"])
        item = self._catalogue.product(product)
        others = [each for each in _links(item) if str(each.get("category_id")) != str(category["id"])]
        if len(others) == len(_links(item)):
            raise Refusal(400, "The category doesn't contain the specified product.")
        self._catalogue.put(_linked(item, others), product)
        return True

    def _product(self, sku: str) -> int:
        row = self._catalogue.find(sku)
        if row is None:
            raise missing_product()
        return row


def _first(row: int) -> Item:
    siblings = [each for each, parent in _PARENTS.items() if parent == _PARENTS[row]]
    path = _path(row)
    return {
        "id": row,
        "parent_id": _PARENTS[row],
        "name": {1: "Root Catalog", 2: "Default Category"}.get(row, f"Cat {row - 3}"),
        "is_active": True,
        "position": siblings.index(row) + 1,
        "level": path.count("/"),
        "children": ",".join(str(each) for each, parent in _PARENTS.items() if parent == row),
        "created_at": _START,
        "updated_at": _START,
        "path": path,
        "include_in_menu": True,
        "custom_attributes": [{"attribute_code": "path", "value": path}],
    }


def _path(row: int) -> str:
    return f"{_path(_PARENTS[row])}/{row}" if _PARENTS[row] else str(row)


def _url_key(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _read(body: Item) -> Item:
    return required_object(body, "category", _FIELDS)


def _merged(kept: Json, payload: Item) -> list[Json]:
    """Attributes sent replace those with the same code; empty values remove them."""
    values: Item = {}
    sent = payload.get("custom_attributes")
    for each in [*(as_list(kept)), *(as_list(sent))]:
        if isinstance(each, dict):
            values[str(each.get("attribute_code"))] = each.get("value")
    return [{"attribute_code": code, "value": value} for code, value in values.items() if value not in (None, "")]


def _links(item: Item) -> list[Item]:
    extension = item.get("extension_attributes")
    links = extension.get("category_links") if isinstance(extension, dict) else None
    return objects_in(links)


def _linked(item: Item, links: list[Item]) -> Item:
    extension = item.get("extension_attributes")
    ids: list[Json] = [str(each["category_id"]) for each in links]
    attributes = item.get("custom_attributes")
    others = [
        each
        for each in (as_list(attributes))
        if isinstance(each, dict) and each.get("attribute_code") != "category_ids"
    ]
    kept: Item = as_object(extension)
    changed: Item = {"extension_attributes": kept | {"category_links": list[Json](links)}}
    return item | changed | {"custom_attributes": [*others, {"attribute_code": "category_ids", "value": ids}]}
