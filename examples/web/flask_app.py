"""The payment page in Flask."""

from datetime import UTC, datetime
from uuid import UUID

from answers import HEADERS, answer_to
from flask import Flask, Response, request
from processor import UnsignedError, checkout_address, take_payment

from indiopay import IndioPayError, InvoiceDesk, Status


def create_app(desk: InvoiceDesk, *, page_url: str, secret: str) -> Flask:
    """`page_url` is the desk's: https://factures.exemple.ca/payer/; `secret` signs the processor's events."""
    app = Flask(__name__)
    app.url_map.merge_slashes = False  # it redirects, and names the host and the scheme that a proxy hides

    @app.get("/payer/<token>")
    def page(token: str) -> Response:
        checkout_url, locale = f"{page_url}{token}/paiement", request.args.get("langue")
        shown = desk.payment_page(token, locale=locale, checkout_url=checkout_url)
        html = shown.to_html(
            file_url=lambda file: f"{token}/{file.id}", language_url=lambda locale: f"?langue={locale}"
        )
        return Response(html, headers=shown.headers)

    @app.get("/payer/<token>/<uuid:file>")
    def download(token: str, file: UUID) -> Response:
        found = desk.download(token, file)
        return Response(found.chunks, headers=found.headers)

    @app.get("/payer/<token>/paiement")
    def checkout(token: str) -> Response:
        invoice = desk.invoice_for_link(token)
        payable = invoice.status is Status.OPEN
        return Response(status=303, headers={"Location": checkout_address(invoice) if payable else f"../{token}"})

    @app.post("/evenements")
    def event() -> Response:
        signature = request.headers.get("Stripe-Signature", "")
        take_payment(desk, request.get_data(), signature, secret=secret, now=datetime.now(UTC))
        return Response(status=204)

    @app.errorhandler(404)
    @app.errorhandler(IndioPayError)
    @app.errorhandler(UnsignedError)
    def refused(error: Exception) -> Response:
        text, status = answer_to(error)
        return Response(text, status, HEADERS)

    return app
