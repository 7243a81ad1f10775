"""What is wrong when a store says no, and what to do: one rule for each cause, the first that applies is shown.

Rules look at the status, the shape of the body and the parameters first, at the store's words last: Magento translates
them. Texts may name facts in braces: the properties of `Case` and the rule's own parameters.

A 401 is explained in three tables: `IN_FRONT` (the web server's own), `CALLER` (it names a resource), and
`LOGIN` and `SIGNATURE`. Where the response alone does not tell two causes apart, the rule names the probe that does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import KW_ONLY, dataclass
from functools import partial
from types import MappingProxyType
from typing import Literal

from .case import Case
from .finding import Finding, Fix

Probe = Literal["caller", "signature", ""]
"""Which requests find out more (`probes.py`): about who asks, or about the signature."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A cause. It applies to a case where everything that it names holds."""

    id: str
    field: str = ""
    """The setting to correct, by its name in the profile."""
    _: KW_ONLY
    summary: str
    remedy: str
    fix: Fix | None = None
    """Left out where the fact that its value names is empty."""
    status: Collection[int] = ()
    way: str | None = None
    parameters: tuple[str, ...] = ()
    """Parameters that the response names; facts for the texts."""
    says: tuple[str, ...] = ()
    """Words in the store's message, in lower case; one is enough."""
    when: Callable[[Case], object] = lambda _: True
    probe: Probe = ""

    def applies(self, case: Case) -> bool:
        return (
            (not self.status or case.status in self.status)
            and (self.way is None or case.way == self.way)
            and all(case.said.parameter(name) for name in self.parameters)
            and (not self.says or case.said.has(*self.says))
            and bool(self.when(case))
        )

    def finding(
        self, evidence: tuple[str, ...], case: Case | None, facts: Mapping[str, str] = MappingProxyType({})
    ) -> Finding:
        """The finding, its texts filled in."""
        known = _Facts(self, case, facts)

        def filled(text: str) -> str:
            return text.format_map(known)

        fix = self.fix
        if fix is not None:
            value = filled(fix.value)
            fix = Fix(fix.what, value, filled(fix.words)) if value or not fix.value else None
        return Finding(self.id, filled(self.summary), evidence, filled(self.remedy), filled(self.field), fix)


class _Facts:
    """What the braces in a rule's texts stand for."""

    def __init__(self, rule: Rule, case: Case | None, facts: Mapping[str, str]) -> None:
        self._rule, self._case, self._facts = rule, case, facts

    def __getitem__(self, name: str) -> str:
        if name in self._facts:
            return self._facts[name]
        if self._case is None:
            raise KeyError(name)
        return self._case.said.parameter(name) if name in self._rule.parameters else str(getattr(self._case, name))


ANY_RESOURCE = "Magento_Backend::admin"
"""What `modules` needs, and what whoever has any resource at all has too (Magento_Authorization, Rules)."""
ROLE = "System › Permissions › User Roles › the user's role › Role Resources"
"""Where the boxes of an admin user are."""
BOXES = "System › Extensions › Integrations › Edit › API"
"""Where the boxes of an integration are."""
_INTEGRATION = "System › Extensions › Integrations › your row"
_DETAILS = "Integrations › Edit › Integration Details"
_LIMITS = "Stores › Configuration › Services › Magento Web API › Web Api Input Limits"
_NO_CODES = "Or use an integration, which needs no one-time codes."
_SET_UP = "Log in to the admin with this user in a browser once, and set up the authenticator app there."
_SERVER_ERROR = range(500, 1_000)
_DIALECTS = "The signature is refused, and Magento's versions differ in what they sign of such a request"
_UNKNOWN_FIELD = "The store cannot search by this field: {}"
_SEARCH_FIELDS = (
    "Only top-level fields can be searched by. What a response calls id is called entity_id in a search of products, "
    "customers and categories, page_id and block_id in those of CMS."
)
_CUSTOMERS_ONLY = "Only a customer's own token may do this"
_AS_CUSTOMER = "Use a customer's token for it, or the same route with an id in place of `me` or `mine`."
_NOT_REST = (
    "Give the address under which the shop is installed; /rest/V1 is added to it. Where URL rewrites are off, "
    "/index.php comes before /rest."
)
_IDENTIFIERS = (
    (
        "orders?|invoices?|shipments?|creditmemos?|transactions",
        "It is the entity_id, not the number that the customer sees (increment_id).",
    ),
    ("products/(attributes|attribute-sets|types|links)", "It is the attribute's code or the id of a set."),
    (
        "products|stockItems|stockStatuses|(configurable|bundle)-products|inventory/(source-items|get-)",
        "It is the sku, letter by letter; a / within it is %2F in the path.",
    ),
    ("cms(Page|Block)", "It is the page_id or block_id, a number."),
    (
        "(guest-)?carts",
        "A guest's cart is under guest-carts with its masked id, any other under carts with its number.",
    ),
    ("", ""),
)
"""What an entity is called by, by its path after /V1."""


def _is_unknown(case: Case) -> bool:
    """Whether the store does not know the caller: whoever it knows has `ANY_RESOURCE`."""
    return case.accepted is False or case.resource == ANY_RESOURCE


def _names_an_entity(case: Case, entities: str) -> bool:
    """Whether an entity of a path like these is what was not found."""
    said = case.said
    named = said.named or said.listed or said.has("requested doesn't exist", "no such entity")
    return bool(named) and case.is_path_of(entities)


# Each rule is a row: its id, the setting to correct and the conditions; then what is said.
# fmt: off

# Responses that Magento's REST API did not send: the web server, a firewall, or the wrong address.

IN_FRONT = (
    Rule("redirect", "address", status=range(300, 400), when=lambda case: case.target,
         fix=Fix("address", "{target_store}", "Use {target_store}"),
         summary="The store redirects requests to {target_shown}",
         remedy="Redirects are not followed, because the token would go with them. Use that address as the store's "
                "address."),
    Rule("redirect", "address", status=range(300, 400), when=lambda case: case.location,
         summary="The store redirects requests to {location}",
         remedy="Ask for the address under which the shop is reached."),
    Rule("redirect", "address", status=range(300, 400),
         summary="The store redirects requests and does not say where to",
         remedy="Ask for the address under which the shop is reached."),
    Rule("web-server-password", "address", status=(401,), when=lambda case: case.response.header("WWW-Authenticate"),
         summary="The web server asks for a password of its own ({challenge}) before it lets anybody reach Magento",
         remedy="Have /rest exempted from it (nginx: auth_basic off for /rest) or this computer's address allowed; "
                "then test again. A signed integration can carry both: put the HTTP authentication basic before "
                "it. A bearer token cannot."),
)
NOT_MAGENTO = (
    Rule("plain-to-tls", "address", when=lambda case: case.is_plain_to_tls,
         fix=Fix("address", "{secure_address}", "Use {secure_address}"),
         summary="This port speaks TLS, but the address says http://",
         remedy="Write https:// instead of http://."),
    Rule("php-text", when=lambda case: case.said.php_text,
         summary="PHP writes its warnings into the response, before the data",
         remedy="Have PHP's display_errors switched off (php.ini: display_errors = Off); the warning itself is in "
                "the log."),
    Rule("firewall", "address", when=lambda case: case.is_turned_away,
         summary="A firewall or the web server{server} rejected the request: Magento's REST API never responds like "
                 "this",
         remedy="Have this computer's address, or the path /rest, allowed where the firewall is set up (CDN, WAF, "
                "nginx)."),
    Rule("maintenance", status=(503,), when=lambda case: case.is_maintenance,
         summary="The store is in maintenance mode, or its web server is overloaded",
         remedy="Wait, or end it: bin/magento maintenance:disable (or maintenance:allow-ips <this computer's "
                "address>)."),
    # from 520: Cloudflare's own statuses, where it got no response from the store that it could pass on
    Rule("gateway", status=(502, 503, 504, *range(520, 528)),
         summary="The web server got no response from Magento ({status}): PHP is down, or took too long",
         remedy="Try again; for a list, request fewer items at a time. If it persists, ask who runs the store."),
    Rule("body-too-large", "batch", status=(413,),
         summary="The web server does not accept a body of this size",
         remedy="Send fewer entities at a time, or have the limit raised (nginx: client_max_body_size)."),
    Rule("uri-too-long", "uri", status=(414,),
         summary="The web server does not accept an address of this length",
         remedy="Request fewer values at a time: at most 100 in one `in`."),
    Rule("too-many-requests", status=(429,),
         summary="The store, or what is in front of it, accepts no more requests for now",
         remedy="Wait{retry_after}; add the plugin rate-limit to the client."),
    Rule("request-line", "uri", status=(400,),
         summary="The web server cannot read the address",
         remedy="Percent-encode the path: % is %25, / is %2F, a space is %20."),
    Rule("encoded-slash", "uri", status=(404,), when=lambda case: "%2f" in case.path.lower(),
         summary="The web server refuses a path with %2F in it",
         remedy="Search by the sku instead of naming it in the path, or allow it (Apache: AllowEncodedSlashes "
                "NoDecode)."),
    Rule("accept", "headers", status=_SERVER_ERROR, when=lambda case: not case.accepts_json,
         summary="Magento cannot respond in the requested type ({accept})",
         remedy="Send Accept: application/json, or no such header."),
    Rule("store-crashed", status=_SERVER_ERROR, when=lambda case: case.is_error_page_without_report,
         summary="The store crashed outside its REST API ({status})",
         remedy="Ask who runs the store to look at that time into var/log/exception.log, and into "
                "var/log/system.log for a database that is down."),
    Rule("store-crashed", status=_SERVER_ERROR,
         summary="The store crashed outside its REST API ({status})",
         remedy="Ask who runs the store to look at that time into var/log/exception.log and var/report."),
    Rule("empty-answer", when=lambda case: case.said.kind == "empty",
         summary="The store responded with {status} and an empty body",
         remedy="Try again; if it persists, PHP crashes: look into its log."),
    Rule("not-rest", "address", when=lambda case: case.said.kind == "html",
         summary="This address responds with {status} and a web page{title}, not with Magento's REST API",
         remedy=_NOT_REST),
    Rule("not-rest", "address",
         summary="This address responds with {status} and text that is not JSON",
         remedy=_NOT_REST),
)

# A 401 that names a resource: one body for whoever Magento does not know, and for whoever lacks the permission. A bad
# bearer token is never reported as such: the request continues as a guest's, and is refused as one (Magento_Webapi,
# TokenUserContext).

CALLER = (
    Rule("customers-only", "uri", when=lambda case: case.accepted is not False and case.resource == "self",
         summary=_CUSTOMERS_ONLY,
         remedy=_AS_CUSTOMER),
    Rule("permission-missing", "permission", way="request", when=lambda case: case.accepted,
         summary="The token lacks the permission {resource}",
         remedy=f"In Magento: {ROLE}: tick {{box}}, then Save."),
    Rule("permission-missing", "permission", when=lambda case: case.accepted,
         summary="The token lacks the permission {resource}",
         remedy=f"In Magento: {BOXES}: tick {{box}}, then Save (not Reauthorize: that makes new tokens)."),
    Rule("token-malformed", "token", when=lambda case: case.shape and case.shape.kind == "odd",
         summary="This does not look like a Magento token",
         remedy='Copy "Access Token", the third value, again: 32 letters and digits, nothing before or after it.'),
    Rule("token-expired", "token", when=lambda case: case.shape and case.shape.expired,
         fix=Fix("way", "request", "Log in with user and password instead"),
         summary="This token has expired: those of a login last 60 minutes",
         remedy="Log in with user and password (Request authentication), which renews it by itself, or use an "
                "integration: its tokens do not expire. How long: Stores › Configuration › Services › Magento Web "
                "API › JWT Authentication › Admin User JWT Expires In."),
    Rule("customer-token", when=lambda case: case.shape and case.shape.kind == "customer",
         summary="This is a customer's token: it may do only what that customer may",
         remedy="Use an integration's tokens, or an admin user's."),
    Rule("not-authenticated", "way", way="",
         summary="The store requires authentication",
         remedy="Give the client an HTTP authentication."),
    Rule("bearer-refused", "token", way="bearer", when=_is_unknown, probe="caller",
         fix=Fix("way", "oauth1", "Sign with the four tokens instead"),
         summary="The store does not accept this token alone (Bearer); since Magento 2.4.4 that is switched off",
         remedy="Sign with the integration's four tokens, or set Stores › Configuration › Services › OAuth › "
                "Consumer Settings › Allow OAuth Access Tokens to be used as standalone Bearer tokens = Yes "
                "(bin/magento config:set oauth/consumer/enable_integration_as_bearer 1, then cache:clean config). "
                "Was it copied from this store?"),
    Rule("integration-inactive", "way", way="oauth1", when=_is_unknown, probe="caller",
         summary="The signature is right, but the integration is inactive or has no resource ticked",
         remedy=f"In Magento: {_INTEGRATION}: Activate it; Edit › API: tick what it may do, then Save."),
    Rule("login-token-refused", "username", when=_is_unknown, probe="caller",
         summary="The login worked, but the store does not accept the token it gave: the user's role has no "
                 "resource ticked",
         remedy=f"In Magento: {ROLE}: tick what it may do. A user made a moment ago: bin/magento cache:clean "
                "config."),
    Rule("unauthorized", "permission", way="oauth1", probe="caller",
         summary="Either the integration is inactive, or it may not do this (it needs {resource})",
         remedy="Test the authentication: that tells which. The box to tick is {box}."),
    Rule("unauthorized", "permission", probe="caller",
         summary="Either the store does not know this token, or it may not do this (it needs {resource})",
         remedy="Test the authentication: that tells which. The box to tick is {box}."),
)


# What only the probes find out about a caller or a signature.

PROBED = (
    Rule("header-lost", "way",
         summary="The header Authorization does not reach Magento: the web server removes it",
         remedy='Have it passed on. Apache: SetEnvIf Authorization "(.*)" HTTP_AUTHORIZATION=$1 in the virtual '
                "host (or CGIPassAuth On); nginx: fastcgi_param HTTP_AUTHORIZATION $http_authorization."),
    # at a store so old that it accepts every integration's token alone
    Rule("token-unknown", "token",
         summary="The store does not know this token: it is no longer valid, or of another store",
         remedy=f'In Magento: {_INTEGRATION}: Edit › Integration Details: copy "Access Token", the third value.'),
    Rule("oauth-origin", "signed-origin", fix=Fix("signed-origin", "", "Sign as {origin}"),
         summary="The secrets are right, but the profile signs as {signed_origin}, and the store's own address is "
                 "now {origin}",
         remedy="Remove signed-origin from the authentication."),
    Rule("oauth-proxy", "signed-origin", fix=Fix("signed-origin", "{origin}", "Sign as {origin}"),
         summary="The secrets are right, but the store takes its own address to be {origin}: a proxy in front of it "
                 "hides {hidden}",
         remedy="{remedies} Or sign as that origin."),
    Rule("totp-secret-wrong", "totp",
         summary="The store refuses the one-time code that was made from the TOTP secret",
         remedy="Compare the secret with the one that this user's authenticator app was set up with (the letters "
                "under the QR code). If it is right, compare this computer's clock: 29 seconds off are too much."),
)
PASS_PORT = (
    "Have the web server pass the Host header with its port. nginx as a proxy: proxy_set_header Host $http_host; nginx "
    "with PHP-FPM: fastcgi_param HTTP_HOST $http_host (its fastcgi_params may say $host, which has no port)."
)
PASS_SCHEME = (
    "Have the proxy say that the request came by https. nginx as a proxy: proxy_set_header X-Forwarded-Proto $scheme; "
    "nginx with PHP-FPM: fastcgi_param HTTPS on."
)

# What the token endpoints say of a login: Magento_Integration, Magento_TwoFactorAuth, Magento_AdminAdobeIms.

LOGIN = (
    # the endpoints for codes exist only where their module is enabled
    Rule("two-factor-off", "uri", status=(404,), when=lambda case: case.is_login_with_code and case.said.by_magento,
         fix=Fix("one-time-code", "", "Log in without a code"),
         summary="This store uses no one-time codes: its module Magento_TwoFactorAuth is disabled or removed",
         remedy='Log in at {usual_login} (the authentication\'s uri) and remove the code ("otp") from its '
                "parameters."),
    Rule("one-time-code-wrong", "otp", status=(401,), says=("code",), when=lambda case: case.is_login_with_code,
         summary="The one-time code is wrong or too old",
         remedy="Type the code that the app shows now; a code is valid for about a minute. Is this computer's "
                "clock right?"),
    Rule("ims", "way", status=(401,), says=("ims",), fix=Fix("way", "oauth1", "Use an integration"),
         summary="Admin users of this store log in with Adobe IMS only",
         remedy="Use an integration: it does not need a login."),
    Rule("user-without-role", "username", status=(401,), says=("permissions are needed",),
         summary="The user has no role",
         remedy="In Magento: System › Permissions › All Users › the user › User Role: give it a role."),
    Rule("customer-login-refused", "password", status=(401,), when=lambda case: case.is_customer_login,
         summary="The store did not accept the customer's e-mail address or password, or has locked the customer "
                 "for now",
         remedy="Correct them. The address must be that of a store view of the customer's website."),
    Rule("login-refused", "password", status=(401,),
         summary="The store did not accept the user name or the password, or the account is locked or inactive",
         remedy="Correct them; no further login is sent automatically. After six failures Magento locks the user "
                "for 30 minutes: then wait, or have the row in the table oauth_token_request_log removed. Does the "
                "user get into the admin?"),
    Rule("two-factor-user", "username", status=(400,), when=lambda case: case.lacks_second_factor,
         summary="This store asks for a one-time code, and the user has not set that up yet",
         remedy=f"{_SET_UP} {_NO_CODES}"),
    Rule("two-factor", "way", status=(400,), parameters=("active_providers",),
         fix=Fix("one-time-code", "{provider}", "Log in with a one-time code"),
         summary="This store asks admin users for a one-time code ({active_providers})",
         remedy=f"Give the code's secret, or type the code when prompted. {_NO_CODES}"),
    Rule("two-factor", "way", status=(400,), says=("provider-specific",),
         fix=Fix("one-time-code", "google", "Log in with a one-time code"),
         summary="This store asks admin users for a one-time code",
         remedy=f"Give the code's secret, or type the code when prompted. {_NO_CODES}"),
    Rule("two-factor-provider", "uri", status=(400,), says=("provider is not allowed",),
         summary="The store does not use this provider of codes",
         remedy=f"Ask which provider the store uses (Stores › Configuration › Security › 2FA). {_NO_CODES}"),
    Rule("two-factor-store", "way", status=(400,), says=("2fa", "two-factor"),
         summary="This store asks for a one-time code, and no provider of codes has been chosen yet",
         remedy="In Magento: Stores › Configuration › Security › 2FA: choose the providers (bin/magento config:set "
                f"twofactorauth/general/force_providers google). {_NO_CODES}"),
    Rule("two-factor-mail", "username", status=(400,), says=("failed to send",),
         summary="The user has not set up one-time codes yet, and the store cannot send the e-mail to begin with",
         remedy=f"{_SET_UP} (bin/magento security:tfa:google:set-secret USER SECRET does it without e-mail.) "
                f"{_NO_CODES}"),
    Rule("one-time-code-missing", "otp", status=(400,), when=lambda case: case.said.parameter("fieldName") == "otp",
         summary="The login lacks the one-time code",
         remedy="Give the secret of the authenticator app, or choose to be prompted for the code."),
    Rule("login-fields", "{fieldName}", status=(400,), parameters=("fieldName",),
         summary="The login lacks {fieldName}",
         remedy="Give {fieldName} in the parameters of the login, which is sent as JSON (Content-Type: "
                "application/json)."),
)

# A signed request: Magento names the value that is wrong (Magento\\Framework\\Oauth\\Oauth and Magento_Integration,
# Oauth\\Token\\Provider; the same words from 2.3 to 2.4.8). Where a store translates them, the probes compare what it
# says of a value that is certainly wrong.

SIGNATURE = (
    Rule("oauth-method", says=("signature method", "oauth version"),
         summary="The store does not accept this signature method: HMAC-SHA1 is refused since Magento 2.4.4",
         remedy="Sign with HMAC-SHA256, as the authentication oauth1 does."),
    Rule("oauth-nonce-used", says=("nonce",), when=lambda case: case.said.listed,
         summary="Magento has received this exact request before: something on the way sends requests twice",
         remedy="Test again. If it persists, look for a proxy between here and the store that repeats requests."),
    Rule("clock", says=("nonce", "timestamp"), when=lambda case: case.is_fast,
         summary="This computer's clock is fast: Magento accepts requests from at most ten minutes ahead",
         remedy="Set the clock (timedatectl set-ntp true), then test again."),
    Rule("oauth-nonce", says=("nonce", "timestamp"), probe="signature",
         summary="Magento cannot accept this nonce: the clock here is fast, or the store's database failed",
         remedy="Compare the clock here with the response's Date header: it may be ten minutes fast at most. "
                "Otherwise, look for that time in the store's var/log/exception.log."),
    Rule("oauth-revoked", "access-token", says=("revoked",),
         summary="This access token has been revoked",
         remedy=f"In Magento: {_INTEGRATION} › Reauthorize; then copy all four values again."),
    Rule("oauth-pair", "access-token", says=("not associated",),
         summary="The consumer key and the access token belong to two integrations",
         remedy=f"Copy all four values from one row ({_DETAILS})."),
    Rule("oauth-consumer-key", "consumer-key", says=("consumer",),
         summary="Magento does not know this consumer key",
         remedy=f'Copy "Consumer Key", the first value ({_DETAILS}). Is it from this store?'),
    Rule("oauth-access-token", "access-token", says=("token",),
         summary="Magento knows the consumer key, but not this access token",
         remedy=f'Copy "Access Token", the third value ({_DETAILS}).'),
)
DIALECT = (
    Rule("oauth-dialect", "dialect", when=lambda case: case.unsignable, probe="signature",
         summary=_DIALECTS,
         remedy="Change the request: Magento 2.4.8 refuses every signature of it, because {unsignable}."),
    Rule("oauth-dialect", "dialect", when=lambda case: case.has_bare_parameter, probe="signature",
         summary=_DIALECTS,
         remedy="Write each parameter with =, such as searchCriteria=: the store leaves the others out of what it "
                "signs."),
    Rule("oauth-dialect", "dialect", when=lambda case: case.has_plus, probe="signature",
         summary=_DIALECTS,
         remedy="Write a space as %20: the store takes + for a plus."),
    Rule("oauth-dialect", "dialect", probe="signature",
         summary=_DIALECTS,
         remedy="Test `modules`: if it is accepted, the secrets are right; then set the authentication's dialect "
                "to auto, which finds out how this version signs."),
)
SECRETS = (
    Rule("oauth-signature", "consumer-secret", says=("signature",), probe="signature",
         summary="Magento knows the key and the token, but one of the two secrets is wrong",
         remedy='Copy "Consumer Secret" and "Access Token Secret" again: the second and the fourth value '
                f"({_DETAILS})."),
    Rule("oauth-refused", "consumer-key", probe="signature",
         summary="Magento refuses the signed request: {message}",
         remedy=f"Compare the four values with those under {_DETAILS}."),
)

# A request from somebody whom the store knows: the path, the method, or the data are wrong.

REQUEST = (
    Rule("too-many-requests", status=(429,),
         summary="The store, or what is in front of it, accepts no more requests for now",
         remedy="Wait{retry_after}; add the plugin rate-limit to the client."),
    *(Rule("no-entity", "uri", status=(404,), when=partial(_names_an_entity, entities=entities),
           summary="There is no such entity in the store: {message}",
           remedy=f"Compare the identifier. {identifier}".rstrip())
      for entities, identifier in _IDENTIFIERS),
    Rule("no-route", "uri", status=(404,), says=("route",),
         summary="Magento has no such route: the path is misspelt, the method is wrong, or a module is disabled",
         remedy="Compare the path and the method with the list of entities; a / within a sku is %2F. Is the module "
                "there? bin/magento module:status"),
    Rule("not-found", "uri", status=(404,),
         summary="The store has no such route or no such entity: {message}",
         remedy="Compare the path, the method and the identifier."),
    Rule("method", "method", when=lambda case: case.status == 405 or case.said.has("request method is invalid"),
         summary="Magento does not accept the method {method}",
         remedy="Use get, post, put or delete: Magento has no others."),
    Rule("stand-in", "uri", status=(501,), parameters=("route",),
         summary="This stand-in for a store does not offer {route}; a real Magento store does",
         remedy="The request is not wrong. Run it against a real store, or choose something that the stand-in "
                "offers."),
    Rule("not-implemented", "address", status=(501,),
         summary="The server does not implement this request: {message}",
         remedy="Magento never responds with 501: check which server or proxy does, and the method {method}."),
    Rule("filter-field", "filter", status=_SERVER_ERROR, when=lambda case: case.column,
         summary=_UNKNOWN_FIELD.format("{column}"),
         remedy=_SEARCH_FIELDS),
    Rule("store-error", status=_SERVER_ERROR, when=lambda case: case.is_search,
         summary="The store failed: {message}",
         remedy="Ask who runs the store to look for {report} in var/log/exception.log. On a list, the likeliest "
                "reason is a field in the search that the entity does not have; otherwise request fewer items at a "
                "time, down to the one that breaks."),
    Rule("store-error", status=_SERVER_ERROR,
         summary="The store failed: {message}",
         remedy="Ask who runs the store to look for {report} in var/log/exception.log."),
)
BAD_REQUEST = (
    Rule("async-get", "uri", when=lambda case: case.is_bad_path and case.is_async and case.is_read,
         summary="Nothing can be read through /async",
         remedy="Leave out /async; only writes can be left to the store's queue."),
    Rule("rest-version", "address", when=lambda case: case.is_bad_path and case.lacks_version,
         summary="The address lacks /V1 after /rest",
         remedy="The address ends in /rest/V1, with a capital V; a store view's code may come between."),
    Rule("store-code", "store-view", when=lambda case: case.is_bad_path,
         fix=Fix("store-view", "default", "Use the default store view"),
         summary="Magento does not know this path: there is no store view of that code, or /V1 is missing",
         remedy="Use the default store view, all, or the code of a store view (Stores › Settings › All Stores; its "
                "number is not its code)."),
    Rule("limit-items", "uri", parameters=("max", "type"), when=lambda case: case.has_limit and case.is_read,
         summary="The store accepts at most {max} of these in one search",
         remedy=f"Use at most {{max}} filters or sort orders, or have the limit raised ({_LIMITS})."),
    Rule("limit-items", "batch", parameters=("max", "type"), when=lambda case: case.has_limit,
         fix=Fix("batch", "{max}", "Send {max} at a time"),
         summary="The store accepts at most {max} of these in one request",
         remedy=f"Set the batch to {{max}}, or have the limit raised ({_LIMITS})."),
    Rule("limit-page-size", "page-size", parameters=("max",), when=lambda case: case.has_limit,
         fix=Fix("page-size", "{max}", "Request {max} per page"),
         summary="The store allows at most {max} items per page",
         remedy=f"Set the page size to {{max}}, or have the limit raised ({_LIMITS})."),
    # Magento writes a name that it does not know in UpperCamel
    Rule("field-unknown", "parameters", when=lambda case: case.field[:1].isupper() and not case.said.has("required"),
         summary="The store does not know the field {field} (its name in camel case)",
         remedy="Correct it or leave it out. Stock does not belong in a product: send it as stock by source."),
    Rule("search-criteria", "uri", when=lambda case: case.field in ("searchCriteria", "search_criteria"),
         summary="A list must be requested with searchCriteria",
         remedy="Add ?searchCriteria= to the address, or a pagination to the incoming."),
    Rule("customers-only", "uri", when=lambda case: case.field == "customerId",
         summary=_CUSTOMERS_ONLY,
         remedy=_AS_CUSTOMER),
    Rule("field-missing", "parameters", when=lambda case: case.field,
         summary="The request lacks {field}",
         remedy='Give "{field}" in the parameters; the top level has the name that the route wants, such as '
                '{{"product": …}}.'),
    Rule("sort-direction", "uri", when=lambda case: case.is_search and case.lists_directions,
         summary="The sort direction is neither ASC nor DESC",
         remedy="Write ASC or DESC; the default is DESC."),
    Rule("filter-field", "filter", when=lambda case: case.searched_field,
         summary=_UNKNOWN_FIELD.format("{searched_field}"),
         remedy=_SEARCH_FIELDS),
    Rule("content-type", "plugins", says=("content-type", "supported charset"),
         summary="The store cannot read the body: {message}",
         remedy="Add the plugin content-type to the client: it sends Content-Type: application/json."),
    Rule("bad-json", "parameters", when=lambda case: case.is_bad_json,
         summary="The body is not valid JSON",
         remedy="Look at the body in the log: it must be JSON, UTF-8, without a byte order mark or a trailing "
                "comma."),
    Rule("wrong-type", "parameters", says=("value's type is invalid", "error occurred during"),
         summary="A value has the wrong type: {message}",
         remedy="Send a number as a number, a list as a list."),
    Rule("captcha", "way", says=("captcha",), fix=Fix("way", "oauth1", "Use an integration"),
         summary="The store requires a captcha for this",
         remedy="Use an integration: captchas do not apply to it."),
    Rule("https-only", "address", says=("only in https",),
         summary="The store accepts this request over https only",
         remedy="Use the store's https address."),
    Rule("try-again", says=("deadlock", "lock wait", "database connection", "could not save source item config"),
         summary="Two writes collided in the store's database; nothing was saved",
         remedy="Send it again, with fewer requests at a time."),
    Rule("url-key", "parameters", says=("url key",),
         summary="Another entity has the same URL key",
         remedy="Give the entity a url_key of its own (in custom_attributes)."),
    Rule("data-refused", "parameters", when=lambda case: not case.is_read and case.said.message,
         summary="The store does not accept this: {message}",
         remedy="Correct the entity; nothing of this request was saved."),
)
REFUSED = (
    Rule("refused",
         summary="The store refused the request: {status}, {message}",
         remedy="See the response in the log."),
)

# fmt: on

_TABLES: tuple[tuple[Callable[[Case], object], tuple[Rule, ...]], ...] = (
    (lambda _: True, IN_FRONT),
    (lambda case: not case.from_magento, NOT_MAGENTO),
    (lambda case: case.status == 401 and case.resource, CALLER),
    (lambda case: case.is_login and case.status >= 300, LOGIN),
    (lambda case: case.is_bad_signature, SIGNATURE),
    (lambda case: case.is_bad_signature and case.said.has("signature") and case.is_signed_differently, DIALECT),
    (lambda case: case.is_bad_signature, SECRETS),
    (lambda case: case.status >= 300, REQUEST),
    (lambda case: case.status == 400, BAD_REQUEST),
    (lambda case: case.status >= 300, REFUSED),
)
"""In this order; a table is only looked at where its condition holds."""


def rule_for(case: Case) -> Rule | None:
    """The first rule of all that applies; None for a success of Magento's REST API."""
    found = (first(table, case) for condition, table in _TABLES if condition(case))
    return next((rule for rule in found if rule is not None), None)


def first(table: tuple[Rule, ...], case: Case) -> Rule | None:
    """The first rule of a table that applies."""
    return next((rule for rule in table if rule.applies(case)), None)


EVERY_RULE = (*(rule for _, table in _TABLES for rule in table), *PROBED)


def explain(name: str, evidence: tuple[str, ...], *, way: str = "", **facts: str) -> Finding:
    """The finding of this id, for what was not found out by one response alone; `facts` for its texts."""
    rule = next(rule for rule in EVERY_RULE if rule.id == name and rule.way in (None, way))
    return rule.finding(evidence, None, facts)


def probe_of(name: str) -> Probe:
    """Which probe tells a finding of this id apart from others that the store words alike."""
    return next((rule.probe for rule in EVERY_RULE if rule.id == name), "")


def boxes_at(way: str) -> str:
    """Where in Magento the permissions of a caller that authenticates this way are ticked."""
    return ROLE if way == "request" else BOXES
