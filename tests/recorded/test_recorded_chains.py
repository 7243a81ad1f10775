"""Chains whose steps read the responses of a real store."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from recordings import recordings

from tui_connector.guide.workbench import profile_of
from tui_connector.outgoing.model import Outgoing
from tui_connector.profile.problems import check
from tui_connector.templates import Budget, Json
from tui_connector.templates.expression import Expression, is_truthy

README = (Path(__file__).parents[2] / "README.md").read_text()


def answered(method: str, route: str, status: int) -> Json:
    """The first such answer that was recorded, as steps read it."""
    found = next(each for each in recordings() if (each.method, each.route, each.status) == (method, route, status))
    return {"status": status, "headers": {n.lower(): v for n, v in found.headers}, "body": json.loads(found.body)}


def sent(outgoing: Outgoing, entity: Json, response: Json) -> list[str]:
    """The steps that are sent once the first has this response."""
    run = outgoing.scope([entity], {"steps": {outgoing.steps[0].name: response}}).run
    return [
        step.name
        for step in outgoing.steps
        if step.when is None or is_truthy(Expression.compile(step.when).find(run, Budget())[0])
    ]


def test_the_customers_of_the_readme_are_found_and_changed_whole() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    profile, problems = check("".join(each for each in blocks if "Acme store" in each or "steps]]" in each))
    assert profile is not None, problems
    response: Any = answered("GET", "/V1/customers/search", 200)
    theirs = response["body"]["items"][0]
    entity = {"email": theirs["email"], "firstname": "Ada"}
    customers = profile.outgoing["customers"]
    assert sent(customers, entity, response) == ["find", "change"]
    request = customers.request_for(entity, {"steps": {"find": response}}, "change")
    assert (request.method, request.uri) == ("PUT", f"customers/{theirs['id']}")
    assert json.loads(request.body) == {"customer": {**theirs, "firstname": "Ada"}}
    nobody: Json = {"status": 200, "headers": {}, "body": {"items": [], "search_criteria": {}, "total_count": 0}}
    assert sent(customers, entity, nobody) == ["find", "create"]


def test_a_missing_product_is_created() -> None:
    steps = [
        {"name": "find", "request": {"uri": "products/&{sku}", "expected": [404]}},
        {"name": "create", "when": "steps.find.status == `404`", "request": {"method": "post", "uri": "products"}},
        {"name": "change", "when": "steps.find.body.id", "request": {"method": "put", "uri": "products/&{sku}"}},
    ]
    outgoing = {"products": {"client": "shop", "steps": steps}}
    profile = profile_of({"format": 1, "name": "Shop", "clients": {"shop": {}}, "outgoing": outgoing})
    products = profile.outgoing["products"]
    assert sent(products, {"sku": "x"}, answered("GET", "/V1/products/NO-SUCH-SKU", 404)) == ["find", "create"]
    assert sent(products, {"sku": "x"}, answered("GET", "/V1/products/SKU-000010", 200)) == ["find", "change"]
