"""The payment page in FastAPI. A desk waits for disks, so what asks it is a plain function, run in a thread."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from answers import HEADERS, answer_to
from fastapi import FastAPI, Header, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response, StreamingResponse
from processor import UnsignedError, checkout_address, take_payment

from indiopay import IndioPayError, InvoiceDesk, Status

READ = ["GET", "HEAD"]


def create_app(desk: InvoiceDesk, *, page_url: str, secret: str) -> FastAPI:
    """`page_url` is the desk's: https://factures.exemple.ca/payer/; `secret` signs the processor's events."""
    # No redirect, which would name the host that a proxy hides, and no pages of FastAPI's own beside the client's.
    app = FastAPI(redirect_slashes=False, openapi_url=None)

    @app.api_route("/payer/{token}", methods=READ)
    def page(token: str, langue: str | None = None) -> Response:
        shown = desk.payment_page(token, locale=langue, checkout_url=f"{page_url}{token}/paiement")
        html = shown.to_html(
            file_url=lambda file: f"{token}/{file.id}", language_url=lambda locale: f"?langue={locale}"
        )
        return Response(html, headers=dict(shown.headers))

    @app.api_route("/payer/{token}/{file:uuid}", methods=READ)
    def download(token: str, file: UUID) -> StreamingResponse:
        found = desk.download(token, file)
        return StreamingResponse(found.chunks, headers=found.headers)

    @app.api_route("/payer/{token}/paiement", methods=READ)
    def checkout(token: str) -> RedirectResponse:
        invoice = desk.invoice_for_link(token)
        payable = invoice.status is Status.OPEN
        return RedirectResponse(checkout_address(invoice) if payable else f"../{token}", 303)

    @app.post("/evenements", status_code=204)
    async def event(request: Request, stripe_signature: Annotated[str, Header()] = "") -> None:
        body = await request.body()
        await run_in_threadpool(take_payment, desk, body, stripe_signature, secret=secret, now=datetime.now(UTC))

    @app.exception_handler(404)
    @app.exception_handler(IndioPayError)
    @app.exception_handler(UnsignedError)
    def refused(_: Request, error: Exception) -> Response:
        return Response(*answer_to(error), HEADERS)

    return app
