"""A secret that was entered for one address counts as given only where it would be sent, on every screen."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from profiles import admin, full, logins

from tui_connector.client.message import LoginRefused, Request, SecretNotEntered
from tui_connector.guide.profiles.overview import read_overview
from tui_connector.guide.secret_sources import secret_origins, sources
from tui_connector.guide.secret_states import secret_states
from tui_connector.guide.trust import ProfileTrust
from tui_connector.guide.workbench import Workbench
from tui_connector.machine import Machine, NoPrompt
from tui_connector.profile.problems import read_profile
from tui_connector.profile.used_parts import used_of
from tui_connector.sandbox.server import Sandbox, SandboxOptions

PROFILE = """\
format = 1
name = "Acme"

[authentications.shop]
kind = "bearer"
token = { env = "ACME_TOKEN" }

[authentications.admin]
kind = "request"
uri = "https://login.example/token"
method = "post"
parameters = { password = { env = "ADMIN_PASSWORD" } }
client = "default"
header = "Authorization"
template = "Bearer &{@[0]}"

[authentications.unused]
kind = "bearer"
token = { env = "UNUSED_TOKEN" }

[clients.magento]
authentications = ["shop"]
proxy = { uri = "http://proxy.example:3128", username = "me", password = { env = "PROXY_PASSWORD" } }
tls = { client-certificate = "me.pem", client-key-password = { env = "KEY_PASSWORD" } }
plugins = [{ kind = "base-uri", uri = "https://acme.example/rest/V1" }]

[clients.back-office]
authentications = ["admin"]

[clients.staging]
authentications = ["shop"]
plugins = [{ kind = "base-uri", uri = "https://staging.example:8443/rest/V1" }]
"""


@pytest.fixture
def path(machine: Machine) -> Path:
    found = machine.directories.profiles / "acme.toml"
    found.parent.mkdir(parents=True)
    found.write_text(PROFILE)
    return found


def test_lists_find_the_same_destinations_as_the_model(path: Path) -> None:
    document, profile = read_profile(path)
    modelled = {secret.path: secret.origins for secret in profile.secrets()}
    assert {place: secret_origins(document.draft, place) for place, _ in sources(document.draft)} == modelled
    assert modelled["authentications", "shop", "token"] == ("https://acme.example", "https://staging.example:8443")


@pytest.mark.parametrize("uri", ["", "direct", "https://", "http://[", "https://a:0/x", 7, None, [], {"a": 1}])
def test_an_invalid_profile_has_no_destination_but_fails_nowhere(uri: Any) -> None:
    plugins = [{"kind": "base-uri", "uri": uri}, 3]
    part = {"proxy": {"uri": uri, "password": {"env": "A"}}, "plugins": plugins, "authentications": uri}
    data: Any = {"clients": {"x": part, "y": uri}, "authentications": {"x": {"uri": uri, "token": {"env": "A"}}}}
    found = [*sources(data)]
    assert len(found) == 2
    assert not any(secret_origins(data, place) for place, _ in found)


@pytest.mark.parametrize(
    ("origin", "is_given"),
    [("https://acme.example", True), ("https://other.example", False), ("http://acme.example", False), ("", True)],
)
async def test_it_is_compared_with_the_address(origin: str, is_given: bool, path: Path, machine: Machine) -> None:
    others = dict.fromkeys(("ADMIN_PASSWORD", "PROXY_PASSWORD", "KEY_PASSWORD", "UNUSED_TOKEN"), "CANARY")
    machine = replace(machine, environ={**machine.environ, **others})
    machine.typed.keep(path, "env:ACME_TOKEN", origin, "CANARY-token")
    typed = partial(machine.typed.has, path)
    home = read_overview(path, machine.environ, typed, lambda _: False)
    assert home.unset == (not is_given)
    document, profile = read_profile(path)
    bench = Workbench(machine, trust=ProfileTrust(machine, path))
    states = await secret_states(document.draft, bench.vault, machine.environ, typed)
    assert [state.ok for state in states if "ACME_TOKEN" in state.text] == [is_given]
    needed = used_of(profile, [("clients", "magento")]).secrets()
    missing = [each.source.env for each in needed if await bench.vault.missing(each.source, each.origins)]
    assert missing == ([] if is_given else ["ACME_TOKEN"])
    bench.close()


FOUR_TOKENS = """\
format = 1
name = "Acme"
authentications.shop.kind = "oauth1"
authentications.shop.consumer-key = { env = "KEY" }
authentications.shop.consumer-secret = { env = "SECRET" }
authentications.shop.access-token = { keyring = "acme/token" }
authentications.shop.access-token-secret = { ask = true }
authentications.also.kind = "header"
authentications.also.header = "X-Key"
authentications.also.value = { env = "KEY" }
clients.magento.authentications = ["shop", "also"]
clients.magento.proxy = { uri = "http://proxy.example:3128", username = "me", password = { env = "PROXY" } }
clients.magento.plugins = [{ kind = "base-uri", uri = "https://acme.example/rest/V1" }]
environments.staging.clients.magento.plugins.base-uri.uri = "https://staging.example/rest/V1"
environments.staging.authentications.shop.consumer-key = { env = "KEY" }
environments.staging.authentications.shop.consumer-secret = { env = "SECRET" }
environments.staging.authentications.also.value = { env = "KEY" }
"""


@pytest.fixture
def with_four_tokens(path: Path) -> Path:
    path.write_text(FOUR_TOKENS)
    return path


class Answers(NoPrompt):
    """Enters a value for each secret that is missing."""

    def __init__(self) -> None:
        self.questions: list[str] = []
        self.notes: list[str] = []
        self.value = "CANARY-typed"
        self.closes = False

    async def missing_secret(self, question: str) -> str:
        self.questions.append(question)
        return self.value

    async def another_secret(self, question: str) -> str | None:
        self.questions.append(question)
        return None if self.closes else self.value

    def notify(self, message: str) -> None:
        self.notes.append(message)


LOGIN = """\
format = 1
name = "Acme"
authentications.admin.kind = "request"
authentications.admin.parameters = { username = "admin", password = PASSWORD }
clients.default.plugins = [{ kind = "base-uri", uri = "URL/rest/V1" }]
clients.magento.authentications = ["admin"]
clients.magento.plugins = [{ kind = "base-uri", uri = "URL/rest/V1" }]
"""


BEARER = """\
format = 1
name = "Acme"
authentications.shop = { kind = "bearer", token = TOKEN }
clients.magento.authentications = ["shop"]
clients.magento.plugins = [{ kind = "base-uri", uri = "URL/rest/V1" }]
"""


def write_profile(path: Path, text: str, url: str, **sources: str) -> None:
    for name, source in {**sources, "URL": url}.items():
        text = text.replace(name, source)
    path.write_text(text)


@pytest.mark.parametrize("password", ['{ env = "ADMIN_PASSWORD" }', "{ ask = true }"])
async def test_a_refused_login_asks_for_what_was_typed_and_sends_it_only_if_it_is_another(
    password: str, path: Path, machine: Machine, sandbox: Sandbox
) -> None:
    write_profile(path, LOGIN, sandbox.url, PASSWORD=password)
    answers = Answers()
    machine = replace(machine, environ={}, prompt=answers)
    profile = read_profile(path)[1]
    bench = Workbench(machine, trust=ProfileTrust(machine, path, once=True))

    async def attempt(value: str) -> str:
        """The hint of a refusal, or "": where the password is asked for, it is this one."""
        answers.value = value
        try:
            async with bench.session(profile, parts=[("clients", "magento")]) as session:
                await session.client("magento")(Request("GET", "modules"))
        except LoginRefused as refused:
            return refused.hint
        return ""

    for asked in (1, 2):
        assert "The next run (r), test (t) or request (x) asks for the password again." in await attempt("CANARY-wrong")
        assert (len(answers.questions), logins(sandbox)) == (asked, 1)
    for _ in range(2):
        assert await attempt(admin(sandbox)["password"]) == ""
        assert (len(answers.questions), logins(sandbox)) == (3, 2)
    bench.close()


@pytest.mark.parametrize("token", ['{ env = "ACME_TOKEN" }', "{ ask = true }"])
async def test_a_refused_token_is_asked_for_until_the_store_accepts_one(
    token: str, path: Path, machine: Machine
) -> None:
    answers = Answers()
    machine = replace(machine, environ={}, prompt=answers)
    bearer = {"oauth/consumer/enable_integration_as_bearer": "1"}
    async with Sandbox(SandboxOptions(products=1, settings=bearer), machine.now) as sandbox:
        write_profile(path, BEARER, sandbox.url, TOKEN=token)
        profile = read_profile(path)[1]
        bench = Workbench(machine, trust=ProfileTrust(machine, path, once=True))

        async def statuses(value: str) -> list[int]:
            """Of a list of products and of orders; where the token is asked for, it is this one."""
            answers.value = value
            async with bench.session(profile, parts=[("clients", "magento")]) as session:
                send = session.client("magento")
                return [
                    (await send(Request("GET", f"{each}?searchCriteria[pageSize]=1"))).status
                    for each in ("products", "orders")
                ]

        for asked in (1, 2):
            assert await statuses("CANARY-wrong") == [401, 401]
            assert (len(answers.questions), len(answers.notes)) == (asked, asked)
        assert "Enter alone sends it again" in answers.questions[-1]
        refused = len(sandbox.journal())
        answers.closes = True
        with pytest.raises(SecretNotEntered):  # neither is wanted
            await statuses("")
        assert len(sandbox.journal()) == refused
        answers.closes = False
        assert await statuses("") == [401, 401]  # with what was typed before
        del answers.questions[2:], answers.notes[2:]
        assert "The next run (r), test (t) or request (x) asks again." in answers.notes[0]
        for _ in range(2):  # what lacks a permission was typed correctly
            assert await statuses(full(sandbox, "catalog")["access-token"]) == [200, 401]
            assert (len(answers.questions), len(answers.notes)) == (3, 2)
        bench.close()


async def test_each_prompt_says_which_secret_it_is_for(with_four_tokens: Path, machine: Machine) -> None:
    path = with_four_tokens
    answers = Answers()
    machine = replace(machine, environ={}, prompt=answers)
    profile = read_profile(path, "staging")[1]
    bench = Workbench(machine, trust=ProfileTrust(machine, path))
    await bench.enter_missing(used_of(profile, [("clients", "magento")]).secrets())
    bench.close()
    lines = [question.splitlines() for question in answers.questions]
    assert [line[0] for line in lines] == [
        "Consumer key of authentication shop, environment staging (1 of 5)",
        "Consumer secret of authentication shop, environment staging (2 of 5)",
        "Access token of authentication shop, environment staging (3 of 5)",
        "Access token secret of authentication shop, environment staging (4 of 5)",
        "Password of the proxy of client magento, environment staging (5 of 5)",
    ]
    assert lines[0][1:] == [
        "The environment variable KEY is not set.",
        "Its value for https://staging.example, for this session:",
    ]
    assert lines[3][1:] == ["Its value for https://staging.example, for this session:"]
    assert "CANARY" not in "".join(answers.questions)
