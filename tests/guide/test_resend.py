"""Which requests are sent again without a question, as they change nothing."""

from __future__ import annotations

import pytest

from tui_connector.client.message import Request
from tui_connector.guide.resend import changes_nothing


@pytest.mark.parametrize(
    ("method", "uri", "reads"),
    [
        ("GET", "products/24-MB01", True),
        ("POST", "products/base-prices-information", True),
        ("POST", "https://acme.example/rest/all/V1/products/cost-information?x=1", True),
        ("POST", "products/base-prices", False),
        ("POST", "carts/mine/payment-information", False),
        ("DELETE", "products/base-prices-information", False),
    ],
)
def test_posts_of_magento_that_only_read_are_known(method: str, uri: str, reads: bool) -> None:
    assert changes_nothing(Request(method, uri)) is reads
