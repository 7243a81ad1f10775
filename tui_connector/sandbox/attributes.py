"""Product attributes, their options, and the sets and groups they are in."""

from __future__ import annotations

from .handlers import Call, Endpoints, Handlers, ListHandler, no_such_entity, required_object
from .records import Item, Records
from .response import Json, Refusal, as_list, objects_in, required
from .settings import Settings

_ENTITY = "4"
"""The entity type of products; a string in responses."""
_FIRST = 73
_COLOR, _SIZE = 93, 144
_SELECTS = (
    (_COLOR, "color", "Color", ("Black", "Blue", "Red", "White")),
    (_SIZE, "size", "Size", ("S", "M", "L", "XL")),
    (83, "manufacturer", "Manufacturer", ("Acme", "Gear")),
)
_BUILT_IN = """
name:text:varchar sku:text:static description:textarea:text short_description:textarea:text price:price:decimal
special_price:price:decimal special_from_date:date:datetime special_to_date:date:datetime cost:price:decimal
weight:weight:decimal meta_title:text:varchar meta_keyword:textarea:text meta_description:textarea:varchar
image:media_image:varchar small_image:media_image:varchar thumbnail:media_image:varchar media_gallery:gallery:static
news_from_date:date:datetime news_to_date:date:datetime status:select:int visibility:select:int
category_ids:text:static url_key:text:varchar tax_class_id:select:int country_of_manufacture:select:varchar
quantity_and_stock_status:select:int gift_message_available:select:varchar options_container:select:varchar
page_layout:select:varchar required_options::static has_options::static created_at:date:static
updated_at:date:static tier_price:text:decimal msrp:price:decimal msrp_display_actual_price_type:select:varchar
swatch_image:media_image:varchar
"""
"""Attributes of every Magento store: code, input, storage."""
_COLUMNS = """
attribute_model backend_table frontend_model frontend_label is_global is_visible is_searchable is_filterable
is_comparable is_visible_on_front is_html_allowed_on_front is_used_for_price_rules is_filterable_in_search
used_in_product_listing used_for_sort_by is_visible_in_advanced_search is_wysiwyg_enabled is_used_for_promo_rules
is_required_in_admin_store is_used_in_grid is_visible_in_grid is_filterable_in_grid search_weight additional_data
frontend_class frontend_input_renderer note default_value is_unique source_model backend_model entity_type_id apply_to
"""
_FIELDS = """
options frontend_labels validation_rules custom_attributes extension_attributes scope default_frontend_label
attribute_id attribute_code frontend_input is_required is_user_defined backend_type position
"""
_FLAGS = (
    *("is_wysiwyg_enabled", "is_html_allowed_on_front", "used_for_sort_by", "is_filterable", "is_filterable_in_search"),
    *("is_used_in_grid", "is_visible_in_grid", "is_filterable_in_grid"),
)
_TEXT_FLAGS = (
    *("is_searchable", "is_visible_in_advanced_search", "is_comparable", "is_used_for_promo_rules"),
    *("is_visible_on_front", "used_in_product_listing"),
)
_NO_OPTION: Item = {"label": " ", "value": ""}
_TYPES = "text textarea texteditor date datetime boolean multiselect select price media_image weee swatch_visual"


def _option_number(attribute: int, place: int) -> int:
    return 49 + 10 * attribute + place


class Attributes(Endpoints):
    """The routes of product attributes and attribute sets."""

    def __init__(self, list_handler: ListHandler, settings: Settings) -> None:
        self._list_handler = list_handler
        self._settings = settings
        self._attributes = Records("attribute_id", _COLUMNS, first=_first())
        default: Item = {"attribute_set_id": 4, "attribute_set_name": "Default", "sort_order": 1, "entity_type_id": 4}
        self._sets = Records("attribute_set_id", first=[default])
        group: Item = {"attribute_group_id": "7", "attribute_group_name": "Product Details", "attribute_set_id": 4}
        self._groups = Records("attribute_group_number", "sort_order default_id", first=[group], field="")
        self._last_option = 200

    def handlers(self) -> Handlers:
        sets = "/V1/products/attribute-sets"
        one, options = "/V1/products/attributes/:attributeCode", "/V1/products/attributes/:attributeCode/options"
        return {
            "GET /V1/products/attributes": self._list_handler(self._attributes),
            f"GET {one}": self._one,
            "POST /V1/products/attributes": self._create,
            f"PUT {one}": self._update,
            f"DELETE {one}": self._delete,
            f"GET {options}": lambda call: self._one(call).get("options", []),
            f"POST {options}": self._add_option,
            f"PUT {options}/:optionId": self._change_option,
            f"DELETE {options}/:optionId": self._delete_option,
            "GET /V1/products/attributes/types": lambda call: [
                {"value": name, "label": name.replace("_", " ").capitalize()} for name in _TYPES.split()
            ],
            f"GET {sets}/sets/list": self._list_handler(self._sets),
            "GET /V1/eav/attribute-sets/list": self._list_handler(self._sets),
            f"GET {sets}/:attributeSetId": self._set,
            "GET /V1/eav/attribute-sets/:attributeSetId": self._set,
            f"POST {sets}": self._create_set,
            "POST /V1/eav/attribute-sets": self._create_set,
            f"PUT {sets}/:attributeSetId": self._change_set,
            "PUT /V1/eav/attribute-sets/:attributeSetId": self._change_set,
            f"DELETE {sets}/:attributeSetId": self._delete_set,
            "DELETE /V1/eav/attribute-sets/:attributeSetId": self._delete_set,
            f"GET {sets}/:attributeSetId/attributes": self._of_set,
            f"GET {sets}/groups/list": self._list_handler(self._groups),
        }

    def _row(self, code: str) -> int:
        row = self._attributes.find(attribute_code=code)
        if row is None:
            text = 'The attribute with a "%1" attributeCode doesn\'t exist. Verify the attribute and try again.'
            raise Refusal(404, text, [code])
        return row

    def _one(self, call: Call) -> Item:
        return self._attributes.get(self._row(call.variables["attributeCode"])) or {}

    def _create(self, call: Call) -> Json:
        payload = self._read(call.body)
        code = payload.get("attribute_code")
        if not payload.get("frontend_input"):
            raise required(["frontend_input"])
        if not code or self._attributes.find(attribute_code=code) is not None:
            raise _already_exists() if code else required(["attribute_code"])
        labels = payload.get("frontend_labels")
        texts = [each.get("label") for each in labels if isinstance(each, dict)] if isinstance(labels, list) else []
        label = payload.get("default_frontend_label") or next(iter(texts), None)
        kept = {name: value for name, value in payload.items() if name not in ("options", "frontend_labels")}
        made = _attribute(0, str(code), str(payload["frontend_input"]), "int", str(label or code), user=True)
        made.pop("attribute_id")
        attribute = self._attributes.add(made | kept)
        return self._with_options(attribute, payload.get("options"))

    def _update(self, call: Call) -> Json:
        """Change the fields sent. Without `attribute_id` in the body, Magento takes it for a new attribute."""
        code = call.variables["attributeCode"]
        row = self._row(code)
        payload = self._read(call.body)
        if payload.get("attribute_id") != row:
            raise _already_exists()
        kept = {name: value for name, value in payload.items() if name != "options"}
        attribute = self._attributes.change(row, kept | {"attribute_code": code})
        return self._with_options(attribute, payload.get("options"))

    def _delete(self, call: Call) -> Json:
        self._attributes.delete(self._row(call.variables["attributeCode"]))
        return True

    def _with_options(self, attribute: Item, payload: Json) -> Item:
        """Options with a known value are kept unchanged; all others are added, including empty ones."""
        options = objects_in(attribute.get("options"))
        known = {option.get("value") for option in options if option.get("value")}
        for each in as_list(payload):
            if isinstance(each, dict) and each.get("value") not in known:
                options.append(self._numbered(str(each.get("label") or " ")))
        return self._attributes.change(int(str(attribute["attribute_id"])), {"options": list[Json](options)})

    def _numbered(self, label: str) -> Item:
        self._last_option += 1
        return {"label": label, "value": str(self._last_option)}

    def _add_option(self, call: Call) -> Json:
        payload = required_object(call.body, "option")
        attribute = self._one(call)
        label = payload.get("label")
        if not label:
            raise Refusal(400, "The attribute option label is empty. Enter the value and try again.")
        options = objects_in(attribute.get("options"))
        if any(str(option["label"]).strip().lower() == str(label).strip().lower() for option in options):
            raise Refusal(400, 'Admin store attribute option label "%1" is already exists.', [label])
        made = self._numbered(str(label))
        changed: list[Json] = [*options, made]
        self._attributes.change(int(str(attribute["attribute_id"])), {"options": changed})
        return made["value"]

    def _change_option(self, call: Call) -> Json:
        payload = required_object(call.body, "option")
        return self._put_options(call, {"label": payload.get("label")})

    def _delete_option(self, call: Call) -> Json:
        return self._put_options(call, None)

    def _put_options(self, call: Call, change: Item | None) -> Json:
        attribute, wanted = self._one(call), call.variables["optionId"]
        options = objects_in(attribute.get("options"))
        if not any(option.get("value") == wanted for option in options):
            text = 'The "%1" option doesn\'t exist.' if change is None else 'Option with id "%1" does not exist.'
            raise Refusal(404, text, [wanted])
        kept: list[Json] = []
        for option in options:
            if option.get("value") != wanted:
                kept.append(option)
            elif change is not None:
                kept.append(option | change)
        self._attributes.change(int(str(attribute["attribute_id"])), {"options": kept})
        return True

    def _read(self, body: Item) -> Item:
        return required_object(body, "attribute", _FIELDS + _COLUMNS)

    def _set(self, call: Call) -> Item:
        row = call.number("attributeSetId")
        found = self._sets.get(row)
        if found is None:
            raise no_such_entity("id", row)
        return found

    def _create_set(self, call: Call) -> Json:
        payload = required_object(call.body, "attributeSet")
        if not isinstance(call.body.get("skeletonId"), int) or not call.body["skeletonId"]:
            raise required(["skeletonId"])
        name = payload.get("attribute_set_name")
        if not name:
            raise Refusal(400, "The attribute set name is empty. Enter the name and try again.")
        if self._sets.find(attribute_set_name=name) is not None:
            raise Refusal(400, f'A "{name}" attribute set name already exists. Create a new name and try again.')
        kept = {field: value for field, value in payload.items() if field != "attribute_set_id"}
        return self._sets.add({"sort_order": 0} | kept | {"entity_type_id": int(_ENTITY)})

    def _change_set(self, call: Call) -> Json:
        payload = required_object(call.body, "attributeSet")
        row = int(str(self._set(call)["attribute_set_id"]))
        return self._sets.change(row, payload | {"attribute_set_id": row})

    def _delete_set(self, call: Call) -> Json:
        row = int(str(self._set(call)["attribute_set_id"]))
        if row == 4:
            raise Refusal(400, "The default attribute set can't be deleted.")
        self._sets.delete(row)
        return True

    def _of_set(self, call: Call) -> Json:
        self._set(call)
        return list[Json](self._attributes.rows())


def _first() -> list[Item]:
    made = []
    numbers = (each for each in range(_FIRST, _FIRST + 200) if each not in {number for number, *_ in _SELECTS})
    for line in _BUILT_IN.split():
        code, kind, storage = line.split(":")
        made.append(_attribute(next(numbers), code, kind, storage, code.replace("_", " ").capitalize()))
    for place, (number, code, label, values) in enumerate(_SELECTS):
        options: list[Json] = [_NO_OPTION]
        options += [{"label": each, "value": str(_option_number(place, at))} for at, each in enumerate(values)]
        made.append(_attribute(number, code, "select", "int", label, user=True) | {"options": options})
    return sorted(made, key=lambda attribute: int(str(attribute["attribute_id"])))


def _attribute(number: int, code: str, kind: str, storage: str, label: str, *, user: bool = False) -> Item:
    flags: Item = dict.fromkeys(_FLAGS, False)
    attribute: Item = {**flags, "position": 0, "apply_to": []}
    attribute |= dict.fromkeys(_TEXT_FLAGS, "0")
    attribute |= {"is_visible": True, "scope": "global" if user else "store", "attribute_id": number}
    attribute |= {"attribute_code": code, "frontend_input": kind, "entity_type_id": _ENTITY, "is_required": False}
    attribute |= {"options": [_NO_OPTION] if kind == "select" else [], "is_user_defined": user}
    attribute |= {"default_frontend_label": label, "frontend_labels": [], "backend_type": storage}
    if kind == "select":
        attribute["source_model"] = "Magento\\Eav\\Model\\Entity\\Attribute\\Source\\Table"
    return attribute | {"is_unique": "0", "validation_rules": []}


def _already_exists() -> Refusal:
    return Refusal(400, "%1 already exists.", ["Attribute with the same code"])
