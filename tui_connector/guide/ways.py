"""What an authentication begins as, for each way to authenticate."""

from __future__ import annotations

from collections.abc import Mapping

from ..client.uri import origin_of
from ..placeholder import Json
from .address_shapes import is_bare
from .by_path import put
from .secret_sources import SecretPlace, secret_name, source
from .words import ADMIN, BEARER, INTEGRATION, OAUTH2, WAYS

_IMS: Mapping[str, Json] = {
    "token-uri": "https://ims-na1.adobelogin.com/ims/token/v3",
    "client-authentication": "client_secret_post",
    "scope": "openid,AdobeID,email,profile,additional_info.roles,additional_info.projectedProductContext,commerce.accs",
}
"""Adobe's documentation of REST authentication for Commerce as a Cloud Service (server-to-server)."""
_SAME_TOKEN = {(BEARER, INTEGRATION): ("token", "access-token"), (INTEGRATION, BEARER): ("access-token", "token")}


def name_for(way: str) -> str:
    """What the guide calls an authentication of this kind."""
    return WAYS[way].name if way in WAYS else way


def fresh(way: str, profile: str, name: str, base_uri: str, before: Mapping[str, Json]) -> dict[str, Json]:
    """An authentication of this kind. What `before`, of another kind, has in common with it is kept."""
    made: dict[str, Json] = {"kind": way, **(_login(base_uri) if way == ADMIN else {})}
    if way == OAUTH2:
        made |= {"token-uri": "", "client-id": "", **(_IMS if is_bare(base_uri) else {})}
    for each in WAYS[way].fields if way in WAYS else ():
        if each.secret:
            named = source(SecretPlace.KEYRING, secret_name(profile, ("authentications", name, *each.path)))
            put(made, each.path, named)
    one, other = _SAME_TOKEN.get((str(before.get("kind")), way), ("", ""))
    return {**made, other: before[one]} if one in before else made


def _login(base_uri: str) -> dict[str, Json]:
    """Magento's token endpoint for admin users, below the store's own path where it has one."""
    prefix = base_uri.rpartition("/rest")[0].removeprefix(origin_of(base_uri)) if base_uri else ""
    return {
        "uri": f"{prefix}/rest/V1/integration/admin/token",
        "method": "post",
        "parameters": {"username": ""},
        "client": "default",
        "header": "Authorization",
        "source": "body",
        "template": "Bearer &{@[0]}",
        "cache": "auto",
    }
