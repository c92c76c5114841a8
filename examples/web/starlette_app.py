"""The payment page in Starlette. A desk waits for disks, so what asks it is a plain function, run in a thread."""

from datetime import UTC, datetime

from processor import UnsignedError, checkout_address, take_payment
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from indiopay import AttachmentNotFoundError, InvoiceDesk, LinkError, Status

NOTHING = "Ce lien n’ouvre rien. Demandez-en un autre à votre cabinet.\nThis link opens nothing: ask for another one.\n"
UNSEEN = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


def create_app(desk: InvoiceDesk, *, site: str, secret: str) -> Starlette:
    """`site` is the app's own address, such as https://factures.exemple.ca; `secret` signs the processor's events."""

    def page(request: Request) -> Response:
        token = request.path_params["token"]
        checkout_url, locale = f"{site}/payer/{token}/paiement", request.query_params.get("langue")
        shown = desk.payment_page(token, locale=locale, checkout_url=checkout_url)
        html = shown.to_html(
            file_url=lambda file: f"/payer/{token}/{file.id}", language_url=lambda locale: f"?langue={locale}"
        )
        return Response(html, headers=shown.headers)

    def download(request: Request) -> Response:
        found = desk.download(request.path_params["token"], request.path_params["file"])
        return StreamingResponse(found.chunks, headers=found.headers)

    def checkout(request: Request) -> Response:
        invoice = desk.invoice_for_link(request.path_params["token"])
        payable = invoice.status is Status.OPEN
        return RedirectResponse(checkout_address(invoice) if payable else request.url.path.rpartition("/")[0], 303)

    async def event(request: Request) -> Response:
        body, signature = await request.body(), request.headers.get("Stripe-Signature", "")
        await run_in_threadpool(take_payment, desk, body, signature, secret=secret, now=datetime.now(UTC))
        return Response(status_code=204)

    def nothing(_: Request, __: Exception) -> Response:
        return PlainTextResponse(NOTHING, 404, UNSEEN)

    def unsigned(_: Request, __: Exception) -> Response:
        return Response(status_code=400)

    routes = [
        Route("/payer/{token}", page),
        Route("/payer/{token}/{file:uuid}", download),
        Route("/payer/{token}/paiement", checkout),
        Route("/evenements", event, methods=["POST"]),
    ]
    answers = {LinkError: nothing, AttachmentNotFoundError: nothing, UnsignedError: unsigned}
    return Starlette(routes=routes, exception_handlers=answers)
