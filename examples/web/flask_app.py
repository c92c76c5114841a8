"""The payment page in Flask."""

from datetime import UTC, datetime
from uuid import UUID

from flask import Flask, Response, request
from processor import UnsignedError, checkout_address, take_payment

from indiopay import AttachmentNotFoundError, InvoiceDesk, LinkError, Status

NOTHING = "Ce lien n’ouvre rien. Demandez-en un autre à votre cabinet.\nThis link opens nothing: ask for another one.\n"
UNSEEN = {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


def create_app(desk: InvoiceDesk, *, site: str, secret: str) -> Flask:
    """`site` is the app's own address, such as https://factures.exemple.ca; `secret` signs the processor's events."""
    app = Flask(__name__)

    @app.get("/payer/<token>")
    def page(token: str) -> Response:
        checkout_url, locale = f"{site}/payer/{token}/paiement", request.args.get("langue")
        shown = desk.payment_page(token, locale=locale, checkout_url=checkout_url)
        html = shown.to_html(
            file_url=lambda file: f"/payer/{token}/{file.id}", language_url=lambda locale: f"?langue={locale}"
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
        return Response(status=303, headers={"Location": checkout_address(invoice) if payable else f"/payer/{token}"})

    @app.post("/evenements")
    def event() -> Response:
        signature = request.headers.get("Stripe-Signature", "")
        take_payment(desk, request.get_data(), signature, secret=secret, now=datetime.now(UTC))
        return Response(status=204)

    @app.errorhandler(LinkError)
    @app.errorhandler(AttachmentNotFoundError)
    def nothing(_: Exception) -> Response:
        return Response(NOTHING, 404, UNSEEN)

    @app.errorhandler(UnsignedError)
    def unsigned(_: Exception) -> Response:
        return Response(status=400)

    return app
