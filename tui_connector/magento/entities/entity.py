"""What is known of an entity: how it is asked for or sent, and the configuration that makes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from .resources import tick

if TYPE_CHECKING:
    from ...placeholder import Json  # in types only: completing a path on the command line does not wait for pydantic

_VALUE = re.compile(r"[&?@]\{[^}]*\}")


@dataclass(frozen=True, slots=True)
class Readable:
    """What Magento lets be read.

    `filter` is what its id is called in a search, `field` what an answer calls it; where that is empty the answer does
    not hold the id, though ranges of it can be asked for. Without `filter` the whole comes in one answer, or in pages
    ordered by `order` where the only unique field is no number. `cursor` is the date by which changes are found. A path
    with a value in it, such as a sku, is an example to be changed.
    """

    name: str
    title: str
    path: str
    identifier: str | None
    resource: str
    filter: str | None = "entity_id"
    field: str = "entity_id"
    cursor: str | None = "updated_at"
    items: str = "items"
    order: str | None = None
    page_size: int = 100
    note: str = ""

    @property
    def route(self) -> str:
        """What is asked, as people write it."""
        return f"GET {self.path}"

    def is_read_by(self, uri: str) -> bool:
        """Whether this asks for the list, or for one of its entities: products/&{sku}, customers/@{…}."""
        if uri == self.path:
            return True
        path, _, last = uri.partition("?")[0].rpartition("/")
        return bool(_VALUE.fullmatch(last)) and path == re.sub("/(search|list)$", "", self.path)

    @property
    def tick(self) -> str:
        """Where in Magento's tree the resource is ticked."""
        return tick(self.resource)

    def configuration(self, client: str) -> dict[str, Json]:
        """The incoming configuration, as it stands in a profile."""
        found: dict[str, Json] = {"client": client, "request": {"uri": self.path}, "items": self.items}
        if self.identifier:
            found["identifier"] = self.identifier
        if self.filter:
            pages: dict[str, Json] = {"kind": "keyset", "filter": self.filter, "field": self.field}
            found["pagination"] = {**pages, "page-size": self.page_size}
        elif self.order:
            found["pagination"] = {"kind": "search-criteria", "order": self.order, "page-size": self.page_size}
        if self.cursor:
            found["incremental"] = {"field": self.cursor}
        found["sink"] = {"kind": "jsonl", "path": f"{self.name}.jsonl"}
        return found


@dataclass(frozen=True, slots=True)
class Writable:
    """A way to send entities, with a sample to show the request by."""

    name: str
    title: str
    method: Literal["post", "put"]
    uri: str
    parameters: Json
    identifier: str
    resource: str
    sample: Json
    batch: int = 1
    note: str = ""

    @property
    def route(self) -> str:
        """What is sent, as people write it."""
        return f"{self.method.upper()} {self.uri}"

    def is_sent_by(self, uri: str) -> bool:
        """Whether this is the path that it is sent to, whatever values are put into it."""
        return _VALUE.sub("", uri) == _VALUE.sub("", self.uri)

    @property
    def tick(self) -> str:
        """Where in Magento's tree the resource is ticked."""
        return tick(self.resource)

    def configuration(self, client: str) -> dict[str, Json]:
        """The outgoing configuration, as it stands in a profile."""
        found: dict[str, Json] = {
            "client": client,
            "source": {"kind": "jsonl", "path": f"{self.name}.jsonl"},
            "identifier": self.identifier,
            "request": {"method": self.method, "uri": self.uri, "parameters": self.parameters},
        }
        if self.batch > 1:
            found["batch"] = self.batch
        return found
