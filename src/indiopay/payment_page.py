"""The payment page (« page Paiement ») that a link opens: as values, and as safe HTML with the headers it needs."""

import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from attrs import field, frozen

from indiopay.agency import Agency
from indiopay.attachment import Attachment
from indiopay.due_date import format_date
from indiopay.invoice import Invoice
from indiopay.languages import DEFAULT, SUPPORTED, is_french, supported_locale
from indiopay.messages import describe, file_kind, file_size, label, say
from indiopay.money import Money
from indiopay.status import Status
from indiopay.templates import environment, page_style

if TYPE_CHECKING:
    from jinja2 import Environment

_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_BAD_CHECKOUT = 'checkout_url must begin with "https://" (or "http://"), name a host, and hold no space or user name'


@frozen(repr=False)
class PaymentPage:
    """What the client sees of an invoice, and nothing that the client may not see.

    `paid_on` and `cancelled_on` are dates at the agency. `headers` are what a web framework must send with the HTML.
    """

    agency_name: str
    agency_email: str
    number: str
    client_name: str
    amount: Money
    amount_text: str
    due_date: date
    due_date_text: str
    due_today: bool
    overdue: bool
    description: str
    attachments: tuple[Attachment, ...]
    status: Status
    status_text: str
    paid_on: date | None
    cancelled_on: date | None
    cancel_reason: str | None
    payable: bool
    checkout_url: str | None
    locale: str
    headers: Mapping[str, str] = field(hash=False)
    _client_locale: str = field(alias="client_locale")
    _templates: "Environment" = field(eq=False, alias="templates")

    def __repr__(self) -> str:
        return f"PaymentPage(number={self.number}, status={self.status.value})"

    def to_html(
        self, *, file_url: Callable[[Attachment], str], language_url: Callable[[str], str] | None = None
    ) -> str:
        """The whole page.

        `file_url` gives the address of a file's download, `language_url` that of this page in another locale, for the
        link that switches language; both belong to the host.
        """
        return self._templates.get_template("page.html").render(
            page=self,
            lang=_tag(self.locale),
            note_lang=_tag(self._client_locale),
            say=partial(say, locale=self.locale),
            label=partial(label, locale=self.locale),
            files=[self._file(file, file_url(file)) for file in self.attachments],
            switch=language_url and self._switch(language_url),
        )

    def _file(self, file: Attachment, url: str) -> dict[str, str]:
        kind, size = file_kind(file.name, self.locale), file_size(file.size, self.locale)
        return {"name": file.name, "url": url, "kind": kind, "size": size}

    def _switch(self, language_url: Callable[[str], str]) -> dict[str, str]:
        other = _other_locale(self.locale, self._client_locale)
        return {"lang": _tag(other), "url": language_url(other), "name": say("language", other)}


@frozen
class Download:
    """One file of an invoice, on its way out. Its SHA-256 is checked before the last chunk: FileDamagedError.

    A download that broke off there is shorter than its Content-Length, so a browser tells it.
    """

    attachment: Attachment
    headers: Mapping[str, str] = field(hash=False, repr=False)
    chunks: Iterator[bytes] = field(repr=False, eq=False)


def payment_page(
    invoice: Invoice,
    *,
    agency: Agency,
    today: date,
    locale: str | None = None,
    checkout_url: str | None = None,
    templates: "Environment | None" = None,
) -> PaymentPage:
    """The page of an invoice on `today`, the agency's date, in the client's language or in `locale`, if it is ours.

    `checkout_url` is where the host takes payments: http or https, else ValueError; kept only while the invoice can
    be paid.
    """
    origin = None if checkout_url is None else _origin(checkout_url)
    payable = invoice.status is Status.OPEN
    client_locale = supported_locale(invoice.locale)
    language = client_locale if locale is None else supported_locale(locale, client_locale)
    templates = templates or environment()
    return PaymentPage(
        agency_name=agency.name,
        agency_email=agency.email,
        number=invoice.number,
        client_name=invoice.client.name,
        amount=invoice.amount,
        amount_text=invoice.amount.format(language),
        due_date=invoice.due_date,
        due_date_text=format_date(invoice.due_date, language),
        due_today=payable and invoice.due_date == today,
        overdue=invoice.is_overdue(today),
        description=invoice.description,
        attachments=invoice.attachments,
        status=invoice.status,
        status_text=describe(invoice.status, language),
        paid_on=None if invoice.paid_at is None else agency.local_date(invoice.paid_at),
        cancelled_on=None if invoice.cancelled_at is None else agency.local_date(invoice.cancelled_at),
        cancel_reason=invoice.cancel_reason,
        payable=payable,
        checkout_url=checkout_url if payable else None,
        locale=language,
        headers=_headers(language, page_style(templates), origin if payable else None),
        client_locale=client_locale,
        templates=templates,
    )


def _headers(locale: str, style: str, origin: str | None) -> dict[str, str]:
    digest = b64encode(sha256(style.encode()).digest()).decode("ascii")
    policy = (
        "default-src 'none'",
        f"style-src 'sha256-{digest}'",
        "form-action 'self'" + (f" {origin}" if origin else ""),
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Language": _tag(locale),
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex, nofollow",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "; ".join(policy),
    }


def _origin(url: str) -> str:
    """Scheme, host and port, built of checked parts only: nothing else of the address reaches a header."""
    if not isinstance(url, str) or not url.isprintable() or re.search(r"[\s\\]", url):
        raise ValueError(_BAD_CHECKOUT)
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode("ascii").lower()
        port = parts.port
    except ValueError:
        raise ValueError(_BAD_CHECKOUT) from None
    if parts.scheme not in ("http", "https") or "@" in parts.netloc or not _HOST.fullmatch(host):
        raise ValueError(_BAD_CHECKOUT)
    return f"{parts.scheme}://{host}" + ("" if port is None else f":{port}")


def _tag(locale: str) -> str:
    """The locale as HTML and HTTP name it (BCP 47)."""
    return locale.replace("_", "-")


def _other_locale(shown: str, client: str) -> str:
    """The client's own language, when another is shown; else the other language as the same region writes it."""
    if is_french(shown) != is_french(client):
        return client
    language, region = ("en" if is_french(shown) else "fr"), shown.partition("_")[2]
    if f"{language}_{region}" in SUPPORTED:
        return f"{language}_{region}"
    return DEFAULT if language == "fr" else language
