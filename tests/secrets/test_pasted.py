"""What is pasted into the fields of secrets: labels decide which field a value is meant for, and order without them."""

from __future__ import annotations

import json

import pytest

from tui_connector.secrets.cleaning import SecretKind
from tui_connector.secrets.pasted import PastedSecret, distribute, parse_paste

FIELDS = ("consumer-key", "consumer-secret", "access-token", "access-token-secret")
KEY, SECRET, TOKEN, TOKEN_SECRET = VALUES = [f"{at}canary{at}" * 4 for at in range(4)]
IN_ORDER = dict(enumerate(VALUES))


def filled(text: str, fields: tuple[str, ...] = FIELDS, first: int = 0) -> dict[int, str]:
    return distribute(parse_paste(text, SecretKind.TOKEN), [(each,) for each in fields], first)[0]


SHUFFLED = [
    f"Access Token Secret  {TOKEN_SECRET}\nConsumer Secret  {SECRET}\nAccess Token\t{TOKEN}\nConsumer Key: {KEY}\n",
    f"Access Token\n\n{TOKEN}\n\nAccess Token Secret\n{TOKEN_SECRET}\r\nConsumer Secret\n{SECRET}\nConsumer Key\n{KEY}",
    json.dumps({"token_secret": TOKEN_SECRET, "token": TOKEN, "consumer_secret": SECRET, "consumer_key": KEY}),
    json.dumps({"accessTokenSecret": TOKEN_SECRET, "accessToken": TOKEN, "consumerSecret": SECRET, "consumerKey": KEY}),
    json.dumps([{"key": "tokenSecret", "value": TOKEN_SECRET}, {"key": "token", "value": TOKEN}], indent=1)
    + json.dumps([{"key": "consumerSecret", "value": SECRET}, {"key": "consumerKey", "value": KEY}], indent=1),
    f"oauth_token_secret={TOKEN_SECRET}&oauth_token={TOKEN}&oauth_consumer_secret={SECRET}&oauth_consumer_key={KEY}",
    f"export SHOP_CONSUMER_SECRET='{SECRET}'\nexport SHOP_CONSUMER_KEY='{KEY}'\n"
    f"export SHOP_ACCESS_TOKEN_SECRET={TOKEN_SECRET}\nexport SHOP_ACCESS_TOKEN={TOKEN}\n",
    f"client_secret='{SECRET}', client_key='{KEY}', "
    f"resource_owner_secret='{TOKEN_SECRET}', resource_owner_key='{TOKEN}'",
    f"<access_token>{TOKEN}</access_token><access_token_secret>{TOKEN_SECRET}</access_token_secret>"
    f"<consumer_secret>{SECRET}</consumer_secret><consumer_key>{KEY}</consumer_key>",
    f"{SECRET}  # consumer secret\n{KEY}  # consumer key\n{TOKEN_SECRET}  # token secret\n{TOKEN}  # token",
    f"Access token,Access token secret,Consumer secret,Consumer key\n{TOKEN},{TOKEN_SECRET},{SECRET},{KEY}",
    f"Tokens of the shop\nConsumer Secret: {SECRET}\n{KEY}\nAccess Token Secret: {TOKEN_SECRET}\nAccess Token: {TOKEN}",
]


@pytest.mark.parametrize("first", [0, 2])
@pytest.mark.parametrize("text", SHUFFLED)
def test_labels_decide_in_whatever_order_and_notation(text: str, first: int) -> None:
    assert filled(text, first=first) == IN_ORDER


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(VALUES),
        " ".join(VALUES),
        "\n".join(f"Value {at}: {each}" for at, each in enumerate(VALUES)),
        "\n".join(f"Token: {each}" for each in VALUES),  # the same label four times names nothing
        "Consumer Key and Consumer Secret\n" + "\n".join(VALUES),
    ],
)
def test_without_labels_the_order_decides(text: str) -> None:
    assert filled(text, first=2) == IN_ORDER


def test_one_labelled_value_goes_to_its_field() -> None:
    assert filled(f"Access Token Secret: {TOKEN_SECRET}") == {3: TOKEN_SECRET}
    assert filled(f"ACCESS_TOKEN={TOKEN[:31]}") == {2: TOKEN[:31]}
    assert filled(f"Access Token\n{TOKEN}\n") == {2: TOKEN}
    assert filled(f"{KEY}\nConsumer Secret") == {0: KEY}  # the label of the next value


def test_header_of_a_signed_request_has_two_of_the_values() -> None:
    header = f'Authorization: OAuth oauth_nonce="{"9canary9" * 4}", oauth_token="{TOKEN}", oauth_consumer_key="{KEY}"'
    assert filled(header) == {0: KEY, 2: TOKEN}


def test_a_bearer_token_is_the_access_token() -> None:
    text = "\n".join(f"{name}: {value}" for name, value in zip(FIELDS, VALUES, strict=True))
    assert distribute(parse_paste(text, SecretKind.TOKEN), [("token",)], 0) == ({0: TOKEN}, 3)


def test_a_label_that_no_field_has_does_not_matter() -> None:
    assert filled(f"client_secret={SECRET}", ("client-secret",)) == {0: SECRET}


def test_a_password_is_taken_as_it_is() -> None:
    assert parse_paste("token: CANARY", SecretKind.TEXT) == [PastedSecret("token: CANARY")]


def test_values_are_not_in_the_representation() -> None:
    assert "canary" not in repr(parse_paste(SHUFFLED[0], SecretKind.TOKEN))


def test_labels_name_the_fields_of_one_authentication_where_a_form_has_several() -> None:
    fields = [("authentications", name, each) for name in ("first", "second") for each in FIELDS]
    for text in (SHUFFLED[0], "\n".join(VALUES)):
        found, over = distribute(parse_paste(text, SecretKind.TOKEN), fields, 6)
        assert (found, over) == ({at + 4: value for at, value in IN_ORDER.items()}, 0)
