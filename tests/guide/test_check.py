"""Each thing that can be wrong with a connection: what `check` finds, how it knows, and that the remedy helps."""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from faults import BEARER, CASES, WEB, Setting, reading
from faulty_stores import (
    in_front_of,
)
from http_server import Received, reply, serving
from profiles import FOUR, PASSWORD, TOKEN, bearer, login, profile, signed

from tui_connector.client.message import Request
from tui_connector.guide.checks.check import CheckReport, CheckResult, check, check_authentication, check_part
from tui_connector.guide.checks.run_findings import explainer
from tui_connector.guide.steps.summaries import ProfilePart
from tui_connector.guide.workbench import Workbench
from tui_connector.log.records import line, read_line
from tui_connector.machine import Directories, Machine
from tui_connector.magento.diagnosis import Finding, diagnose_exchange
from tui_connector.magento.diagnosis.probes import MAX_PROBES
from tui_connector.profile.model import Profile
from tui_connector.profile.problems import check_data
from tui_connector.sandbox.server import Sandbox, SandboxOptions
from tui_connector.secrets.mask import Mask


def saved(setting: Setting, address: str) -> Profile:
    kinds = {"oauth1": signed(), "bearer": bearer(), "request": login(setting.username)}
    authentication = {**kinds[setting.way], **setting.more} if setting.way else None
    client: dict[str, Any] = {
        "plugins": [{"kind": "base-uri", "uri": f"{address}{setting.path}"}, {"kind": "content-type"}]
    }
    data: dict[str, Any] = {"format": 1, "name": "Shop", "clients": {"shop": client}, **setting.parts}
    if authentication:
        client["authentications"] = ["a"]
        data["authentications"] = {"a": authentication}
    if setting.in_front:
        client["authentications"].insert(0, "web")
        data["authentications"]["web"] = {"kind": "basic", "username": "staging", "password": {"keyring": WEB}}
    found, problems = check_data(data)
    assert found is not None, problems
    return found


def hold(bench: Workbench, setting: Setting, sandbox: Sandbox, origin: str) -> None:
    described: Any = sandbox.description()
    four = described["integrations"][setting.integration]
    given = {name: four[name.replace("-", "_")] for name in FOUR} | {"password": described["admin"]["password"]}
    bench.vault.hold(WEB, "web-CANARY", origin)
    given |= {"token": four["access_token"]} | setting.secrets
    for name, value in given.items():
        if value.startswith("other:"):
            value = described["integrations"]["catalog"][value.removeprefix("other:")]
        place = {"password": PASSWORD, "token": TOKEN}.get(name) or FOUR[name]
        if name != ("access-token" if setting.way == "bearer" else "token"):  # one entry for both
            bench.vault.hold(place, value, origin)


async def checked(setting: Setting, directory: Path, sandbox: Sandbox) -> CheckReport:
    """What `check` reports of this setting."""
    directories = Directories(directory, directory / "state", directory, directory)
    machine = Machine(directories, {}, now=lambda: datetime.now(UTC) + setting.fast)
    bench = Workbench(machine)
    async with in_front_of(sandbox.url, setting.fault, setting.change) as address:
        hold(bench, setting, sandbox, address)
        profile = saved(setting, address)
        report = CheckReport()
        async with bench.session(profile) as session:
            async for tried in check(profile, session, bench.run()):
                report.results.append(tried)
    bench.close()
    return report


async def run(setting: Setting, directory: Path) -> tuple[CheckReport, Sandbox]:
    async with Sandbox(SandboxOptions(products=20, settings=setting.store), lambda: datetime.now(UTC)) as sandbox:
        return await checked(setting, directory, sandbox), sandbox


ALIKE = (
    ("a proxy hides the port", "wrong consumer secret", "wrong token secret"),
    ("the header of a signed request is lost", "inactive"),
    ("the header is lost", "bearer switched off"),
)
"""Causes with the same response."""

COUNTED: dict[str, int] = {}
LOCKED: list[str] = []


@pytest.mark.parametrize("case", CASES)
async def test_what_is_wrong_is_found_and_the_remedy_helps(case: str, tmp_path: Path) -> None:
    expected = CASES[case]
    report, sandbox = await run(Setting(**expected.wrong), tmp_path / "wrong")
    assert not report.ok
    (finding,) = report.findings
    assert finding.id == expected.finding
    assert expected.words in finding.remedy
    assert finding.evidence
    assert all("#" in line for line in finding.evidence)
    assert (finding.fix.target if finding.fix else "") == expected.fix
    probes = sum(tried.probes for tried in report.results)
    assert probes <= MAX_PROBES
    journal = sandbox.journal()
    logins = [entry for entry in journal if "/token" in str(entry["path"]) or "/authenticate" in str(entry["path"])]
    assert len(logins) <= 1
    assert {entry["method"] for entry in journal if entry not in logins} <= {"GET", "HEAD"}
    COUNTED[case] = probes
    assert not sandbox.locked()
    LOCKED.extend(sandbox.locked())
    mended, sandbox = await run(Setting(**expected.mended), tmp_path / "mended")
    assert mended.ok, mended.findings
    LOCKED.extend(sandbox.locked())


@pytest.mark.parametrize("causes", ALIKE)
async def test_a_run_asserts_no_cause_that_only_probes_can_tell_from_others(
    causes: tuple[str, ...], tmp_path: Path
) -> None:
    """A proxy that hides the port is not a wrong secret: the run that was refused says that it may be either."""
    explained = set()
    for number, cause in enumerate(causes):
        setting = Setting(**CASES[cause].wrong, **reading("products"))
        directory = tmp_path / str(number)
        machine = Machine(Directories(directory, directory / "state", directory, directory), {})
        bench = Workbench(machine)
        async with (
            Sandbox(SandboxOptions(products=20, settings=setting.store), lambda: datetime.now(UTC)) as sandbox,
            in_front_of(sandbox.url, setting.fault, setting.change) as address,
        ):
            hold(bench, setting, sandbox, address)
            profile = saved(setting, address)
            for uri in ("modules", "products"):
                async with bench.session(profile) as session:
                    response = await session.client("shop")(Request("GET", uri))
                explained.add((uri, explainer(profile, "shop")(Request("GET", uri), response)))
            async with bench.session(profile) as session:
                tested = await check_part(profile, session, ProfilePart("incoming", "products", ""), bench.run())
        bench.close()
        assert tested.finding is not None
        assert tested.finding.id == CASES[cause].finding
    assert len(explained) == 2
    for _, words in explained:
        assert words is not None
        assert "run `check` on the profile, to find out" in words[1]


def jwt(**claims: object) -> str:
    head, body = (urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({}, claims))
    return f"{head}.{body}.CANARY"


@pytest.mark.parametrize(
    ("token", "found"),
    [
        ("CANARY", "token-malformed"),
        ("CANARY" * 10, "token-malformed"),
        (jwt(utypid=2, exp=1), "token-expired"),
        (jwt(utypid=3, exp=2**40), "customer-token"),
    ],
)
async def test_the_log_explains_a_refused_token_as_the_check_does(token: str, found: str, machine: Machine) -> None:
    """Live, and from the history, though neither has the token."""
    setting, bench = Setting(way="bearer", secrets={"token": token}), Workbench(machine)
    async with Sandbox(SandboxOptions(products=1), lambda: datetime.now(UTC)) as sandbox:
        hold(bench, setting, sandbox, sandbox.url)
        profile = saved(setting, sandbox.url)
        async with bench.session(profile) as session:
            tried = await check_authentication(profile, session, "shop")
    bench.close()
    assert tried.finding is not None
    assert tried.finding.id == found
    asked = next(each for each in bench.exchanges if each.uri.endswith("/modules"))
    recorded = line(asked, bodies="requests")
    assert token.encode() not in recorded
    for each in (asked, read_line(line(asked), Mask())):
        explained = diagnose_exchange(each)
        assert explained is not None
        assert (explained.id, explained.summary, explained.remedy) == (
            (tried.finding.id, tried.finding.summary, tried.finding.remedy)
        )


def test_no_probe_was_wasted_and_no_account_locked(capsys: pytest.CaptureFixture[str]) -> None:
    """Of the cases that have run: each of them checks itself, and their figures are told together."""
    assert not LOCKED
    assert max(COUNTED.values(), default=0) <= 6
    with capsys.disabled():
        print(
            f"\n{len(COUNTED)} of {len(CASES)} faults found and mended; probes: {sum(COUNTED.values())} in all, "
            f"{max(COUNTED.values(), default=0)} at most; users locked out: {len(LOCKED)}"
        )


def test_the_report_as_json_has_the_agreed_shape() -> None:
    report = CheckReport()
    assert report.as_json() == {"ok": True, "findings": [], "warnings": []}
    report.results.append(CheckResult("client", False, Finding("x", "wrong", ("#1 GET /",), "mend it", "field")))
    wrong = {"id": "x", "summary": "wrong", "evidence": ["#1 GET /"], "remedy": "mend it"}
    assert report.as_json() == {"ok": False, "findings": [wrong], "warnings": []}


@pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b"", b'{"status":"ok"}'])
async def test_json_of_another_server_is_not_a_store(machine: Machine, body: bytes) -> None:
    async def response(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(reply("200 OK", body))

    bench = Workbench(machine)
    async with serving(response) as shop:
        saved = profile(f"{shop.url}/rest/V1", None)
        async with bench.session(saved) as session:
            (tried,) = [each async for each in check(saved, session, bench.run())]
    bench.close()
    assert tried.finding is not None
    assert tried.finding.id == "not-rest"


@pytest.mark.parametrize(
    ("setting", "finding", "words"),
    [
        ({"integration": "catalog"}, "permission-missing", "Magento_Sales::actions_view"),
        (
            {"integration": "catalog", "way": "bearer", "store": {BEARER: "1"}},
            "permission-missing",
            "Magento_Sales::actions_view",
        ),
        ({"integration": "inactive"}, "integration-inactive", ""),
        ({"way": "bearer", "store": {BEARER: "1"}, "secrets": {"token": "x" * 32}}, "bearer-refused", ""),
        ({"way": "bearer"}, "bearer-refused", ""),
    ],
)
async def test_a_part_tested_alone_distinguishes_missing_permission_from_wrong_credentials(
    setting: dict[str, Any], finding: str, words: str, tmp_path: Path
) -> None:
    given = Setting(**setting, **reading("orders"))
    bench = Workbench(Machine(Directories(tmp_path, tmp_path / "state", tmp_path, tmp_path), {}))
    async with Sandbox(SandboxOptions(products=2, settings=given.store), lambda: datetime.now(UTC)) as sandbox:
        hold(bench, given, sandbox, sandbox.url)
        profile = saved(given, sandbox.url)
        async with bench.session(profile) as session:
            tried = await check_part(profile, session, ProfilePart("incoming", "orders", ""), bench.run())
    bench.close()
    assert tried.finding is not None
    assert tried.finding.id == finding
    assert words in tried.finding.summary


CODES = "twofactorauth/general/enable"
APP = "shop/admin/totp"


async def logged_in_with_code(store: dict[str, str], directory: Path, app: str = "") -> CheckReport:
    """What `check` reports of a login with a code that is made from the app's secret."""
    bench = Workbench(Machine(Directories(directory, directory / "state", directory, directory), {}))
    async with Sandbox(SandboxOptions(products=2, settings=store), lambda: datetime.now(UTC)) as sandbox:
        described: Any = sandbox.description()
        bench.vault.hold(PASSWORD, described["admin"]["password"], sandbox.url)
        bench.vault.hold(APP, app or described["admin"]["totp_secret"], sandbox.url)
        parameters = {
            "username": "admin",
            "password": {"keyring": PASSWORD},
            "otp": {"totp": {"keyring": APP}},
        }
        uri = "/rest/V1/tfa/provider/google/authenticate"
        profile_ = profile(f"{sandbox.url}/rest/V1", {"kind": "request", "uri": uri, "parameters": parameters})
        report = CheckReport()
        async with bench.session(profile_) as session:
            async for tried in check(profile_, session, bench.run()):
                report.results.append(tried)
    bench.close()
    return report


async def test_a_store_that_no_longer_requires_codes_is_reported_with_a_fix(tmp_path: Path) -> None:
    assert (await logged_in_with_code({CODES: "1"}, tmp_path / "on")).ok
    (finding,) = (await logged_in_with_code({}, tmp_path / "off")).findings
    assert finding.id == "two-factor-off"
    assert "/integration/admin/token" in finding.remedy
    assert finding.fix is not None
    assert (finding.fix.target, finding.fix.value) == ("one-time-code", "")


async def test_a_wrong_app_secret_is_not_reported_as_a_wrong_code(tmp_path: Path) -> None:
    (finding,) = (await logged_in_with_code({CODES: "1"}, tmp_path, "JBSWY3DPEHPK3PXP")).findings
    assert finding.id == "totp-secret-wrong"
    assert "Compare the secret" in finding.remedy
    assert "Type the code" not in finding.remedy


FORBIDDEN = reply("403 Forbidden", b"<html><title>403 Forbidden</title><hr>nginx").replace(
    b"application/json", b"text/html"
)
UNAUTHORIZED = reply("401 Unauthorized", b'{"message":"Unauthorized"}')


def denying_modules(request: Received) -> bytes:
    return FORBIDDEN if b"/V1/modules" in request.head else request.head


def requiring_authorization(request: Received) -> bytes:
    return request.head if b"\nauthorization:" in request.head.lower() else UNAUTHORIZED


async def test_a_store_that_forbids_its_list_of_modules_is_checked_by_an_incoming(tmp_path: Path) -> None:
    report, _ = await run(
        Setting(way="bearer", store={BEARER: "1"}, fault=denying_modules, **reading("products")), tmp_path
    )
    assert report.ok
    assert [f"{each.mark} {each.summary}" for each in report.results] == [
        "✔ client shop: store reachable",
        "– client shop: authentication not tested (403 at modules, but the incoming products can be read)",
        "✔ incoming products: 3 of 20 items read",
    ]


async def test_a_gateway_that_requires_authentication_everywhere_is_passed_by_an_incoming(tmp_path: Path) -> None:
    setting = Setting(way="bearer", store={BEARER: "1"}, fault=requiring_authorization, **reading("products"))
    report, _ = await run(setting, tmp_path)
    assert report.ok
    assert [f"{each.mark} {each.summary}" for each in report.results] == [
        "✔ client shop: store reachable",
        "✔ client shop: authenticated",
        "✔ incoming products: 3 of 20 items read",
    ]


@pytest.mark.parametrize("fault", [denying_modules, requiring_authorization])
async def test_a_token_without_permission_is_still_refused_there(fault: Any, tmp_path: Path) -> None:
    wrong = {"token": "wrong-CANARY-token"}
    setting = Setting(way="bearer", store={BEARER: "1"}, fault=fault, secrets=wrong, **reading("products"))
    report, _ = await run(setting, tmp_path)
    assert not report.ok
