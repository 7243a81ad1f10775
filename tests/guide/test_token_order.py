"""Four tokens pasted in the wrong order are sorted, in whatever language the store responds."""

from __future__ import annotations

from itertools import permutations

import pytest
from faulty_stores import Change, by_head, in_front_of, in_polish, same, without_gzip
from profiles import FOUR, full, profile, signed

from tui_connector.client.message import ANONYMOUS
from tui_connector.guide.checks.check import check_authentication
from tui_connector.guide.checks.token_order import (
    FIELDS,
    MAX_REQUESTS,
    MISPLACEMENT_FINDINGS,
    TokenOrder,
    reorder_typed_tokens,
    token_order,
)
from tui_connector.guide.workbench import Workbench
from tui_connector.machine import Machine
from tui_connector.sandbox.server import Sandbox


async def ordered(machine: Machine, store: str, values: list[str]) -> TokenOrder:
    bench = Workbench(machine)
    for name, value in zip(FOUR.values(), values, strict=True):
        bench.vault.hold(name, value, store)
    async with bench.anonymous() as session:
        found = await token_order(values, session.client("default"), f"{store}/rest/V1", machine)
    texts = [f"{each.request_headers}{each.uri}" for each in bench.exchanges]
    assert not any(value in text for value in values if len(value) == 32 for text in texts)
    assert len(bench.exchanges) == found.requests
    bench.close()
    return found


@pytest.mark.parametrize("change", [same, in_polish], ids=["English", "another language"])
async def test_every_order_is_put_right(
    machine: Machine, sandbox: Sandbox, change: Change, capsys: pytest.CaptureFixture[str]
) -> None:
    right = [full(sandbox)[name] for name in FIELDS]
    counts = []
    async with in_front_of(sandbox.url, without_gzip, change) as store:
        for mixed in permutations(range(4)):
            found = await ordered(machine, store, [right[each] for each in mixed])
            assert [mixed[place] for place in found.order] == [0, 1, 2, 3], mixed
            assert found.finding is None
            assert bool(found.message) == (mixed != (0, 1, 2, 3))
            counts.append(found.requests)
    assert max(counts) <= MAX_REQUESTS
    assert sandbox.locked() == []
    with capsys.disabled():
        print(f"\n24 of 24 orders put right; requests: {sum(counts) / 24:.1f} on average, {max(counts)} at most")


async def test_two_that_were_swapped_are_named(machine: Machine, sandbox: Sandbox) -> None:
    key, secret, token, token_secret = (full(sandbox)[name] for name in FIELDS)
    found = await ordered(machine, sandbox.url, [key, token, secret, token_secret])
    assert found.message == "2 and 3 were swapped: corrected"


@pytest.mark.parametrize(
    ("wrong", "finding"),
    [
        ("consumer-key", "oauth-consumer-key"),
        ("access-token", "oauth-access-token"),
        ("consumer-secret", "oauth-signature"),
        ("access-token-secret", "oauth-signature"),
    ],
)
async def test_a_value_that_is_wrong_in_any_place_is_named(
    machine: Machine, sandbox: Sandbox, wrong: str, finding: str
) -> None:
    values = full(sandbox) | {wrong: "c" * 32}
    found = await ordered(machine, sandbox.url, [values[name] for name in FIELDS])
    assert found.order == ()
    assert found.finding is not None
    assert found.finding.id == finding
    assert found.requests <= MAX_REQUESTS
    assert len(found.finding.evidence) == found.requests


async def test_an_invalid_token_is_not_sent(machine: Machine, sandbox: Sandbox) -> None:
    values = full(sandbox) | {"access-token": "my password CANARY"}
    found = await ordered(machine, sandbox.url, [values[name] for name in FIELDS])
    assert found.requests == 0
    assert found.finding is not None
    assert found.finding.field == "access-token"
    assert "CANARY" not in str(found.finding)
    assert sandbox.journal() == []


async def test_a_store_that_is_down_gets_one_request(machine: Machine, sandbox: Sandbox) -> None:
    page = by_head("503 Service Unavailable", body=b"<h1>Service Temporarily Unavailable</h1>")
    async with in_front_of(sandbox.url, page) as store:
        found = await ordered(machine, store, [full(sandbox)[name] for name in FIELDS])
    assert found.requests == 1
    assert found.finding is not None
    assert found.finding.id == "maintenance"


async def test_right_tokens_of_an_inactive_integration_are_in_order_and_refused(
    machine: Machine, sandbox: Sandbox
) -> None:
    described = sandbox.description()["integrations"]
    assert isinstance(described, dict)
    values = [described["inactive"][name.replace("-", "_")] for name in FIELDS]
    found = await ordered(machine, sandbox.url, values)
    assert found.order == (0, 1, 2, 3)
    assert found.finding is not None
    assert found.finding.id == "integration-inactive"


@pytest.mark.parametrize("mixed", [(1, 0, 2, 3), (2, 3, 0, 1), (0, 3, 2, 1), (0, 2, 1, 3)])
async def test_typed_values_are_put_in_order_and_then_accepted(
    machine: Machine, sandbox: Sandbox, mixed: tuple[int, ...]
) -> None:
    bench = Workbench(machine)
    right, names = [full(sandbox)[name] for name in FIELDS], [FOUR[name] for name in FIELDS]
    base_uri = f"{sandbox.url}/rest/V1"
    async with bench.session(profile(base_uri, signed())) as session:
        anonymous = session.client("shop", ANONYMOUS)
        nothing = await reorder_typed_tokens(bench.vault, names, sandbox.url, anonymous, base_uri, machine)
        assert nothing.requests == 0  # none of them was typed in this session
        for name, place in zip(names, mixed, strict=True):
            bench.vault.hold(name, right[place], sandbox.url)
        saved = profile(base_uri, signed())
        before = await check_authentication(saved, session, "shop")
        assert before.finding is not None
        assert before.finding.id in MISPLACEMENT_FINDINGS
        found = await reorder_typed_tokens(bench.vault, names, sandbox.url, anonymous, base_uri, machine)
        assert found.message
        assert (await check_authentication(saved, session, "shop")).ok
    bench.close()
