"""Who sends a request, and the resources that each may access."""

from __future__ import annotations

from dataclasses import dataclass

EVERYTHING = "Magento_Backend::all"
ANY_RESOURCE = "Magento_Backend::admin"
"""Given to every role with at least one resource (module-authorization/Model/ResourceModel/Rules.php)."""
ANONYMOUS = "anonymous"

CATALOGUE = frozenset(
    {
        ANY_RESOURCE,
        "Magento_Catalog::catalog",
        "Magento_Catalog::catalog_inventory",
        "Magento_Catalog::products",
        "Magento_Catalog::categories",
    }
)


@dataclass(frozen=True)
class Caller:
    """The sender of a request; `name` is used in the journal."""

    name: str
    resources: frozenset[str]

    def has_access(self, resource: str) -> bool:
        return resource == ANONYMOUS or resource in self.resources or EVERYTHING in self.resources


GUEST = Caller("anonymous", frozenset())


@dataclass(frozen=True)
class Integration:
    """An integration with its four values; `number` is the consumer's ID."""

    number: int
    name: str
    consumer_key: str
    consumer_secret: str
    access_token: str
    access_token_secret: str
    resources: frozenset[str]
    active: bool = True

    def caller(self) -> Caller:
        return Caller(f"integration {self.name}", self.resources)

    def values(self) -> dict[str, str]:
        """The values in Magento's pop-up after activation."""
        return {
            "consumer_key": self.consumer_key,
            "consumer_secret": self.consumer_secret,
            "access_token": self.access_token,
            "access_token_secret": self.access_token_secret,
        }
