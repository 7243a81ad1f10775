"""Stores other than Magento: how to tell from a profile, and what their refusals mean."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ...client.authentication.login import server_message
from ...client.message import Request, Response
from ...incoming.errors import accept_hint
from ...magento.diagnosis import Finding
from ...magento.keyset import Keyset
from ...magento.oauth1 import OAuth1
from ...magento.search_criteria import SearchCriteria
from ...profile.model import Profile
from ...secrets.names import strip_query_and_keys
from ...text import beginning
from .store_address import is_cloud_service, is_without_rest

_MAGENTO_REST = re.compile(r"/rest(/[A-Za-z][A-Za-z0-9_]*)?/V\d+/?$")


def is_magento(profile: Profile, client: str) -> bool:
    """Whether this client's store is Magento: by its base URI, its signature, or how its lists are paged."""
    base_uri = profile.base_uri(client) or ""
    if _MAGENTO_REST.search(urlsplit(base_uri).path) or is_cloud_service(base_uri):
        return True
    if any(isinstance(profile.authentications[name], OAuth1) for name in profile.clients[client].authentications):
        return True
    incoming = [each for each in profile.incoming.values() if each.client == client]
    if is_without_rest(base_uri) and not incoming:
        return True
    return any(isinstance(each.pagination, Keyset | SearchCriteria) for each in incoming)


def refusal(request: Request, response: Response) -> Finding:
    """The finding for a response that was not expected: what the server says, and what its status asks for."""
    path = request.uri.partition("?")[0]
    reason = server_message(response)
    evidence = (f"#{response.exchange} {request.method} {path} → {response.status} {reason}",)
    summary = f"The store responded with {response.status} ({reason})"
    status = response.status
    if status in (401, 407):
        remedy = "Check the client's authentication: its kind, header and secrets."
        return Finding("unauthorized", summary, evidence, remedy, "authentication")
    if status == 403:
        remedy = "Check the permissions of the credentials, and whether the server allows this computer's address."
        return Finding("forbidden", summary, evidence, remedy, "authentication")
    if status in (404, 405, 410):
        remedy = "Check the base URI, and the path and method of the request."
        return Finding("not-found", summary, evidence, remedy, "uri")
    if status == 406:
        return Finding("accept", summary, evidence, accept_hint(response), "headers")
    if 300 <= status < 400:
        location = beginning(strip_query_and_keys(response.header("Location") or "another address"), 200)
        remedy = f"It redirects to {location}, and redirects are not followed: use that address as the base URI."
        return Finding("redirect", summary, evidence, remedy, "address")
    if status == 429:
        remedy = "Wait, and add the plugin rate-limit to the client."
        return Finding("too-many-requests", summary, evidence, remedy)
    if status >= 500:
        remedy = "The server failed; try again later, or request fewer items per page."
        return Finding("store-error", summary, evidence, remedy)
    return Finding("refused", summary, evidence, "Correct the request: its parameters, headers and pagination.", "uri")
