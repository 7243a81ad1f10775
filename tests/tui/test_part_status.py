"""What the rows of a profile's page say of its parts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tui_connector.guide.checks.check import CheckResult
from tui_connector.guide.last_runs import UNREADABLE, LastRun
from tui_connector.guide.profiles.saved_profile import open_profile
from tui_connector.guide.secret_states import SecretState
from tui_connector.guide.steps.summaries import ProfilePart
from tui_connector.magento.diagnosis import Finding
from tui_connector.templates import Json
from tui_connector.tui.profile.part_list import part_line
from tui_connector.tui.profile.part_status import PartStatus, RowStatus

PROFILE = """\
format = 1
name = "Acme"

[clients.shop]

[incoming.products]
client = "shop"
request = { uri = "https://acme.test/rest/V1/products" }

[incoming.orders]
client = "shop"
request = { uri = "https://acme.test/rest/V1/orders" }

[environments.staging]
incoming.orders.client = "shop"
"""
WITH_AUTHENTICATIONS = """\
format = 1
name = "Acme"

[authentications.a]
kind = "bearer"
token = { env = "ACME_TOKEN" }

[authentications.b]
kind = "bearer"
token = { env = "ACME_TOKEN" }

[clients.shop]
authentications = ["a"]

[clients.other]
authentications = ["b"]

[incoming.products]
client = "shop"
request = { uri = "https://acme.test/rest/V1/products" }

[incoming.orders]
client = "other"
request = { uri = "https://acme.test/rest/V1/orders" }
"""
PRODUCTS, ORDERS = (ProfilePart("incoming", name, "") for name in ("products", "orders"))


def row(status: PartStatus, part: ProfilePart) -> RowStatus:
    return status.row(part, 100.0, busy=False)


def test_a_test_counts_until_the_part_or_what_its_requests_depend_on_changes(tmp_path: Path) -> None:
    path, status = tmp_path / "acme.toml", PartStatus()

    def reads(text: str) -> None:
        path.write_text(text)
        status.read(open_profile(path))

    reads(PROFILE)
    for part in (PRODUCTS, ORDERS):
        status.test_begins(part)
        assert row(status, part).mark[0] == "…"
        status.tested(part, CheckResult("it", True), 90.0)
    reads(PROFILE.replace("Acme", "Beta"))
    assert [row(status, part).mark[0] for part in (PRODUCTS, ORDERS)] == ["✔", "✔"]
    reads(PROFILE.replace("V1/products", "V1/categories"))
    assert [row(status, part).mark[0] for part in (PRODUCTS, ORDERS)] == [" ", "✔"]
    reads(PROFILE.replace("[clients.shop]", '[clients.shop]\ntimeout = "5s"'))
    assert row(status, ORDERS).mark[0] == " "

    status.test_begins(ORDERS)
    reads(PROFILE)
    status.tested(ORDERS, CheckResult("it", True), 95.0)
    assert row(status, ORDERS).mark[0] == " "  # the file was changed while it was tested


def test_an_accepted_authentication_replaces_its_failure_and_those_of_the_parts_that_use_it(tmp_path: Path) -> None:
    path, status = tmp_path / "acme.toml", PartStatus()
    path.write_text(WITH_AUTHENTICATIONS)
    opened = open_profile(path)
    assert opened.profile is not None
    status.read(opened)
    shop, other = (ProfilePart("authentications", name, "") for name in ("a", "b"))
    failed, accepted = CheckResult("it", False, Finding("token", "Refused")), CheckResult("it", True)

    def tested(part: ProfilePart, result: CheckResult, at: float) -> None:
        status.test_begins(part)
        status.tested(part, result, at)

    def elsewhere(name: str, result: CheckResult, at: float, data: Mapping[str, Json]) -> None:
        status.tested_elsewhere("authentications", name, result, at, data)
        status.secrets_found([])

    def marks() -> str:
        return "".join(row(status, part).mark[0] for part in (shop, other, PRODUCTS, ORDERS))

    for part in (shop, other, PRODUCTS, ORDERS):
        tested(part, failed, 80.0)
    assert marks() == "✘✘✘✘"
    elsewhere("a", accepted, 85.0, opened.data)
    assert marks() == "✔✘ ✘"
    tested(PRODUCTS, failed, 90.0)  # it fails for another reason
    tested(shop, accepted, 95.0)
    elsewhere("a", failed, 70.0, opened.data)
    assert marks() == "✔✘✘✘"
    elsewhere("b", accepted, 96.0, {**opened.data, "clients": {}})
    assert marks()[1] == " "  # other settings were tested, which were not saved


def test_what_was_not_tested_has_no_check_mark(tmp_path: Path) -> None:
    """And it does not hide what is missing."""
    path, status = tmp_path / "acme.toml", PartStatus()
    path.write_text(f'{PROFILE}[authentications.a]\nkind = "bearer"\ntoken = {{ env = "ACME_TOKEN" }}\n')
    status.read(open_profile(path))
    part = ProfilePart("authentications", "a", "")
    status.test_begins(part)
    status.tested(part, CheckResult("no client uses it", True, is_tested=False), 95.0)
    assert row(status, part).mark == ("–", "muted")
    assert "– no client uses it" in "\n".join(map(str, status.detail(part, 100.0, "", wide=False, width=80)))
    status.secrets_found([SecretState(("authentications", "a", "token"), "variable ACME_TOKEN is not set", False)])
    assert row(status, part).mark == ("✘", "error")


def test_problems_are_counted_at_their_part_also_those_in_an_environment(tmp_path: Path) -> None:
    path, status = tmp_path / "acme.toml", PartStatus()
    path.write_text(PROFILE.replace('client = "shop"\nrequest', 'clint = "shop"\nrequest', 1).replace("staging]", "s]"))
    path.write_text(path.read_text().replace('orders.client = "shop"', 'orders.client = "none"'))
    status.read(open_profile(path))
    status.runs = {"products": LastRun("products", False, "stopped", {}, 40.0)}
    found = row(status, PRODUCTS)
    assert (found.mark[0], found.problems, found.run) == ("✘", "2 problems", ("✘ 1 min", "error"))
    assert (row(status, ORDERS).mark[0], row(status, ORDERS).problems) == ("✘", "1 problem")
    status.runs = {"products": LastRun("products", False, UNREADABLE, {}, 40.0, reason="The ledger x is damaged")}
    detail = "\n".join(map(str, status.detail(PRODUCTS, 100.0, "", wide=False, width=80)))
    assert "Last run: ✘ unreadable: The ledger x is damaged" in detail


def test_a_short_result_of_a_run_leaves_the_summary_its_room() -> None:
    """Another row has the longest result, "✔ 5 min · changed", for which all would leave room."""
    part = ProfilePart("incoming", "orders", "GET orders · status eq complete · keyset · → orders.jsonl")
    line = part_line(part, RowStatus(run=("✔ 5 min", "success")), 11, 17, 80).plain
    assert line.rstrip().endswith("✔ 5 min")
    assert "GET orders · status eq complete · → orders.jsonl" in line
    assert len(line) <= 80


def test_a_refusal_without_a_remedy_has_no_line_for_it(tmp_path: Path) -> None:
    path, status = tmp_path / "acme.toml", PartStatus()
    path.write_text(PROFILE)
    status.read(open_profile(path))
    status.test_begins(PRODUCTS)
    status.tested(PRODUCTS, CheckResult("it", False, Finding("not-sendable", "It cannot be sent.")), 90.0)
    said = "\n".join(each.plain for each in status.detail(PRODUCTS, 100.0, "", wide=False, width=80))
    assert "It cannot be sent." in said
    assert not any(line.strip() == "→" for line in said.splitlines())


def test_a_part_that_is_probably_not_meant_as_it_is_has_no_check_mark(tmp_path: Path) -> None:
    path, status = tmp_path / "acme.toml", PartStatus()
    path.write_text(PROFILE.replace('products" }\n', 'products" }\nfilter = \'status == "complete"\'\n', 1))
    opened = open_profile(path)
    assert opened.profile is not None
    status.read(opened)
    for part in (PRODUCTS, ORDERS):
        status.test_begins(part)
        status.tested(part, CheckResult("it", True), 90.0)
    assert (row(status, PRODUCTS).mark[0], row(status, ORDERS).mark[0]) == ("!", "✔")
    said = "\n".join(each.plain for each in status.detail(PRODUCTS, 100.0, "", wide=False, width=80))
    assert "! line 9: filter: \"complete\" is a field here: did you mean status == 'complete'?  → a: Write" in said
    status.test_begins(PRODUCTS)
    status.tested(PRODUCTS, CheckResult("it", False), 95.0)
    assert row(status, PRODUCTS).mark[0] == "✘"


def test_the_key_that_runs_a_part_says_what_it_does() -> None:
    status, products = PartStatus(), ProfilePart("incoming", "products", "")
    assert status.next_run(products) == "Run"
    for state, code, key in (
        ("stopped", "stopped", "Resume"),
        ("refused", "http-401", "Resume"),
        ("stopped", "circle", "Run"),  # whose position leads back into it
        ("complete", "", "Run"),
        ("incomplete", "", "Run"),
        ("running", "", "Run"),
    ):
        status.runs = {"products": LastRun("products", False, state, {}, 40.0, code=code)}
        assert status.next_run(products) == key
    status.runs = {"products": LastRun("products", False, "stopped", {}, 40.0)}
    status.changed = {("incoming", "products")}
    assert status.next_run(products) == "Run"
    assert status.next_run(ProfilePart("outgoing", "stock", "")) == "Plan"
