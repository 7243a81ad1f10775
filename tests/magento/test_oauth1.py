"""Signing for Magento: the same signatures as its PHP, a nonce for every attempt, the right dialect found out."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from tui_connector.client.layer import Send
from tui_connector.client.message import InvalidRequest, Request, Response
from tui_connector.kinds import Kind
from tui_connector.machine import Directories, Machine, nonce
from tui_connector.magento.diagnosis import diagnose
from tui_connector.magento.dialects import DIALECTS, Dialect
from tui_connector.magento.oauth1 import KnownDialects, OAuth1, group_by_signed_text, refuses_signature
from tui_connector.sandbox.oauth_signature import UnsignableRequest, sign
from tui_connector.secrets.source import SecretSource

BASE = "https://shop.test/rest/all/V1/"
PLAIN = BASE + "modules"
DATED = (
    BASE + "orders?searchCriteria%5Bfilter_groups%5D%5B0%5D%5Bfilters%5D%5B0%5D%5Bvalue%5D=2024-01-01%2000%3A00%3A00"
)
SLASH = BASE + "products/AB%2F12"
GROUPS = BASE + "products?" + "&".join(f"searchCriteria%5Bfilter_groups%5D%5B{n}%5D=a%20b" for n in range(11))


SECRETS = {
    "key": "CANARYkey".ljust(32, "k"),
    "key-secret": "CANARYkeysecret",
    "token": "CANARYtoken".ljust(32, "t"),
    "token-secret": "CANARYtokensecret",
}
INVALID = {"message": "The signature is invalid. Verify and try again."}


class Context:
    """A session's part in signing: secrets and a clock."""

    def __init__(self, cache: Path) -> None:
        self.machine = Machine(
            Directories(cache, cache, cache, cache),
            {},
            now=lambda: datetime(2026, 1, 1, tzinfo=UTC),
            nonce=nonce,
        )
        self.origins: set[str] = set()

    async def secret(self, source: SecretSource, origin: str) -> str:
        self.origins.add(origin)
        return SECRETS[source.keyring or ""]

    @property
    def dialect(self) -> Dialect | None:
        """The dialect that is remembered for the store."""
        return KnownDialects(self.machine.directories.cache).find("https://shop.test")

    def received(self, secret: str, label: str) -> None:
        raise AssertionError("nothing is received")

    def client(self, name: str) -> Send:
        raise AssertionError("no other client is needed")

    def share(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        return asyncio.ensure_future(work)

    def keep(self, kind: Kind, make: Callable[[], Any], place: str = "") -> Any:
        return make()


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(tmp_path)


def remembered(cache: Path) -> list[Path]:
    return [each for each in cache.rglob("*") if each.is_file()]


class Store:
    """A store of one generation: it verifies signatures and refuses a nonce that it has seen."""

    def __init__(self, dialect: Dialect, refusal: Mapping[str, object] = INVALID, then: int = 200) -> None:
        self.dialect, self.refusal, self.then = dialect, refusal, then
        self.then_body: dict[str, object] = {}
        self.requests: list[Request] = []
        self.nonces: list[str] = []

    async def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        header = request.header("Authorization") or ""
        sent = {name: unquote(value) for name, value in re.findall(r'(oauth_\w+)="([^"]*)"', header)}
        used = sent["oauth_nonce"] in self.nonces
        self.nonces.append(sent["oauth_nonce"])
        claimed = sent.pop("oauth_signature")
        key = f"{SECRETS['key-secret']}&{SECRETS['token-secret']}"
        if used:
            return self.response(401, {"message": "The nonce is already being used by the consumer with ID %1"})
        try:
            valid = claimed == sign(self.dialect, request.method, request.uri, sent, key)
        except UnsignableRequest as error:
            return self.response(error.status, self.refusal)
        if not valid:
            return self.response(401, self.refusal)
        return self.response(self.then, self.then_body)

    def response(self, status: int, body: Mapping[str, object]) -> Response:
        headers = (("Content-Type", "application/json"),)
        return Response(status, headers, json.dumps(body).encode(), len(self.requests))


class Refusing(Store):
    """A store for which the secrets are wrong."""

    def __init__(self) -> None:
        super().__init__("laminas")

    async def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        return self.response(401, INVALID)


def authentication(**fields: object) -> OAuth1:
    names = {
        "consumer-key": {"keyring": "key"},
        "consumer-secret": {"keyring": "key-secret"},
        "access-token": {"keyring": "token"},
        "access-token-secret": {"keyring": "token-secret"},
    }
    return OAuth1.model_validate({"kind": "oauth1", **names, **fields})


class TestRequests:
    async def test_a_request_is_signed_in_its_header(self, context: Context) -> None:
        store = Store("laminas")
        layer = authentication().start(context)
        assert (await layer(Request("GET", PLAIN), store)).status == 200
        header = store.requests[0].header("Authorization") or ""
        assert header.startswith('OAuth oauth_consumer_key="CANARYkey')
        assert 'oauth_timestamp="1767225600"' in header
        assert 'oauth_signature_method="HMAC-SHA256"' in header
        assert "secret" not in header
        assert context.origins == {"https://shop.test"}

    async def test_each_attempt_has_a_nonce_of_its_own(self, context: Context) -> None:
        store = Store("laminas")
        layer = authentication().start(context)
        for _ in range(3):
            assert (await layer(Request("GET", PLAIN), store)).status == 200
        assert len(set(store.nonces)) == 3
        assert all(re.fullmatch("[A-Za-z0-9]{1,32}", one) for one in store.nonces)

    async def test_basic_for_the_web_server_stays_before_it(self, context: Context) -> None:
        store = Store("laminas")
        request = Request("GET", PLAIN, (("authorization", "Basic CANARYbasic"),))
        assert (await authentication().start(context)(request, store)).status == 200
        headers = [pair for pair in store.requests[0].headers if pair[0].lower() == "authorization"]
        assert len(headers) == 1
        assert headers[0][1].startswith('Basic CANARYbasic, OAuth oauth_consumer_key="')

    async def test_a_body_is_sent_and_not_signed(self, context: Context) -> None:
        store = Store("m248")
        layer = authentication(dialect="m248").start(context)
        assert (await layer(Request("POST", PLAIN, body=b'{"product":{}}'), store)).status == 200
        assert store.requests[0].body == b'{"product":{}}'


class TestDialects:
    @pytest.mark.parametrize("dialect", DIALECTS)
    async def test_a_configured_dialect_is_used(self, context: Context, dialect: Dialect) -> None:
        store = Store(dialect)
        layer = authentication(dialect=dialect).start(context)
        for uri in (PLAIN, DATED, SLASH, GROUPS):
            assert (await layer(Request("GET", uri), store)).status == 200
        assert len(store.requests) == 4
        assert context.dialect is None

    async def test_no_dialect_is_tried_if_all_sign_alike(self, context: Context) -> None:
        store = Refusing()
        assert (await authentication().start(context)(Request("GET", PLAIN), store)).status == 401
        assert len(store.requests) == 1

    async def test_248_is_found_out_by_the_first_request_that_matters(self, context: Context) -> None:
        store = Store("m248")
        layer = authentication().start(context)
        await layer(Request("GET", PLAIN), store)
        assert (await layer(Request("GET", GROUPS), store)).status == 200
        assert context.dialect == "m248"
        assert len(store.requests) == 3
        assert len(set(store.nonces)) == 3
        for uri in (GROUPS, SLASH):
            assert (await layer(Request("GET", uri), store)).status == 200
        assert len(store.requests) == 5

    async def test_an_ambiguous_dialect_is_not_saved(self, context: Context) -> None:
        store = Store("rfc5849")
        layer = authentication().start(context)
        assert (await layer(Request("GET", SLASH), store)).status == 200  # rfc5849 and m248 sign this alike
        assert len(store.requests) == 2
        assert context.dialect is None
        assert (await layer(Request("GET", GROUPS), store)).status == 200
        assert context.dialect == "rfc5849"

    async def test_the_usual_dialect_needs_no_second_request(self, context: Context) -> None:
        store = Store("laminas")
        layer = authentication().start(context)
        for uri in (SLASH, GROUPS):
            assert (await layer(Request("GET", uri), store)).status == 200
        assert len(store.requests) == 2

    async def test_a_translated_refusal_is_understood(self, context: Context) -> None:
        store = Store("m248", refusal={"message": "Podpis jest nieprawidłowy. Sprawdź i spróbuj ponownie."})
        assert (await authentication().start(context)(Request("GET", GROUPS), store)).status == 200

    @pytest.mark.parametrize(
        "refusal",
        [
            {"message": "The consumer isn't authorized to access %resources.", "parameters": {"resources": "x"}},
            {"message": "Specified token does not exist"},
            {"message": "A consumer having the specified key does not exist"},
            {"messages": {"error": []}},
        ],
    )
    async def test_another_refusal_is_not_answered_with_other_signatures(
        self, context: Context, refusal: dict[str, object]
    ) -> None:
        store = Store("m248", refusal=refusal)
        assert (await authentication().start(context)(Request("GET", GROUPS), store)).status == 401
        assert len(store.requests) == 1

    async def test_wrong_secrets_end_after_each_signature_was_tried_once(self, context: Context) -> None:
        store = Refusing()
        request = Request("GET", SLASH + "?" + urlsplit(GROUPS).query)
        assert (await authentication().start(context)(request, store)).status == 401
        assert len(store.requests) == 3
        assert context.dialect is None

    @pytest.mark.parametrize("status", [429, 500, 503])
    async def test_a_response_that_proves_nothing_changes_nothing(self, context: Context, status: int) -> None:
        store = Store("m248", then=status)
        layer = authentication().start(context)
        assert (await layer(Request("GET", GROUPS), store)).status == status
        assert context.dialect is None

    async def test_the_next_process_knows_the_dialect(self, context: Context, tmp_path: Path) -> None:
        store = Store("m248")
        await authentication().start(context)(Request("GET", GROUPS), store)
        assert len(store.requests) == 2
        for uri in (GROUPS, SLASH):
            later = authentication().start(Context(tmp_path))
            assert (await later(Request("GET", uri), store)).status == 200
        assert len(store.requests) == 4

    async def test_the_dialect_is_remembered_for_that_store_only(self, context: Context, tmp_path: Path) -> None:
        store, other = Store("m248"), Store("laminas")
        await authentication().start(context)(Request("GET", GROUPS), store)
        elsewhere = Request("GET", GROUPS.replace("shop.test", "other.test"))
        assert (await authentication().start(Context(tmp_path))(elsewhere, other)).status == 200
        assert len(other.requests) == 1

    async def test_a_store_that_was_upgraded_is_learned_again(self, context: Context, tmp_path: Path) -> None:
        old, new = Store("rfc5849"), Store("m248")
        await authentication().start(context)(Request("GET", SLASH + "?" + urlsplit(GROUPS).query), old)
        for _ in range(2):
            layer = authentication().start(Context(tmp_path))
            assert (await layer(Request("GET", GROUPS), new)).status == 200
        assert len(new.requests) <= 4
        assert KnownDialects(tmp_path).find("https://shop.test") == "m248"

    async def test_one_layer_learns_each_store_by_itself(self, context: Context) -> None:
        layer = authentication().start(context)
        first, second = Store("m248"), Store("laminas")
        await layer(Request("GET", GROUPS), first)
        assert (await layer(Request("GET", GROUPS.replace("shop.test", "other.test")), second)).status == 200
        assert len(second.requests) == 1

    @pytest.mark.parametrize("status", [404, 400])
    async def test_a_refusal_that_comes_after_the_signature_teaches_too(self, context: Context, status: int) -> None:
        store = Store("m248", then=status)
        store.then_body = {"message": "The product that was requested doesn't exist."}
        assert (await authentication().start(context)(Request("GET", GROUPS), store)).status == status
        assert context.dialect == "m248"

    async def test_the_dialect_file_is_private_and_has_no_secret(self, context: Context, tmp_path: Path) -> None:
        await authentication().start(context)(Request("GET", GROUPS), Store("m248"))
        (file,) = remembered(tmp_path)
        assert file.stat().st_mode & 0o077 == 0
        assert file.parent.stat().st_mode & 0o077 == 0
        assert json.loads(file.read_text()) == {"origin": "https://shop.test", "dialect": "m248"}

    @pytest.mark.parametrize(
        "content", [b"", b"{", b"[]", b'{"dialect": "md5"}', b'{"origin": "https://shop.test", "dialect": 7}', b"\xff"]
    )
    async def test_a_broken_dialect_file_is_ignored(self, context: Context, tmp_path: Path, content: bytes) -> None:
        KnownDialects(tmp_path).keep("https://shop.test", "laminas")
        (file,) = remembered(tmp_path)
        file.write_bytes(content)
        assert (await authentication().start(context)(Request("GET", GROUPS), Store("m248"))).status == 200
        assert KnownDialects(tmp_path).find("https://shop.test") == "m248"

    async def test_without_a_writable_cache_the_dialect_is_learned_each_time(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("in the way")
        for _ in range(2):
            store, context = Store("m248"), Context(tmp_path / "file")
            assert (await authentication().start(context)(Request("GET", GROUPS), store)).status == 200
            assert len(store.requests) == 2

    def test_dialects_that_sign_alike_are_one_choice(self) -> None:
        assert group_by_signed_text(Request("GET", PLAIN), DIALECTS) == [("rfc5849", "laminas", "m248")]
        assert group_by_signed_text(Request("GET", DATED), DIALECTS) == [("rfc5849", "laminas", "m248")]
        assert group_by_signed_text(Request("GET", GROUPS), DIALECTS) == [("rfc5849", "laminas"), ("m248",)]
        assert group_by_signed_text(Request("GET", SLASH), DIALECTS) == [("rfc5849", "m248"), ("laminas",)]

    @pytest.mark.parametrize("query", ["x=1&x%5Ba%5D=2", "x=1&x%5B%5D=2&fields=sku", "7=1"])
    async def test_a_request_that_248_always_refuses_is_not_sent_to_it(self, context: Context, query: str) -> None:
        store = Store("m248")
        with pytest.raises(InvalidRequest, match=r"2\.4\.8 refuses this request however it is signed"):
            await authentication(dialect="m248").start(context)(Request("GET", f"{BASE}products?{query}"), store)
        assert store.requests == []

    @pytest.mark.parametrize("dialect", ["laminas", "rfc5849"])
    async def test_a_request_that_248_always_refuses_is_sent_to_other_versions(
        self, context: Context, dialect: Dialect
    ) -> None:
        store = Store(dialect)
        request = Request("GET", f"{BASE}products?x=1&x%5Ba%5D=2")
        assert (await authentication().start(context)(request, store)).status == 200

    async def test_where_the_version_is_unknown_its_refusal_names_the_parameter(self, context: Context) -> None:
        store, request = Store("m248"), Request("GET", f"{BASE}products?x=1&x%5Ba%5D=2")
        response = await authentication().start(context)(request, store)
        assert response.status == 401
        finding = diagnose(request, response, "oauth1")
        assert finding is not None
        assert finding.id == "oauth-dialect"
        assert "'x' has a value of its own" in finding.remedy

    @pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'"x"', b"\xff", b"[" * 100_000, b'{"message": 1}'])
    def test_other_401_responses_are_not_signature_refusals(self, body: bytes) -> None:
        assert not refuses_signature(Response(401, (), body, 1))


class TestProfile:
    def test_the_profile_contains_no_secret(self) -> None:
        written = authentication().model_dump(by_alias=True, exclude_defaults=True)
        assert written["consumer-key"] == {"keyring": "key"}
        assert "CANARY" not in repr(authentication())

    def test_its_form_has_titles_and_says_where_to_look(self) -> None:
        schema = OAuth1.model_json_schema()
        assert schema["title"] == "Integration, 4 tokens (signed, OAuth 1.0a)"
        titles = [schema["properties"][name]["title"] for name in schema["required"] if name != "kind"]
        assert titles == ["Consumer key", "Consumer secret", "Access token", "Access token secret"]
        assert all(schema["properties"][name]["description"] for name in schema["required"] if name != "kind")
        assert schema["properties"]["dialect"]["title"] == "Signing dialect"
