"""What a client reads when a link opens nothing, or when the brokerage's side is out of order."""

import logging

from processor import UnsignedError

from indiopay import AttachmentNotFoundError, IndioPayError, LinkError

HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
PAGE = """<!DOCTYPE html>
<html lang="fr-CA"><meta name="viewport" content="width=device-width"><title>{title}</title>
<main><h1>{title}</h1><p>{french}</p><p lang="en-CA">{english}</p></main></html>
"""
NOTHING = PAGE.format(
    title="Lien inconnu",
    french="Ce lien n’ouvre rien. Demandez-en un autre à votre cabinet de courtage.",
    english="This link opens nothing. Ask your brokerage for another one.",
)
LATER = PAGE.format(
    title="Un instant",
    french="La page ne peut pas s’afficher pour le moment. Réessayez plus tard.",
    english="The page cannot be shown just now. Try again later.",
)

log = logging.getLogger(__name__)


def answer_to(error: Exception) -> tuple[str, int]:
    """What a client reads of it, and its status; what is the brokerage's to mend is logged, without the link."""
    if isinstance(error, UnsignedError):
        return "", 400
    if not isinstance(error, IndioPayError) or isinstance(error, LinkError | AttachmentNotFoundError):
        return NOTHING, 404
    log.error("%s: %s", type(error).__name__, error)
    return LATER, 503
