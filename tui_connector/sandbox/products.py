"""The endpoints of products, with their images, variants, options and websites."""

from __future__ import annotations

from .catalogue import PIXEL, Catalogue, InStoreView, missing_product
from .handlers import (
    Call,
    Checks,
    Endpoints,
    Handlers,
    ListHandler,
    SearchHandler,
    no_such_entity,
    required_object,
)
from .inventory import SourceItems
from .product_writer import ProductWriter
from .records import Item
from .response import Json, Refusal, as_list, as_object, objects_in, required

_PRODUCT_TYPES = ("simple", "virtual", "downloadable", "bundle", "grouped", "configurable")
_LINK_PRODUCT_TYPES = (("related", 1), ("crosssell", 5), ("upsell", 4), ("associated", 3))


class _ProductSearch(SearchHandler):
    """Searches products as the store view in the path shows them; filters see the global values."""

    def __init__(self, catalogue: Catalogue, list_handler: ListHandler) -> None:
        self._catalogue, self._list_handler = catalogue, list_handler
        self._lists: dict[str, SearchHandler] = {}

    def __call__(self, call: Call) -> Json:
        return self._of(call.store)(call)

    def example(self) -> Item:
        return self._of("all").example()

    def _of(self, store: str) -> SearchHandler:
        if store not in self._lists:
            self._lists[store] = self._list_handler(InStoreView(self._catalogue, store))
        return self._lists[store]


class Products(Endpoints):
    """The routes of products, their images, variants and source items."""

    def __init__(
        self, catalogue: Catalogue, stock: SourceItems, writes: ProductWriter, list_handler: ListHandler
    ) -> None:
        self._catalogue = catalogue
        self._stock = stock
        self._writes = writes
        self._list_handler = list_handler
        self._last_image = 100

    def handlers(self) -> Handlers:
        media, variants = "/V1/products/:sku/media", "/V1/configurable-products/:sku"
        return {
            "GET /V1/products": _ProductSearch(self._catalogue, self._list_handler),
            "POST /V1/products": self._write,
            "GET /V1/products/:sku": self._product,
            "PUT /V1/products/:sku": self._write,
            "DELETE /V1/products/:sku": self._delete,
            "GET /V1/products/types": lambda call: [
                {"name": name, "label": f"{name.capitalize()} Product"} for name in _PRODUCT_TYPES
            ],
            "GET /V1/products/links/types": lambda call: [
                {"code": code, "name": name} for name, code in _LINK_PRODUCT_TYPES
            ],
            "GET /V1/products/:sku/options": lambda call: self._product_item(call).get("options", []),
            "GET /V1/inventory/source-items": self._list_handler(self._stock),
            "POST /V1/inventory/source-items": lambda call: self._writes.source_items(call.body),
            "POST /V1/products/:sku/websites": self._add_website,
            "PUT /V1/products/:sku/websites": self._add_website,
            "DELETE /V1/products/:sku/websites/:websiteId": self._remove_website,
            f"GET {media}": self._images,
            f"GET {media}/:entryId": self._image,
            f"POST {media}": self._add_image,
            f"PUT {media}/:entryId": self._change_image,
            f"DELETE {media}/:entryId": self._delete_image,
            f"GET {variants}/children": self._children,
            f"GET {variants}/options/all": self._options,
            f"GET {variants}/options/:id": self._option,
            f"POST {variants}/options": self._add_option,
            f"DELETE {variants}/options/:id": self._remove_option,
            f"POST {variants}/child": self._add_child,
            f"DELETE {variants}/children/:childSku": self._delete_child,
        }

    def checks(self) -> Checks:
        read, rows = self._writes.read, self._writes.check_source_items
        stock = {"POST /V1/inventory/source-items": rows}
        return {"POST /V1/products": read, "PUT /V1/products/:sku": read, **stock}

    def _write(self, call: Call) -> Json:
        return self._writes.product(call.body, call.store, call.variables.get("sku"))

    def _product(self, call: Call) -> Json:
        return self._writes.whole(self._row(call), call.store)

    def _delete(self, call: Call) -> Json:
        self._catalogue.delete(self._row(call))
        return True

    def _row(self, call: Call, variable: str = "sku") -> int:
        row = self._catalogue.find(call.variables[variable])
        if row is None:
            raise missing_product()
        return row

    def _product_item(self, call: Call) -> Item:
        return self._catalogue.product(self._row(call), call.store)

    def _entries(self, call: Call) -> list[Item]:
        return objects_in(self._product_item(call).get("media_gallery_entries"))

    def _images(self, call: Call) -> Json:
        """The images, newest first, with their content, which a product response lacks."""
        return [_with_content(each) for each in reversed(self._entries(call))]

    def _image(self, call: Call) -> Json:
        wanted = call.number("entryId")
        found = next((each for each in self._entries(call) if each["id"] == wanted), None)
        if found is None:
            raise Refusal(404, "The image doesn't exist. Verify and try again.")
        return _with_content(found)

    def _add_image(self, call: Call) -> Json:
        payload = required_object(call.body, "entry")
        content = payload.get("content")
        if not isinstance(content, dict) or not content.get("base64_encoded_data"):
            raise Refusal(400, "The image content is invalid. Verify the content and try again.")
        self._last_image += 1
        name = str(content.get("name", "image"))
        kept = {field: value for field, value in payload.items() if field not in ("content", "id")}
        made: Item = {"id": self._last_image, "media_type": "image", "label": None, "position": 1, "disabled": False}
        file: Item = {"file": f"/{name[:1]}/{name[1:2]}/{name}"}
        self._put_images(call, [*_without_roles(self._entries(call), payload), made | {"types": []} | kept | file])
        return str(self._last_image)

    def _change_image(self, call: Call) -> Json:
        wanted, payload = call.number("entryId"), required_object(call.body, "entry")
        entries = self._entries(call)
        if not any(each["id"] == wanted for each in entries):
            raise Refusal(404, "No image with the provided ID was found. Verify the ID and try again.")
        kept = {field: value for field, value in payload.items() if field not in ("content", "id", "file")}
        self._put_images(call, [each | kept if each["id"] == wanted else each for each in entries])
        return True

    def _delete_image(self, call: Call) -> Json:
        wanted, entries = call.number("entryId"), self._entries(call)
        kept = [each for each in entries if each["id"] != wanted]
        if len(kept) == len(entries):
            raise Refusal(404, "No image with the provided ID was found. Verify the ID and try again.")
        self._put_images(call, kept)
        return True

    def _put_images(self, call: Call, entries: list[Item]) -> None:
        row = self._row(call)
        item = self._catalogue.product(row)
        self._catalogue.put(item | {"media_gallery_entries": list[Json](entries)}, row)

    def _extension(self, call: Call) -> Item:
        item = self._product_item(call)
        extension = item.get("extension_attributes")
        if item.get("type_id") != "configurable" or not isinstance(extension, dict):
            raise Refusal(400, "The product isn't a configurable product. Verify the product and try again.")
        return extension

    def _children(self, call: Call) -> Json:
        item = self._product_item(call)
        if item.get("type_id") != "configurable":
            return []
        links = self._extension(call).get("configurable_product_links")
        rows = [int(str(each)) for each in links] if isinstance(links, list) else []
        return [self._catalogue.product(each, call.store) for each in rows if each in self._catalogue.numbers()]

    def _options(self, call: Call) -> Json:
        options = self._extension(call).get("configurable_product_options")
        return as_list(options)

    def _option(self, call: Call) -> Json:
        options, wanted = self._options(call), call.number("id")
        found = as_list(options)
        for each in found:
            if isinstance(each, dict) and each.get("id") == wanted:
                return each
        raise no_such_entity("option_id", wanted)

    def _add_option(self, call: Call) -> Json:
        """Add a configurable option; the product becomes configurable."""
        payload = required_object(call.body, "option")
        values = payload.get("values")
        if not payload.get("attribute_id") or not isinstance(values, list) or not values:
            raise Refusal(400, "Option values are not specified.")
        extension = self._own_extension(call)
        options = objects_in(extension.get("configurable_product_options"))
        number = 1 + max((int(str(each["id"])) for each in options), default=0)
        kept = [each for each in options if each.get("attribute_id") != payload["attribute_id"]]
        made: Item = {"position": 0, **payload, "id": number, "product_id": self._row(call)}
        links = extension.get("configurable_product_links", [])
        changed: Item = {"configurable_product_options": [*kept, made], "configurable_product_links": links}
        self._put_extension(call, extension | changed, {"type_id": "configurable"})
        return str(number)

    def _remove_option(self, call: Call) -> Json:
        wanted = self._option(call)
        extension = self._extension(call)
        kept: list[Json] = [
            each for each in objects_in(extension.get("configurable_product_options")) if each != wanted
        ]
        self._put_extension(call, extension | {"configurable_product_options": kept})
        return True

    def _add_website(self, call: Call) -> Json:
        payload = required_object(call.body, "productWebsiteLink")
        return self._put_websites(call, add=payload.get("website_id"))

    def _remove_website(self, call: Call) -> Json:
        return self._put_websites(call, remove=call.number("websiteId"))

    def _put_websites(self, call: Call, *, add: Json = None, remove: Json = None) -> Json:
        extension = self._own_extension(call)
        websites = extension.get("website_ids")
        kept: list[Json] = [each for each in websites if each != remove] if isinstance(websites, list) else []
        if add is not None and add not in kept:
            kept.append(add)
        self._put_extension(call, extension | {"website_ids": kept})
        return True

    def _add_child(self, call: Call) -> Json:
        sku = call.body.get("childSku")
        if not sku:
            raise required(["childSku"])
        child = self._catalogue.find(str(sku))
        if child is None:
            raise missing_product()
        links = self._links(call)
        if child in links:
            raise Refusal(400, "The product is already attached.")
        self._put_links(call, [*links, child])
        return True

    def _delete_child(self, call: Call) -> Json:
        child, links = self._catalogue.find(call.variables["childSku"]), self._links(call)
        if child is None or child not in links:
            raise Refusal(400, "The option that was requested doesn't exist. Verify the entity and try again.")
        self._put_links(call, [each for each in links if each != child])
        return True

    def _links(self, call: Call) -> list[Json]:
        links = self._extension(call).get("configurable_product_links")
        return as_list(links)

    def _put_links(self, call: Call, links: list[Json]) -> None:
        self._put_extension(call, self._extension(call) | {"configurable_product_links": links})

    def _own_extension(self, call: Call) -> Item:
        extension = self._product_item(call).get("extension_attributes")
        return as_object(extension)

    def _put_extension(self, call: Call, extension: Item, beside: Item | None = None) -> None:
        row = self._row(call)
        self._catalogue.put(self._catalogue.product(row) | {"extension_attributes": extension} | (beside or {}), row)


def _with_content(entry: Item) -> Item:
    file = str(entry.get("file", ""))
    content: Item = {"base64_encoded_data": PIXEL, "type": "image/png", "name": file.rpartition("/")[2]}
    return entry | {"content": content}


def _without_roles(entries: list[Item], payload: Item) -> list[Item]:
    """The existing images without the roles of a new one."""
    taken = payload.get("types")
    roles = as_list(taken)
    kept = []
    for each in entries:
        own = each.get("types")
        rest: list[Json] = [role for role in own if role not in roles] if isinstance(own, list) else []
        kept.append(each | {"types": rest})
    return kept
