"""What the options of curl become, and the notes about those that have no counterpart."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tui_connector.profile.importers.detection import read
from tui_connector.profile.importers.model import Import, ImportOptions, InvalidImport

URL = "https://acme.example/rest/all/V1/store/websites"


def imported(options: str, url: str = URL) -> Import:
    return read(f"curl {options} {url}", ImportOptions())


def client_of(found: Import) -> dict[str, Any]:
    [client] = found.parts["clients"].values()
    assert isinstance(client, dict)
    return client


def told(found: Import) -> str:
    return "\n".join(map(str, found.not_imported))


BASIC = base64.b64encode(b"web:CANARY").decode()


@pytest.mark.parametrize(
    ("options", "authentication", "secrets"),
    [
        ("-u web:CANARY", {"kind": "basic", "username": "web"}, ["CANARY"]),
        (f"-H 'Authorization: Basic {BASIC}'", {"kind": "basic", "username": "web"}, ["CANARY"]),
        ("-H 'authorization: bearer CANARY'", {"kind": "bearer"}, ["CANARY"]),
        ("--oauth2-bearer CANARY", {"kind": "bearer"}, ["CANARY"]),
        ("-H 'Authorization: Bearer $TOKEN'", {"kind": "bearer"}, ["$TOKEN"]),
        ('-H "Authorization: Bearer $TOKEN"', {"kind": "bearer"}, []),
        ('-H "Authorization: Bearer $(cat token)"', {"kind": "bearer"}, []),
        ("-H 'X-Api-Key: CANARY'", {"kind": "header", "header": "X-Api-Key"}, ["CANARY"]),
        ("-H 'X-Pass-On: 0f1e2d3c4b5a69788796a5b4c3d2e1f0'", {"kind": "header", "header": "X-Pass-On"}, None),
        ("-u web", {"kind": "basic", "username": "web"}, []),
    ],
)
def test_secrets_become_authentications(
    options: str, authentication: dict[str, str], secrets: list[str] | None
) -> None:
    found = imported(options)
    [made] = found.parts["authentications"].values()
    assert isinstance(made, dict)
    assert authentication.items() <= made.items()
    assert secrets is None or [*found.secrets.values()] == secrets
    assert "CANARY" not in f"{found!r}{told(found)}"


def test_an_address_with_user_and_key() -> None:
    found = imported("", "'https://web:CANARY-1@acme.example/rest/V1/store/websites?api_key=CANARY-2&x=1'")
    assert sorted(found.secrets.values()) == ["CANARY-1", "CANARY-2"]
    assert {each["kind"] for each in found.parts["authentications"].values()} == {"basic", "query"}  # type: ignore[index,call-overload]
    [incoming] = found.parts["incoming"].values()
    assert incoming["request"]["uri"] == "store/websites?x=1"  # type: ignore[index,call-overload]


def test_the_values_of_a_signature_are_kept_and_the_signature_is_not() -> None:
    header = 'OAuth oauth_consumer_key="keyCANARY",oauth_token="tokenCANARY",oauth_signature="x%3D",oauth_nonce="1"'
    found = imported(f"-H 'Authorization: {header}'")
    assert dict(found.secrets) == {
        ("authentications", "integration", "consumer-key"): "keyCANARY",
        ("authentications", "integration", "access-token"): "tokenCANARY",
    }
    assert "a signature is valid for one request" in told(found)


def test_options_of_the_connection() -> None:
    found = imported("-k -x http://user:CANARY@proxy.example:3128 -m 1.5 --connect-timeout 3 --cacert /etc/ca.pem")
    client = client_of(found)
    assert client["tls"] == {"verify": False}
    assert client["proxy"] == {
        "uri": "http://proxy.example:3128", "username": "user", "password": {"keyring": "magento/password"},
    }  # fmt: skip
    assert (client["timeout"], client["connect-timeout"]) == ("1500ms", "3s")
    assert [*found.secrets] == [("clients", "magento", "proxy", "password")]
    assert "--cacert /etc/ca.pem: a file of this computer" in told(found)


def test_headers_that_describe_the_sender_are_left_out_and_others_are_kept() -> None:
    found = imported("-A 'Mozilla/5.0' -e https://x -H 'Sec-Fetch-Mode: cors' -H 'Accept: */*' -H 'X-Trace: 1' -H 'Y;'")
    assert client_of(found)["plugins"][-1] == {"kind": "set-headers", "headers": {"X-Trace": "1"}}
    for name in ("accept", "referer, sec-fetch-mode, user-agent", "the header Y: an empty header is not sent"):
        assert name in told(found)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("-F 'file=@a.png'", "a form with files (multipart/form-data) cannot be sent"),
        ("-L", "redirects are not followed"),
        ("-b 'a=cookieCANARY; b=2'", "Cookie a, b: cookies are the secrets of a browser's session"),
        ("-H 'Cookie: a=cookieCANARY'", "Cookie a: cookies"),
        ("--digest -u me:CANARY", "HTTP Digest authentication is not supported"),
        ("-x socks5://p:1", "only proxies with an http:// or https:// address are supported"),
        ("-E client.pem", "set tls.client-certificate"),
        ("-K options.txt", "the file of options is not read"),
        ("--tlspassword CANARY", "this option of curl has no counterpart"),
        ("-H 'no colon CANARY'", "it has no colon"),
        ("-H 'Host: other.example'", "the connection sets it itself"),
        ("-H 'Authorization: Digest CANARY'", "the authentication Digest: it is not supported"),
    ],
)
def test_what_has_no_counterpart_is_said_without_its_secret(options: str, reason: str) -> None:
    found = imported(f"{options} --url {URL}/x -X GET --next", URL)
    assert reason in told(found)
    assert "CANARY" not in told(found)


def test_ranges_of_curl_are_no_address() -> None:
    with pytest.raises(InvalidImport, match="curl would send several requests"):
        imported("", "'https://acme.example/rest/V1/products/[1-3]'")
    found = imported("-g", "'https://acme.example/rest/V1/products?searchCriteria[pageSize]=3'")
    [incoming] = found.parts["incoming"].values()
    assert incoming["pagination"]["page-size"] == 3  # type: ignore[index,call-overload]


def test_a_secret_in_a_body_is_not_written_to_a_file() -> None:
    body = '{"customer": {"email": "a@b.example"}, "password": "CANARY"}'
    found = read(f"curl https://acme.example/rest/V1/customers -d '{body}'", ImportOptions())
    assert "CANARY" not in f"{found.samples}{found.parts}{told(found)}"
    assert "password in the body" in told(found)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("-d 'a=1&b=2'", "bodies are sent as JSON, and this one is a form"),
        ("-H 'Content-Type: text/xml' -d '<a/>'", "bodies are sent as JSON, not as text/xml"),
        ("-H 'Content-Type: application/json' -d '{\"a\": '", "it is not valid JSON"),
    ],
)
def test_bodies_that_cannot_be_sent(body: str, reason: str) -> None:
    with pytest.raises(InvalidImport) as error:
        imported(body)
    assert reason in error.value.message


def test_an_invalid_header_does_not_take_the_others_with_it() -> None:
    found = imported("-H 'X-Good: 1' -H 'X-Bad: &{name}'")
    assert client_of(found)["plugins"][-1] == {"kind": "set-headers", "headers": {"X-Good": "1"}}
    assert "X-Bad: the header: " in told(found)
