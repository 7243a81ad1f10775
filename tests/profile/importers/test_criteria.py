"""Search criteria of imported requests become rows that people read and edit."""

from __future__ import annotations

from typing import Any

from tui_connector.guide.profiles.importing import plan_new
from tui_connector.machine import Machine
from tui_connector.profile.importers.detection import read

FIRST = "searchCriteria[filterGroups][0][filters]"


def incoming(query: str, path: str = "orders") -> dict[str, Any]:
    found = read(f"curl -g 'https://acme.example/rest/V1/{path}?{query}' -H 'Authorization: Bearer CANARY'")
    [made] = found.parts["incoming"].values()
    assert isinstance(made, dict)
    return made


def test_filters_become_rows_and_pages_the_pagination() -> None:
    made = incoming(
        f"{FIRST}[0][field]=status&{FIRST}[0][value]=processing"
        f"&{FIRST}[1][field]=status&{FIRST}[1][value]=on+hold&{FIRST}[1][conditionType]=eq"
        "&searchCriteria[pageSize]=20&searchCriteria[currentPage]=2&fields=items[increment_id,entity_id],total_count"
    )
    assert made["request"] == {
        "uri": "orders?fields=items[increment_id,entity_id],total_count",
        "where": ["status eq processing or status eq on hold"],
    }
    assert made["pagination"]["page-size"] == 20


def test_filters_that_rows_cannot_express_stay_in_the_address() -> None:
    query = f"{FIRST}[0][field]=sku&{FIRST}[0][value]=a%0Ab"
    assert incoming(query)["request"] == {"uri": f"orders?{query}"}


def test_the_list_of_what_is_created_shows_the_rows(machine: Machine) -> None:
    query = f"{FIRST}[0][field]=status&{FIRST}[0][value]=new"
    found = read(f"curl -g 'https://acme.example/rest/V1/orders?{query}' -H 'Authorization: Bearer CANARY'")
    assert "incoming orders: GET orders where status eq new" in [*plan_new(found, "acme", machine).created()]
