"""What a real store's queue has accepted, and what it reported about its operations."""

from __future__ import annotations

import json
from collections import Counter

from recordings import Recording, recordings

from tui_connector.client.body_refusal import OPEN
from tui_connector.client.message import Response
from tui_connector.outgoing.bulk import operation_result, operations, queued
from tui_connector.outgoing.bulk_routes import PATHS
from tui_connector.outgoing.errors import Outcome, SendResult


def response(recording: Recording) -> Response:
    return Response(recording.status, recording.headers, recording.body.encode(), 1)


def test_what_the_queue_accepts_is_understood() -> None:
    accepted = [each for each in recordings() if each.status == 202]
    assert len(accepted) > 5
    for each in accepted:
        body = json.loads(each.body)
        items = json.loads(each.sent) if each.sent else {}
        sent = len(items) if "/async/bulk/" in each.target else 1
        if any(not isinstance(item, dict) for item in items):
            continue  # an item that the program does not send
        result, found = queued(SendResult(Outcome.DONE, None, response(each), body), sent)
        assert found is not None, (each.name, result)
        assert found.bulk == body["bulk_uuid"]
        assert (found.operations, found.dropped, found.refused) == (frozenset(range(sent)), frozenset(), {})


def test_the_results_of_operations_are_understood() -> None:
    outcomes: Counter[tuple[int, Outcome | None]] = Counter()
    for each in recordings():
        if each.status != 200 or not each.route.endswith("status") or "operations_list" not in each.body:
            continue
        found = operations(json.loads(each.body))
        assert found is not None, each.name
        for operation in found.values():
            result = operation_result(operation, response(each)) if operation.status != OPEN else None
            outcomes[operation.status, result.outcome if result else None] += 1
    assert set(outcomes) == {(1, Outcome.DONE), (3, Outcome.SPLIT), (4, None)}


def test_the_paths_of_bulks_are_those_of_known_routes() -> None:
    known = set()
    for line in PATHS.split():
        known.add("/".join(f"by{part[1].upper()}{part[2:]}" if part[:1] == ":" else part for part in line.split("/")))
    recorded = {each.route for each in recordings() if "/async/bulk/V1/" in each.target and each.status == 202}
    named = {path.removeprefix("/V1/") for path in recorded if "/by" in path}
    assert named
    assert named <= known
