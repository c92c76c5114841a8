"""The payment page in Starlette. A desk waits for disks, so what asks it is a plain function, run in a thread."""

from datetime import UTC, datetime

from answers import HEADERS, answer_to
from processor import UnsignedError, checkout_address, take_payment
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from indiopay import IndioPayError, InvoiceDesk, Status


def create_app(desk: InvoiceDesk, *, page_url: str, secret: str) -> Starlette:
    """`page_url` is the desk's: https://factures.exemple.ca/payer/; `secret` signs the processor's events."""

    def page(request: Request) -> Response:
        token, locale = request.path_params["token"], request.query_params.get("langue")
        shown = desk.payment_page(token, locale=locale, checkout_url=f"{page_url}{token}/paiement")
        html = shown.to_html(
            file_url=lambda file: f"{token}/{file.id}", language_url=lambda locale: f"?langue={locale}"
        )
        return Response(html, headers=shown.headers)

    def download(request: Request) -> Response:
        found = desk.download(request.path_params["token"], request.path_params["file"])
        return StreamingResponse(found.chunks, headers=found.headers)

    def checkout(request: Request) -> Response:
        token = request.path_params["token"]
        invoice = desk.invoice_for_link(token)
        payable = invoice.status is Status.OPEN
        return RedirectResponse(checkout_address(invoice) if payable else f"../{token}", 303)

    async def event(request: Request) -> Response:
        body, signature = await request.body(), request.headers.get("Stripe-Signature", "")
        await run_in_threadpool(take_payment, desk, body, signature, secret=secret, now=datetime.now(UTC))
        return Response(status_code=204)

    def refused(_: Request, error: Exception) -> Response:
        return Response(*answer_to(error), HEADERS)

    routes = [
        Route("/payer/{token}", page),
        Route("/payer/{token}/{file:uuid}", download),
        Route("/payer/{token}/paiement", checkout),
        Route("/evenements", event, methods=["POST"]),
    ]
    app = Starlette(routes=routes, exception_handlers=dict.fromkeys((404, IndioPayError, UnsignedError), refused))
    app.router.redirect_slashes = False  # a redirect would name the host and the scheme that a proxy hides
    return app
