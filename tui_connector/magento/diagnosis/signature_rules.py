"""The rows of the diagnosis table for a refused OAuth signature.

Magento's message names the wrong value (Magento\\Framework\\Oauth\\Oauth and Magento_Integration,
Oauth\\Token\\Provider; the same words from 2.3 to 2.4.8). Where a store translates it, the probes compare it with the
message for a value that is certainly wrong.
"""

from __future__ import annotations

from .menus import INTEGRATION_DETAILS, INTEGRATION_ROW
from .rule import FIND_OUT, Rule, Section

_DIALECTS = "The signature is refused, and Magento versions sign such a request differently"

# fmt: off

SIGNATURE = Section(lambda case: case.is_signature_refusal, (
    Rule("oauth-method", message=("signature method", "oauth version"),
         summary="The store does not accept this signature method: HMAC-SHA1 is refused since Magento 2.4.4",
         remedy="Sign with HMAC-SHA256, as the authentication oauth1 does."),
    Rule("oauth-nonce-used", message=("nonce",), when=lambda case: case.body.listed,
         summary="Magento has received this exact request before: something in between sends requests twice",
         remedy="Test again. If it persists, look for a proxy between here and the store that repeats requests."),
    Rule("clock", message=("nonce", "timestamp"), when=lambda case: case.is_clock_ahead,
         summary="This computer's clock is fast: Magento accepts requests from at most ten minutes ahead",
         remedy="Set the clock (timedatectl set-ntp true), then test again."),
    Rule("oauth-nonce", message=("nonce", "timestamp"), probe="signature",
         summary="Magento cannot accept this nonce: the clock here is fast, or the store's database failed",
         remedy="Compare the clock here with the response's Date header: it may be ten minutes fast at most. "
                "Otherwise, look for that time in the store's var/log/exception.log."),
    Rule("oauth-revoked", "access-token", message=("revoked",),
         summary="This access token has been revoked",
         remedy=f"In Magento: {INTEGRATION_ROW} › Reauthorize; then copy all four values again."),
    Rule("oauth-pair", "access-token", message=("not associated",),
         summary="The consumer key and the access token belong to two integrations",
         remedy=f"Copy all four values from one row ({INTEGRATION_DETAILS})."),
    Rule("oauth-consumer-key", "consumer-key", message=("consumer",),
         summary="Magento does not know this consumer key",
         remedy=f'Copy "Consumer Key", the first value ({INTEGRATION_DETAILS}). Is it from this store?'),
    # the length is checked before anything is looked up, so this says nothing about the other values
    Rule("oauth-access-token", "access-token", status=(400,), message=("token length",),
         summary="The access token does not have the 32 characters of Magento's tokens",
         remedy=f'Copy "Access Token", the third value ({INTEGRATION_DETAILS}). The other values were not checked '
                "yet."),
    Rule("oauth-access-token", "access-token", message=("token",),
         summary="Magento knows the consumer key, but not this access token",
         remedy=f'Copy "Access Token", the third value ({INTEGRATION_DETAILS}).'),
))
DIALECT = Section(lambda case: case.is_signature_refusal and case.body.has("signature") and case.depends_on_dialect, (
    Rule("oauth-dialect", "dialect", when=lambda case: case.unsignable_reason, probe="signature",
         summary=_DIALECTS,
         remedy="Change the request: Magento 2.4.8 refuses every signature of it, because {unsignable_reason}."),
    Rule("oauth-dialect", "dialect", when=lambda case: case.has_bare_parameter, probe="signature",
         summary=_DIALECTS,
         remedy="Write each parameter with =, such as searchCriteria=: the store leaves the others out of what it "
                "signs."),
    Rule("oauth-dialect", "dialect", when=lambda case: case.has_plus, probe="signature",
         summary=_DIALECTS,
         remedy="Write a space as %20: the store reads + as a plus sign."),
    Rule("oauth-dialect", "dialect", probe="signature",
         summary=_DIALECTS,
         remedy="Test `modules`: if it is accepted, the secrets are right; then set the authentication's dialect "
                "to auto, which finds out how this version signs."),
))
SECRETS = Section(lambda case: case.is_signature_refusal, (
    Rule("oauth-signature", "consumer-secret", message=("signature",), probe="signature",
         summary="Magento knows the key and the token, but does not accept the signature: either one of the two "
                 "secrets is wrong, or the store takes its own address to be another one",
         remedy=FIND_OUT.format("which")),
    Rule("oauth-refused", "consumer-key", probe="signature",
         summary="Magento refuses the signed request: {message}",
         remedy=f"Compare the four values with those under {INTEGRATION_DETAILS}."),
))
