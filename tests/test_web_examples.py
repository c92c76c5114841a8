"""The payment page in four web frameworks, asked with each one's own client: the same answers from all of them."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin
from uuid import UUID

import pytest
from answers import HEADERS
from processor import checkout_address, sign

from indiopay import Invoice, InvoiceDesk, Status, Upload
from indiopay.stores.memory import MemoryStore
from indiopay.testing import StoppedClock, memory_desk
from indiopay.testing.faults import Fault

from .conftest import PDF, filled_in, token_of
from .processor_events import ADDRESS, SECRET, paid_event, written

if TYPE_CHECKING:
    from .web_clients import Answer, Ask

pytestmark = pytest.mark.no_cover  # it goes over and over what other tests cover

EXAMPLES = Path(__file__).parent.parent / "examples" / "web"
NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)


FRAMEWORKS = ("Starlette", "FastAPI", "Flask", "Django")


def opened(framework: str, desk: InvoiceDesk, stack: ExitStack, prefix: str = "") -> "Ask":
    """A client of the app over that desk; frameworks are loaded late, since a small process is quickly forked."""
    from .web_clients import CLIENTS

    return CLIENTS[framework](desk, stack, prefix)


@pytest.fixture
def fault() -> Fault:
    """Nothing fails yet."""
    return Fault(0, for_good=True)


@pytest.fixture
def desk(fault: Fault) -> InvoiceDesk:
    return memory_desk(clock=StoppedClock(NOW), store=fault.through(MemoryStore()))


@pytest.fixture(params=FRAMEWORKS)
def ask(request: pytest.FixtureRequest, desk: InvoiceDesk) -> Iterator["Ask"]:
    with ExitStack() as stack:
        yield opened(request.param, desk, stack)


@pytest.fixture
def invoice(desk: InvoiceDesk) -> Invoice:
    files = [Upload("Police été.pdf", PDF), Upload("Avenant.pdf", PDF + b"x" * 300_000)]
    return desk.create(filled_in(files=files, description="Prime annuelle"))


@pytest.fixture
def token(desk: InvoiceDesk, invoice: Invoice) -> str:
    return token_of(desk.link(invoice.id))


def holds(answer: "Answer", headers: Mapping[str, str]) -> bool:
    """Whether all these headers came, as they are."""
    return {name: answer.headers.get(name) for name in headers} == dict(headers)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*_*.py")), ids=lambda path: path.stem)
def test_an_app_is_short(path: Path) -> None:
    """Less than 60 lines."""
    assert len(path.read_text(encoding="utf-8").splitlines()) < 60


def test_a_link_opens_its_page(ask: "Ask", desk: InvoiceDesk, token: str) -> None:
    """With the very headers that it wants, whatever else the framework sends, and no cookie."""
    answer, checkout = ask(f"/payer/{token}"), f"{ADDRESS}{token}/paiement"
    page = desk.payment_page(token, checkout_url=checkout)
    assert answer.status == 200
    assert holds(answer, page.headers)
    assert "Set-Cookie" not in answer.headers
    for shown in ("Prime annuelle", "Payer 1\u00a0250,00\u00a0$", f'href="{checkout}"', "English"):
        assert shown in answer.body.decode()


def test_the_page_speaks_the_other_language(ask: "Ask", token: str) -> None:
    """By the link that it offers; an unknown language is no error."""
    assert 'href="?langue=en_CA"' in ask(f"/payer/{token}").body.decode()
    english = ask(f"/payer/{token}?langue=en_CA")
    assert english.headers["Content-Language"] == "en-CA"
    assert "Pay $1,250.00" in english.body.decode()
    assert ask(f"/payer/{token}?langue=%FF%00<b>").status == 200


def test_a_file_is_downloaded(ask: "Ask", desk: InvoiceDesk, invoice: Invoice, token: str) -> None:
    """To the byte, from the address that the page gives, with the headers that keep it from being shown."""
    html = ask(f"/payer/{token}").body.decode()
    for file in invoice.attachments:
        address = urljoin(f"/payer/{token}", f"{token}/{file.id}")
        assert f'href="{token}/{file.id}"' in html
        answer, wanted = ask(address), desk.download(token, file.id)
        assert (answer.status, answer.body) == (200, b"".join(wanted.chunks))
        assert holds(answer, wanted.headers)


def test_what_opens_nothing_has_one_answer(ask: "Ask", desk: InvoiceDesk, invoice: Invoice, token: str) -> None:
    """A forged link, an old one, another's file, any other path: not found, in words for a client, kept by nobody."""
    other = desk.create(filled_in(files=[Upload("Autre.pdf", PDF)]))
    renewed = token_of(desk.renew_link(invoice.id))
    file, others = invoice.attachments[0].id, other.attachments[0].id
    paths = [
        "/payer/AAAA",
        f"/payer/{'A' * 48}",
        f"/payer/{token}",
        f"/payer/{token}?langue=en_CA",
        f"/payer/{token}/{file}",
        f"/payer/{token}/paiement",
        f"/payer/{renewed}/{others}",
        f"/payer/{renewed}/{UUID(int=0)}",
        f"/payer/{renewed}/nom.pdf",
        f"/payer/{renewed}/",
        f"/payer/{renewed}/{file}/",
        f"/payer/{'A' * 8000}",
        f"/payer//{renewed}",
        f"/payer/{renewed}//{file}",
    ]
    answers = [ask(path) for path in paths]
    assert {answer.status for answer in answers} == {404}
    assert len({answer.body for answer in answers}) == 1
    assert "Ce lien n’ouvre rien." in answers[0].body.decode()
    assert all(holds(answer, HEADERS) for answer in answers)
    assert not any("Location" in answer.headers for answer in answers)
    assert ask(f"/payer/{renewed}/{file}").status == 200


def test_a_client_who_pays_is_sent_to_the_processor(
    ask: "Ask", desk: InvoiceDesk, invoice: Invoice, token: str
) -> None:
    """While there is something to pay; later, back to the page that says why not."""
    answer = ask(f"/payer/{token}/paiement")
    assert (answer.status, answer.headers["Location"]) == (303, checkout_address(invoice))
    desk.cancel(invoice.id)
    answer = ask(f"/payer/{token}/paiement")
    assert (answer.status, answer.headers["Location"]) == (303, f"../{token}")
    assert urljoin(f"/payer/{token}/paiement", f"../{token}") == f"/payer/{token}"


def notify(ask: "Ask", invoice: Invoice, secret: str = SECRET, signed: str = "Stripe-Signature") -> int:
    body = written(paid_event(invoice, NOW - timedelta(hours=1)))
    header = {
        signed: sign(body, secret=secret, at=datetime.now(UTC)),
        "Content-Type": "application/json; charset=utf-8",
    }
    return ask("/evenements", "POST", body, **header).status


def test_a_signed_event_records_the_payment_once(ask: "Ask", desk: InvoiceDesk, invoice: Invoice, token: str) -> None:
    """When it comes again it is taken, and changes nothing."""
    assert notify(ask, invoice) == 204
    paid, history = desk.get(invoice.id), desk.history(invoice.id)
    assert (paid.status, paid.paid_at) == (Status.PAID, NOW - timedelta(hours=1))
    assert "a été payée" in ask(f"/payer/{token}").body.decode()
    assert notify(ask, invoice) == 204
    assert (desk.get(invoice.id), desk.history(invoice.id)) == (paid, history)


@pytest.mark.parametrize("forged", [{"secret": "whsec_another"}, {"signed": "X-Signature"}])
def test_an_event_that_the_processor_did_not_sign_is_refused(
    ask: "Ask", desk: InvoiceDesk, invoice: Invoice, forged: dict[str, str]
) -> None:
    """And records nothing."""
    assert notify(ask, invoice, **forged) == 400
    assert desk.get(invoice.id) == invoice


def test_looking_changes_nothing(ask: "Ask", desk: InvoiceDesk, invoice: Invoice, token: str) -> None:
    """Programs that read mail follow every link; and nothing but an event may be sent."""
    before = desk.get(invoice.id), desk.history(invoice.id), list(desk.export_records())
    paths = [f"/payer/{token}", f"/payer/{token}/{invoice.attachments[0].id}", f"/payer/{token}/paiement"]
    assert [ask(path).status for path in paths] == [200, 200, 303]
    assert [ask(path, "HEAD").status for path in paths] == [200, 200, 303]
    assert {ask(path, "POST").status for path in paths} <= {403, 405}
    assert ask("/evenements").status == 405
    assert (desk.get(invoice.id), desk.history(invoice.id), list(desk.export_records())) == before


def test_a_store_that_fails_is_no_fault_of_the_clients(
    ask: "Ask", fault: Fault, invoice: Invoice, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    """They are asked to come back, the processor sends again, and it is told without the link."""
    fault.at = fault.calls + 1
    answer = ask(f"/payer/{token}")
    assert "Réessayez plus tard." in answer.body.decode()
    assert (answer.status, notify(ask, invoice)) == (503, 503)
    told = [record.getMessage() for record in caplog.records if record.name == "answers"]
    assert len(told) == 2 and not any(token in line for line in told)
    fault.mend()
    assert (ask(f"/payer/{token}").status, notify(ask, invoice)) == (200, 204)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_an_app_may_stand_under_an_address_of_its_own(
    framework: str, desk: InvoiceDesk, invoice: Invoice, token: str
) -> None:
    """Beside another agency's: its page leads to its own files, languages and payments."""
    address = f"/nord/payer/{token}"
    with ExitStack() as stack:
        ask = opened(framework, desk, stack, "/nord")
        html = ask(address).body.decode()
        for link in (f"{token}/{invoice.attachments[0].id}", "?langue=en_CA"):
            assert f'href="{link}"' in html
            assert ask(urljoin(address, link)).status == 200
        desk.cancel(invoice.id)
        back = urljoin(f"{address}/paiement", ask(f"{address}/paiement").headers["Location"])
        assert ask(back).status == 200


def test_an_app_has_no_other_pages(ask: "Ask") -> None:
    """Beside the client's, some would load scripts from elsewhere."""
    for other in ("/", "/docs", "/redoc", "/openapi.json", "/static/x", "/payer"):
        assert ask(other).status == 404
