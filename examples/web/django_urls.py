"""The payment page in Django: address patterns for a project's urls.py."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from answers import HEADERS, answer_to
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe
from processor import UnsignedError, checkout_address, take_payment

from indiopay import IndioPayError, InvoiceDesk, Status


def payment_urls(desk: InvoiceDesk, *, page_url: str, secret: str) -> list[URLPattern]:
    """`page_url` is the desk's: https://factures.exemple.ca/payer/; `secret` signs the processor's events."""

    def page(request: HttpRequest, token: str) -> HttpResponse:
        checkout_url, locale = f"{page_url}{token}/paiement", request.GET.get("langue")
        shown = desk.payment_page(token, locale=locale, checkout_url=checkout_url)
        files, languages = (lambda file: f"{token}/{file.id}"), (lambda locale: f"?langue={locale}")
        return HttpResponse(shown.to_html(file_url=files, language_url=languages), headers=shown.headers)

    def download(_: HttpRequest, token: str, file: UUID) -> StreamingHttpResponse:
        found = desk.download(token, file)
        return StreamingHttpResponse(found.chunks, headers=found.headers)

    def checkout(_: HttpRequest, token: str) -> HttpResponse:
        invoice = desk.invoice_for_link(token)
        payable = invoice.status is Status.OPEN
        return HttpResponseRedirect(checkout_address(invoice) if payable else f"../{token}", status=303)

    def event(request: HttpRequest) -> HttpResponse:
        signature, now = request.headers.get("Stripe-Signature", ""), datetime.now(UTC)
        take_payment(desk, request.body, signature, secret=secret, now=now)
        return HttpResponse(status=204)

    return [
        path("payer/<token>/<uuid:file>", require_safe(_answered(download))),
        path("payer/<token>/paiement", require_safe(_answered(checkout))),
        path("payer/<path:token>", require_safe(_answered(page))),
        path("evenements", csrf_exempt(require_POST(_answered(event)))),
    ]


def _answered(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    def answer(request: HttpRequest, **found: object) -> HttpResponse:
        try:
            return view(request, **found)
        except (IndioPayError, UnsignedError) as error:
            text, status = answer_to(error)
            return HttpResponse(text, status=status, headers=HEADERS)

    return answer
