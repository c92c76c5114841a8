"""The payment page in FastAPI. A desk waits for disks, so what asks it is a plain function, run in a thread."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import FastAPI, Header, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from processor import UnsignedError, checkout_address, take_payment

from indiopay import AttachmentNotFoundError, InvoiceDesk, LinkError, Status

NOTHING = "Ce lien n’ouvre rien. Demandez-en un autre à votre cabinet.\nThis link opens nothing: ask for another one.\n"
UNSEEN = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


def create_app(desk: InvoiceDesk, *, site: str, secret: str) -> FastAPI:
    """`site` is the app's own address, such as https://factures.exemple.ca; `secret` signs the processor's events."""
    app = FastAPI()

    @app.get("/payer/{token}")
    def page(token: str, langue: str | None = None) -> Response:
        shown = desk.payment_page(token, locale=langue, checkout_url=f"{site}/payer/{token}/paiement")
        html = shown.to_html(
            file_url=lambda file: f"/payer/{token}/{file.id}", language_url=lambda locale: f"?langue={locale}"
        )
        return Response(html, headers=dict(shown.headers))

    @app.get("/payer/{token}/{file:uuid}")
    def download(token: str, file: UUID) -> StreamingResponse:
        found = desk.download(token, file)
        return StreamingResponse(found.chunks, headers=found.headers)

    @app.get("/payer/{token}/paiement")
    def checkout(token: str) -> RedirectResponse:
        invoice = desk.invoice_for_link(token)
        payable = invoice.status is Status.OPEN
        return RedirectResponse(checkout_address(invoice) if payable else f"/payer/{token}", 303)

    @app.post("/evenements", status_code=204)
    async def event(request: Request, stripe_signature: Annotated[str, Header()] = "") -> None:
        body = await request.body()
        await run_in_threadpool(take_payment, desk, body, stripe_signature, secret=secret, now=datetime.now(UTC))

    @app.exception_handler(LinkError)
    @app.exception_handler(AttachmentNotFoundError)
    def nothing(_: Request, __: Exception) -> PlainTextResponse:
        return PlainTextResponse(NOTHING, 404, UNSEEN)

    @app.exception_handler(UnsignedError)
    def unsigned(_: Request, __: Exception) -> Response:
        return Response(status_code=400)

    return app
