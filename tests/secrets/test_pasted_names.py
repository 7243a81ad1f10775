"""What is pasted as the name of a header, a parameter or a user is divided from the secret that comes with it."""

from __future__ import annotations

import base64

import pytest

from tui_connector.secrets.pasted_names import NAME_FIELDS, divide, name_before

HEADER, PARAMETER, USER = NAME_FIELDS.values()
VALUE = "CANARY-4f.x=="


@pytest.mark.parametrize(
    "pasted",
    [
        f"X-Api-Key: {VALUE}",
        f"X-Api-Key:{VALUE}\n",
        f"\ufeff X-Api-Key :  {VALUE} \r\n",
        f"'X-Api-Key: {VALUE}'",
        f'"X-Api-Key": "{VALUE}",',
        f'{{"X-Api-Key": "{VALUE}"}}',
        f"X-Api-Key  {VALUE}",
        f"-H 'X-Api-Key: {VALUE}'",
        f'--header="X-Api-Key: {VALUE}"',
        f"curl -H 'Accept: application/json' -HX-Api-Key:{VALUE} https://shop.example/rest/V1/store",
        f"curl 'https://shop.example/rest/V1' \\\n  -H 'Authorization: Bearer CANARY' \\\n  -H 'X-Api-Key: {VALUE}'",
        f"curl -d 'it's' -H \"X-Api-Key: {VALUE}\" https://shop.example",  # its quotes do not match
        f"Accept: */*\nX-Api-Key: {VALUE}\nUser-Agent: curl/8",
    ],
)
def test_a_header_is_divided_from_its_value(pasted: str) -> None:
    found = divide(pasted, HEADER)
    assert found is not None
    assert (found.name, found.value) == ("X-Api-Key", VALUE)
    assert VALUE not in repr(found)


@pytest.mark.parametrize(
    "pasted", ["X-Api-Key", "X-Api-Key:", "X-Api-Key\n", "https://shop.example", "", "curl https://shop.example/rest"]
)
def test_a_header_alone_stays_as_it_is(pasted: str) -> None:
    assert divide(pasted, HEADER) is None


def test_the_header_of_the_store_itself_is_taken_where_there_is_no_other() -> None:
    found = divide("curl -H 'Accept: a/b' -H 'Authorization: Bearer CANARY' https://shop.example", HEADER)
    assert found is not None
    assert (found.name, found.value) == ("Authorization", "Bearer CANARY")
    found = divide("Store: de", HEADER)
    assert found is not None
    assert found.name == "Store"


@pytest.mark.parametrize("names", [HEADER, PARAMETER, USER])
def test_a_token_alone_is_the_secret_and_not_its_name(names: object) -> None:
    found = divide("1canary1" * 4, names)  # type: ignore[arg-type]
    assert found is not None
    assert (found.name, found.value) == ("", "1canary1" * 4)


@pytest.mark.parametrize(
    "pasted",
    [
        "api_key=CANARY%20x",
        "?api_key=CANARY+x",
        "https://shop.example/rest/V1/store?page=1&api_key=CANARY+x#top",
        "curl -H 'X-A: b=c' 'https://shop.example/rest/V1/store?api_key=CANARY+x'",
    ],
)
def test_a_parameter_is_divided_from_its_value(pasted: str) -> None:
    found = divide(pasted, PARAMETER)
    assert found is not None
    assert (found.name, found.value) == ("api_key", "CANARY x")


@pytest.mark.parametrize(
    "pasted",
    [
        "staging:CANARY:x",
        "staging: CANARY:x\n",
        "curl -u staging:CANARY:x https://shop.example",
        "curl --user 'staging:CANARY:x' https://shop.example",
        "https://staging:CANARY%3Ax@shop.example/rest",
        f"Authorization: Basic {base64.b64encode(b'staging:CANARY:x').decode()}",
        f"curl -H 'Authorization: Basic {base64.b64encode(b'staging:CANARY:x').decode()}' https://shop.example",
    ],
)
def test_a_user_is_divided_from_the_password(pasted: str) -> None:
    found = divide(pasted, USER)
    assert found is not None
    assert (found.name, found.value) == ("staging", "CANARY:x")


@pytest.mark.parametrize("pasted", ["staging", "https://shop.example", "", "Authorization: Basic e"])
def test_a_user_alone_stays_as_it_is(pasted: str) -> None:
    assert divide(pasted, USER) is None


def test_the_name_is_what_was_typed_last_before_its_separator() -> None:
    assert name_before("X-Api-Key ") == "X-Api-Key"
    assert name_before("curl -H 'X-Api-Key") == "X-Api-Key"
    assert name_before("https://shop.example/rest?page=1&api_key") == "api_key"
    assert name_before("https://shop.example/?api_key") == "api_key"
    assert name_before("") == ""
