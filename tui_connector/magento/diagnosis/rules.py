"""The diagnosis table: every cause of a refusal, with what is said about it and what to do.

To change how a response is explained, find its row, and edit `summary` and `remedy`. It has the `id` that
`check --json` prints; a few others may have it, too, for other statuses, messages, authentications or probes. A row is
`Rule(id, setting to correct, conditions, fix=, summary=, remedy=)`; its columns are explained in `rule.py`. Sections
are searched from top to bottom, and the rows of each as well: the first match is shown.

A 401 is explained in one of these sections:

- `IN_FRONT`: the web server asks for a password of its own
- `NOT_MAGENTO`: the response is not of the REST API, such as a page
- `PERMISSION`: Magento names a permission: the caller lacks it, or Magento does not know the caller
- `LOGIN`: a token endpoint refuses the user, the password or the one-time code
- `SIGNATURE`, `DIALECT`, `SECRETS` (`signature_rules.py`): Magento refuses an OAuth signature
- `REQUEST`: every other 401

A row with `probe` cannot be told from others by the response alone: it says so, unless `when` requires what the probes
find out. `probes.py` sends a few more requests, and reports a row of `PROBED` or another one. A run sends none, and nor
does the request log.
"""

from __future__ import annotations

from functools import partial

from ...text import listed
from ..entities.comparisons import required_to_create
from .case import Case
from .finding import Finding, Fix
from .menus import INTEGRATION_DETAILS, INTEGRATION_MENU, INTEGRATION_ROW, ROLE_MENU
from .rule import FIND_OUT, Probe, Rule, Section
from .signature_rules import DIALECT, SECRETS, SIGNATURE

ANY_RESOURCE = "Magento_Backend::admin"
"""Required by `modules`, and granted to every caller that has any resource at all (Magento_Authorization, Rules)."""
_LIMITS = "Stores › Configuration › Services › Magento Web API › Web Api Input Limits"
_NO_CODES = "Or use an integration, which needs no one-time codes."
_SET_UP = "Log in to the admin with this user in a browser once, and set up the authenticator app there."
_ALLOW_BEARER = (
    "Stores › Configuration › Services › OAuth › Consumer Settings › Allow OAuth Access Tokens to be used as "
    "standalone Bearer tokens = Yes (bin/magento config:set oauth/consumer/enable_integration_as_bearer 1, then "
    "cache:clean config)."
)
_BEARER_ALONE = (
    "By default, Magento 2.4.4 and later refuse an integration's token alone: sign with its four tokens, or set "
    f"{_ALLOW_BEARER}"
)
_SERVER_ERROR = range(500, 1_000)
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
_OF_NEW_PRODUCTS = listed(required_to_create("products"))
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
"""By the path after /V1: what identifies such an entity."""


def _is_unknown(case: Case) -> bool:
    """Whether a probe has shown that the store does not recognize the caller."""
    return case.authenticated is False


def _may_be_refused_alone(case: Case) -> bool:
    """Whether no probe was sent, and the token may be an integration's, which many stores do not accept alone."""
    return case.authenticated is None and (case.token is None or case.token.kind == "integration")


def _names_an_entity(case: Case, entities: str) -> bool:
    """Whether what was not found is an entity at one of these paths (a regular expression)."""
    body = case.body
    named = body.named or body.listed or body.has("requested doesn't exist", "no such entity")
    return bool(named) and case.is_path_of(entities)


# fmt: off

# Responses that Magento's REST API did not send: the web server, a firewall, or the wrong address.

IN_FRONT = Section(lambda _: True, (
    Rule("redirect", "address", status=range(300, 400), when=lambda case: case.redirect_uri,
         fix=Fix("address", "{redirect_store}", "Use {redirect_store}"),
         summary="The store redirects requests to {redirect_target}",
         remedy="Redirects are not followed because they would carry the token along. Use that address as the store's "
                "address."),
    Rule("redirect", "address", status=range(300, 400), when=lambda case: case.location,
         summary="The store redirects requests to {location}",
         remedy="Ask for the address under which the shop is reached."),
    Rule("redirect", "address", status=range(300, 400),
         summary="The store redirects requests and does not say where to",
         remedy="Ask for the address under which the shop is reached."),
    Rule("web-server-password", "address", status=(401,), when=lambda case: case.response.header("WWW-Authenticate"),
         summary="The web server in front of Magento requires a password of its own ({auth_scheme})",
         remedy="Exempt /rest from it (nginx: auth_basic off for /rest) or allow this computer's address, then test "
                "again. A signed integration can be combined with it: add a basic HTTP authentication before it. A "
                "bearer token cannot."),
))
NOT_MAGENTO = Section(lambda case: not case.is_rest_response, (
    Rule("plain-to-tls", "address", when=lambda case: case.is_plain_to_tls,
         fix=Fix("address", "{https_address}", "Use {https_address}"),
         summary="This port speaks TLS, but the address says http://",
         remedy="Write https:// instead of http://."),
    Rule("php-text", when=lambda case: case.body.php_text,
         summary="PHP writes its warnings into the response, before the data",
         remedy="Have PHP's display_errors switched off (php.ini: display_errors = Off); the warning itself is in "
                "the log."),
    Rule("firewall", "address", when=lambda case: case.is_firewall_page,
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
         remedy="Try again; for a list, request fewer items at a time. If it persists, ask the store's administrator."),
    Rule("body-too-large", "batch", status=(413,),
         summary="The web server does not accept a body of this size",
         remedy="Send fewer entities at a time, or have the limit raised (nginx: client_max_body_size)."),
    Rule("uri-too-long", "uri", status=(414,),
         summary="The web server does not accept an address of this length",
         remedy="Request fewer values at a time: at most 100 in one `in`."),
    Rule("too-many-requests", status=(429,),
         summary="The store, or a server in front of it, limits the number of requests",
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
         remedy="Ask the store's administrator to check var/log/exception.log at that time, and var/log/system.log for "
                "a database that is down."),
    Rule("store-crashed", status=_SERVER_ERROR,
         summary="The store crashed outside its REST API ({status})",
         remedy="Ask the store's administrator to check var/log/exception.log and var/report at that time."),
    Rule("empty-answer", when=lambda case: case.body.kind == "empty",
         summary="The store responded with {status} and an empty body",
         remedy="Try again; if it persists, PHP crashes: check its log."),
    Rule("not-rest", "address", when=lambda case: case.body.kind == "html",
         summary="This address responds with {status} and a web page{title}, not with Magento's REST API",
         remedy=_NOT_REST),
    Rule("not-rest", "address",
         summary="This address responds with {status} and text that is not JSON",
         remedy=_NOT_REST),
))

# A 401 that names a resource: Magento sends the same body to callers that it does not know and to those that lack the
# permission. It never reports a bad bearer token as such: the request continues as a guest's (Magento_Webapi,
# TokenUserContext).

PERMISSION = Section(lambda case: case.status == 401 and case.resource, (
    Rule("customers-only", "uri", when=lambda case: case.authenticated is not False and case.resource == "self",
         summary=_CUSTOMERS_ONLY,
         remedy=_AS_CUSTOMER),
    Rule("permission-missing", "permission", auth="request", when=lambda case: case.authenticated,
         summary="The token lacks the permission {resource}",
         remedy=f"In Magento: {ROLE_MENU}: tick {{permission_path}}, then Save."),
    Rule("permission-missing", "permission", when=lambda case: case.authenticated,
         summary="The token lacks the permission {resource}",
         remedy=f"In Magento: {INTEGRATION_MENU}: tick {{permission_path}}, then Save (not Reauthorize: that makes "
                "new tokens)."),
    Rule("token-malformed", "token", when=lambda case: case.token and case.token.kind == "odd",
         summary="This does not look like a Magento token{token_oddity}",
         remedy='Copy "Access Token", the third value, again: 32 lower-case letters and digits, nothing before or '
                'after it.'),
    Rule("token-expired", "token", when=lambda case: case.token and case.token.expired,
         fix=Fix("authentication", "request", "Log in with user and password instead"),
         summary="This token has expired: those of a login last 60 minutes",
         remedy="Log in with user and password (request authentication), which renews it by itself, or use an "
                "integration: its tokens do not expire. How long: Stores › Configuration › Services › Magento Web "
                "API › JWT Authentication › Admin User JWT Expires In."),
    Rule("customer-token", when=lambda case: case.token and case.token.kind == "customer",
         summary="This is a customer's token: it only has that customer's permissions",
         remedy="Use an integration's tokens, or an admin user's."),
    Rule("not-authenticated", "authentication", auth="",
         summary="The store requires authentication",
         remedy="Give the client an HTTP authentication that Magento accepts: an integration, a bearer token or "
                "a login."),
    Rule("bearer-refused", "token", auth="bearer", when=_is_unknown, probe="caller",
         fix=Fix("authentication", "oauth1", "Sign with the four tokens instead"),
         summary="The store does not accept this token alone (Bearer); Magento 2.4.4 and later disable that by default",
         remedy=f"Sign with the integration's four tokens, or set {_ALLOW_BEARER} Was it copied from this store?"),
    Rule("integration-inactive", "authentication", auth="oauth1", when=_is_unknown, probe="caller",
         summary="The signature is right, but the integration is inactive or has no resource ticked",
         remedy=f"In Magento: {INTEGRATION_ROW}: Activate it; Edit › API: tick what it may do, then Save."),
    Rule("login-token-refused", "username", when=_is_unknown, probe="caller",
         summary="The login worked, but the store does not accept its token: the user's role has no resource ticked",
         remedy=f"In Magento: {ROLE_MENU}: tick what it may do. A user made a moment ago: bin/magento cache:clean "
                "config."),
    # every caller that the store recognizes has this one
    Rule("unauthorized", "authentication", auth="bearer", probe="caller",
         when=lambda case: case.resource == ANY_RESOURCE and _may_be_refused_alone(case),
         summary="The store does not recognize the caller",
         remedy=f"{_BEARER_ALONE} {FIND_OUT.format('why')}"),
    Rule("unauthorized", "permission", auth="bearer", when=_may_be_refused_alone, probe="caller",
         summary="The store does not recognize the caller, or the caller may not do this",
         remedy=f"{_BEARER_ALONE} {FIND_OUT.format('which')} Permission: {{permission_path}}."),
    Rule("unauthorized", "authentication", when=lambda case: case.resource == ANY_RESOURCE, probe="caller",
         summary="The store does not recognize the caller",
         remedy=FIND_OUT.format("why")),
    Rule("unauthorized", "permission", probe="caller",
         summary="Either the store does not recognize the caller, or the caller may not do this (it needs {resource})",
         remedy=f"{FIND_OUT.format('which')} The permission to tick: {{permission_path}}."),
))

# What only the probes find out about a caller or a signature.

PROBED = (
    Rule("header-lost", "authentication",
         summary="The Authorization header does not reach Magento: the web server removes it",
         remedy='Have it passed on. Apache: SetEnvIf Authorization "(.*)" HTTP_AUTHORIZATION=$1 in the virtual '
                "host (or CGIPassAuth On); nginx: fastcgi_param HTTP_AUTHORIZATION $http_authorization."),
    # reported only for versions that accept every integration's token alone
    Rule("token-unknown", "token",
         summary="The store does not know this token: it is no longer valid, or belongs to another store",
         remedy=f'In Magento: {INTEGRATION_ROW}: Edit › Integration Details: copy "Access Token", the third value.'),
    Rule("oauth-signature", "consumer-secret",
         summary="Magento knows the key and the token, but one of the two secrets is wrong",
         remedy='Copy "Consumer Secret" and "Access Token Secret" again: the second and the fourth value '
                f"({INTEGRATION_DETAILS})."),
    Rule("oauth-origin", "signed-origin", fix=Fix("signed-origin", "", "Sign as {origin}"),
         summary="The secrets are right, but the profile signs as {signed_origin}, and the store's own address is "
                 "now {origin}",
         remedy="Remove signed-origin from the authentication."),
    Rule("oauth-proxy", "signed-origin", fix=Fix("signed-origin", "{origin}", "Sign as {origin}"),
         summary="The secrets are right, but the store takes its own address to be {origin}: a proxy in front of it "
                 "hides {hidden}",
         remedy="{remedies} Or sign as that origin."),
    Rule("totp-secret-wrong", "totp",
         summary="The store refuses the one-time code generated from the TOTP secret",
         remedy="Compare the secret with the one that this user's authenticator app was set up with (the letters "
                "under the QR code). If it is right, compare this computer's clock: 29 seconds off is too much."),
)
PASS_PORT = (
    "Have the web server pass the Host header with its port. nginx as a proxy: proxy_set_header Host $http_host; nginx "
    "with PHP-FPM: fastcgi_param HTTP_HOST $http_host (its fastcgi_params may say $host, which has no port)."
)
PASS_SCHEME = (
    "Have the proxy say that the request came by https. nginx as a proxy: proxy_set_header X-Forwarded-Proto $scheme; "
    "nginx with PHP-FPM: fastcgi_param HTTPS on."
)

# The responses of the token endpoints to a login: Magento_Integration, Magento_TwoFactorAuth, Magento_AdminAdobeIms.

LOGIN = Section(lambda case: case.is_login and case.status >= 300, (
    # the endpoints for one-time codes only exist where their module is enabled
    Rule("two-factor-off", "uri", status=(404,), when=lambda case: case.is_login_with_code and case.body.by_magento,
         fix=Fix("one-time-code", "", "Log in without a code"),
         summary="This store uses no one-time codes: its module Magento_TwoFactorAuth is disabled or removed",
         remedy='Log in at {login_without_code} (the authentication\'s uri) and remove the code ("otp") from its '
                "parameters."),
    Rule("one-time-code-wrong", "otp", status=(401,), message=("code",), when=lambda case: case.is_login_with_code,
         summary="The one-time code is wrong or too old",
         remedy="Type the code that the app shows now; a code is valid for about a minute. Is this computer's "
                "clock right?"),
    Rule("ims", "authentication", status=(401,), message=("ims",),
         fix=Fix("authentication", "oauth1", "Use an integration"),
         summary="Admin users of this store log in with Adobe IMS only",
         remedy="Use an integration: it does not need a login."),
    Rule("user-without-role", "username", status=(401,), message=("permissions are needed",),
         summary="The user has no role",
         remedy="In Magento: System › Permissions › All Users › the user › User Role: give it a role."),
    Rule("customer-login-refused", "password", status=(401,), when=lambda case: case.is_customer_login,
         summary="The store did not accept the customer's e-mail address or password, or has temporarily locked the "
                 "customer",
         remedy="Correct them. The address must be that of a store view of the customer's website."),
    Rule("login-refused", "password", status=(401,),
         summary="The store did not accept the user name or the password, or the account is locked or inactive",
         remedy="Correct them; no further login is sent automatically. After six failures Magento locks the user "
                "for 30 minutes: then wait, or have the row in the table oauth_token_request_log removed. Can the "
                "user log in to the admin?"),
    Rule("two-factor-user", "username", status=(400,), when=lambda case: case.lacks_two_factor_setup,
         summary="This store asks for a one-time code, and the user has not set that up yet",
         remedy=f"{_SET_UP} {_NO_CODES}"),
    Rule("two-factor", "authentication", status=(400,), parameters=("active_providers",),
         fix=Fix("one-time-code", "{provider}", "Log in with a one-time code"),
         summary="This store asks admin users for a one-time code ({active_providers})",
         remedy=f"Give the code's secret, or type the code when prompted. {_NO_CODES}"),
    Rule("two-factor", "authentication", status=(400,), message=("provider-specific",),
         fix=Fix("one-time-code", "google", "Log in with a one-time code"),
         summary="This store asks admin users for a one-time code",
         remedy=f"Give the code's secret, or type the code when prompted. {_NO_CODES}"),
    Rule("two-factor-provider", "uri", status=(400,), message=("provider is not allowed",),
         summary="The store does not use this provider of codes",
         remedy=f"Ask which provider the store uses (Stores › Configuration › Security › 2FA). {_NO_CODES}"),
    Rule("two-factor-store", "authentication", status=(400,), message=("2fa", "two-factor"),
         summary="This store asks for a one-time code, and no provider of codes has been chosen yet",
         remedy="In Magento: Stores › Configuration › Security › 2FA: choose the providers (bin/magento config:set "
                f"twofactorauth/general/force_providers google). {_NO_CODES}"),
    Rule("two-factor-mail", "username", status=(400,), message=("failed to send",),
         summary="The user has not set up one-time codes yet, and the store cannot send the e-mail to begin with",
         remedy=f"{_SET_UP} (bin/magento security:tfa:google:set-secret USER SECRET does it without e-mail.) "
                f"{_NO_CODES}"),
    Rule("one-time-code-missing", "otp", status=(400,), when=lambda case: case.body.parameter("fieldName") == "otp",
         summary="The login request lacks the one-time code",
         remedy="Give the secret of the authenticator app, or choose to be prompted for the code."),
    Rule("login-fields", "{fieldName}", status=(400,), parameters=("fieldName",),
         summary="The login request lacks {fieldName}",
         remedy="Give {fieldName} in the parameters of the login, which is sent as JSON (Content-Type: "
                "application/json)."),
))

# A request from a caller that the store knows: the path, the method or the data are wrong.

REQUEST = Section(lambda case: case.status >= 300, (
    Rule("unauthorized", "authentication", status=(401,),
         summary="The store, or a server in front of it, does not accept the authentication: {message}",
         remedy="Check the client's authentication: its kind, header and secrets."),
    Rule("too-many-requests", status=(429,),
         summary="The store, or a server in front of it, limits the number of requests",
         remedy="Wait{retry_after}; add the plugin rate-limit to the client."),
    *(Rule("no-entity", "uri", status=(404,), when=partial(_names_an_entity, entities=entities),
           summary="The entity does not exist in the store: {message}",
           remedy=f"Compare the identifier. {identifier}".rstrip())
      for entities, identifier in _IDENTIFIERS),
    Rule("no-route", "uri", status=(404,), message=("route",),
         summary="Magento has no such route: the path is misspelt, the method is wrong, or a module is disabled",
         remedy="Compare the path and the method with the list of entities; a / within a sku is %2F. Is the module "
                "there? bin/magento module:status"),
    Rule("not-found", "uri", status=(404,),
         summary="The store has no such route or no such entity: {message}",
         remedy="Compare the path, the method and the identifier."),
    Rule("method", "method", when=lambda case: case.status == 405 or case.body.has("request method is invalid"),
         summary="Magento does not accept the method {method}",
         remedy="Use get, post, put or delete: Magento has no others."),
    Rule("stand-in", "uri", status=(501,), parameters=("route",),
         summary="This stand-in for a store does not offer {route}; a real Magento store does",
         remedy="The request is not wrong. Run it against a real store, or choose something that the stand-in "
                "offers."),
    Rule("not-implemented", "address", status=(501,),
         summary="The server does not implement this request: {message}",
         remedy="Magento never responds with 501: check which server or proxy does, and the method {method}."),
    Rule("filter-field", "filter", status=_SERVER_ERROR, when=lambda case: case.unknown_column,
         named="{unknown_column}",
         summary=_UNKNOWN_FIELD.format("{unknown_column}"),
         remedy=f"{{meant_field}}{_SEARCH_FIELDS}"),
    Rule("store-error", status=_SERVER_ERROR, when=lambda case: case.is_search,
         summary="The store failed: {message}",
         remedy="Ask the store's administrator to look for {report_id} in var/log/exception.log. For a list, the "
                "likeliest reason is a search by a field that the entity does not have; otherwise request fewer "
                "items at a time, down to the one that fails."),
    Rule("store-error", status=_SERVER_ERROR,
         summary="The store failed: {message}",
         remedy="Ask the store's administrator to look for {report_id} in var/log/exception.log."),
))
BAD_REQUEST = Section(lambda case: case.status == 400, (
    Rule("async-get", "uri", when=lambda case: case.is_unroutable and case.is_async and case.is_read,
         summary="Nothing can be read through /async",
         remedy="Remove /async; only writes can be queued by the store."),
    Rule("rest-version", "address", when=lambda case: case.is_unroutable and case.lacks_version,
         summary="The address lacks /V1 after /rest",
         remedy="The address ends in /rest/V1, with a capital V; a store view's code may come between."),
    Rule("store-code", "store-view", when=lambda case: case.is_unroutable,
         fix=Fix("store-view", "all", "Use all"),
         summary="Magento does not know this path: there is no store view of that code, or /V1 is missing",
         remedy="Use all (default values), default (the default store view), or the code of a store view (Stores › "
                "Settings › All Stores; its number is not its code)."),
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
    Rule("field-unknown", "parameters",
         when=lambda case: case.named_field[:1].isupper() and not case.body.has("required"),
         summary="The store does not know the field {named_field} (its name in camel case)",
         remedy="Correct it or leave it out. Stock does not belong in a product: send it as stock by source."),
    Rule("search-criteria", "uri", when=lambda case: case.named_field in ("searchCriteria", "search_criteria"),
         summary="A list must be requested with searchCriteria",
         remedy="Add ?searchCriteria= to the address, or a pagination to the incoming."),
    Rule("customers-only", "uri", when=lambda case: case.named_field == "customerId",
         summary=_CUSTOMERS_ONLY,
         remedy=_AS_CUSTOMER),
    Rule("field-missing", "parameters", when=lambda case: case.named_field,
         summary="The request lacks {named_field}",
         remedy='Add "{named_field}" to the parameters; the top-level key is the one that the route expects, such as '
                '{{"product": …}}.'),
    Rule("sort-direction", "uri", when=lambda case: case.is_search and case.lists_directions,
         summary="The sort direction is neither ASC nor DESC",
         remedy="Write ASC or DESC; the default is DESC."),
    Rule("filter-field", "filter", when=lambda case: case.rejected_filter,
         named="{rejected_filter}",
         summary=_UNKNOWN_FIELD.format("{rejected_filter}"),
         remedy=f"{{meant_field}}{_SEARCH_FIELDS}"),
    Rule("content-type", "plugins", message=("content-type", "supported charset"),
         summary="The store cannot read the body: {message}",
         remedy="Add the plugin content-type to the client: it sends Content-Type: application/json."),
    Rule("bad-json", "parameters", when=lambda case: case.is_bad_json and case.json_fault,
         summary="The body is not valid JSON: {json_fault}",
         remedy="Correct the body at this place."),
    Rule("bad-json", "parameters", when=lambda case: case.is_bad_json,
         summary="The body is not valid JSON",
         remedy="Look at the body in the log: it must be JSON, UTF-8, without a byte order mark or a trailing "
                "comma."),
    Rule("wrong-type", "uri", message=("value's type is invalid", "error occurred during"),
         when=lambda case: not case.request.body,
         summary="A value in the path or the query has the wrong type: {message}",
         remedy="Write a number where the path or the query has one, such as an id in orders/1."),
    Rule("wrong-type", "parameters", message=("value's type is invalid", "error occurred during"),
         summary="A value has the wrong type: {message}",
         remedy="Send a number as a number, a list as a list."),
    Rule("captcha", "authentication", message=("captcha",),
         fix=Fix("authentication", "oauth1", "Use an integration"),
         summary="The store requires a captcha for this",
         remedy="Use an integration: captchas do not apply to it."),
    Rule("https-only", "address", message=("only in https",),
         summary="The store accepts this request over https only",
         remedy="Use the store's https address."),
    Rule("try-again", message=("deadlock", "lock wait", "database connection", "could not save source item config"),
         summary="Two writes collided in the store's database; nothing was saved",
         remedy="Send it again, with fewer requests at a time."),
    Rule("data-refused", "parameters", message=("attribute set entity type",), when=lambda case: not case.is_read,
         summary="The store does not accept this: {message}",
         remedy="Write the id of an attribute set of products in attribute_set_id: 4 is Default, and GET "
                "products/attribute-sets/sets/list?searchCriteria= lists all. "
                f"A new product needs {_OF_NEW_PRODUCTS}."),
    Rule("data-refused", "parameters", when=lambda case: not case.is_read and case.empty_attribute,
         summary="The store does not accept this: {message}",
         remedy="Give {empty_attribute} a value; nothing of this request was saved."),
    Rule("url-key", "parameters", message=("url key",),
         summary="Another entity has the same URL key",
         remedy="Give the entity a url_key of its own (in custom_attributes)."),
    Rule("data-refused", "parameters", when=lambda case: not case.is_read and case.body.message,
         summary="The store does not accept this: {message}",
         remedy="Correct the entity; nothing of this request was saved."),
))
# A response with a status of success; other rows of the same request were stored.

ACCEPTED = Section(lambda case: case.refusal, (
    Rule("row-refused", "parameters", when=lambda case: case.refuses("row-refused"),
         summary="The store responded with {status}, but refused a part of the request: {refused}",
         remedy="Correct what it names, and send it again. What it does not name was saved."),
    Rule("queue-rejected", "parameters", when=lambda case: case.refuses("rejected"),
         summary="The store's queue has rejected a part of the request: {refused}",
         remedy="Correct what it names, and send it again. The other operations were queued."),
    Rule("operation-failed", "parameters", when=lambda case: case.refuses("operation-failed"),
         summary="An operation of the store's queue has failed: {refused}",
         remedy="Correct the entity of that operation, and send it again. More: System › Action Log › Bulk Actions."),
    Rule("error-with-success", when=lambda case: case.refuses("error", "text"),
         summary="The status of the response is wrong: {refused}",
         remedy="Nothing says that it was saved. A plugin, or a server in front of Magento, replaces the status of "
                "errors: ask the store's administrator to look at that time in var/log/exception.log."),
    Rule("false", "parameters",
         summary="The store responded with {status} and false: it has not saved this, and gives no reason",
         remedy="Compare the entity with one that the store has, and the path with the route; ask the store's "
                "administrator to look at that time in var/log/exception.log."),
))
PROJECTION = Section(lambda case: case.is_empty_projection, (
    Rule("fields", "parameters", when=lambda case: case.bracket_fault,
         summary="The store sent an empty list, because the parameter fields cannot be read: {bracket_fault}",
         remedy="Close each bracket, as in fields=items[sku,name],total_count."),
    Rule("fields", "parameters", when=lambda case: case.is_search,
         summary="The store sent an empty list, because the response has none of the fields that the parameter fields "
                 "names",
         remedy="Name fields of the response, as in fields=items[sku,name],total_count."),
))
REFUSED = Section(lambda case: case.status >= 300, (
    Rule("refused",
         summary="The store refused the request: {status}, {message}",
         remedy="See the response in the log."),
))

# fmt: on

SECTIONS = (
    IN_FRONT,
    NOT_MAGENTO,
    PERMISSION,
    LOGIN,
    SIGNATURE,
    DIALECT,
    SECRETS,
    REQUEST,
    BAD_REQUEST,
    ACCEPTED,
    PROJECTION,
    REFUSED,
)
"""In the order in which they are searched."""

EVERY_RULE = (*PROBED, *(rule for section in SECTIONS for rule in section.rules))


def first_match(case: Case) -> Rule | None:
    """The rule that explains this response; None for a success of Magento's REST API."""
    return next((rule for section in SECTIONS if (rule := section.match(case)) is not None), None)


def explain(rule_id: str, evidence: tuple[str, ...], *, auth: str = "", **facts: str) -> Finding:
    """The finding of a rule that was not found by one response alone, of `PROBED` if it is there.

    `facts` are filled into its texts.
    """
    rule = next(rule for rule in EVERY_RULE if rule.id == rule_id and rule.auth in (None, auth))
    return rule.finding(evidence, None, facts)


def probe_of(rule_id: str) -> Probe:
    """Which probe distinguishes this rule from those with the same response."""
    return next((rule.probe for rule in EVERY_RULE if rule.id == rule_id and rule.probe), "")
