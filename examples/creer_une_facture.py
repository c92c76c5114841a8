"""Une facture unique, de sa création à son annulation, dans un dossier de cette machine.

python examples/creer_une_facture.py [dossier]
"""

import sys
from pathlib import Path
from zoneinfo import ZoneInfo

from indiopay import (
    Agency,
    Attachment,
    Invoice,
    InvoiceDesk,
    InvoiceForm,
    InvoiceStateError,
    Page,
    Status,
    Upload,
    describe,
    format_date,
    label,
    open_folder,
)

LOCALE = "fr_CA"
TORONTO = ZoneInfo("America/Toronto")
DOCUMENTS = Path(__file__).parent / "documents"
PAGE = "https://factures.exemple.ca/payer/"
NOTE = "Prime annuelle de votre assurance habitation.\nÀ régler avant le renouvellement, s’il vous plaît."


def main(folder: Path) -> None:
    agency = Agency("nord", "Assurances du Nord", "facturation@exemple.ca")
    with open_folder(folder, agency=agency, page_url=PAGE) as desk:
        invoice = create(desk)
        show(desk, invoice)
        open_page(desk, invoice, folder / "page-a-payer.html")
        download(desk, invoice)
        send_again(desk, invoice)
        cancel(desk, invoice, folder / "page-annulee.html")
        copy_link(desk)
        dashboard(desk)
    where(folder)


def create(desk: InvoiceDesk) -> Invoice:
    """Étapes 1 à 9 : ce que la personne a tapé, deux fichiers, et la case « Envoyer la facture par courriel »."""
    form = InvoiceForm(
        amount="1 250,00 $",
        due_date="30 jours",
        description=NOTE,
        files=[
            Upload.from_path(DOCUMENTS / "police-habitation.pdf"),
            Upload("Garanties détaillées.csv", (DOCUMENTS / "garanties.csv").read_bytes()),
        ],
        client_name="Zoé Tremblay",
        client_email="zoe.tremblay@exemple.ca",
        send_by_email=True,
    )
    verify(desk.check(form) == (), "le formulaire est accepté")
    return desk.create(form)


def show(desk: InvoiceDesk, invoice: Invoice) -> None:
    print(f"Facture {invoice.number} ({describe(invoice.type, LOCALE)})")
    print(f"  {label('amount', LOCALE)} : {invoice.amount.format(LOCALE)}")
    print(f"  {label('due_date', LOCALE)} : {format_date(invoice.due_date, LOCALE, style='full')}")
    print(f"  État : {describe(invoice.status, LOCALE)}")
    print(f"  Lien : {desk.link(invoice.id)}")
    print("  Historique :")
    for entry in desk.history(invoice.id):
        at = entry.at.astimezone(TORONTO)
        print(f"    {format_date(at, LOCALE)}, {at:%H h %M} — {describe(entry, LOCALE)}")
    for delivery in desk.deliveries(invoice.id):
        print(f"  Envoi : {describe(delivery, LOCALE)}")
        verify(delivery.state == "sent", "le courriel est parti")


def open_page(desk: InvoiceDesk, invoice: Invoice, file: Path) -> None:
    """Ce que voit le client quand il ouvre son lien."""
    page = desk.payment_page(token_of(desk, invoice), checkout_url="https://paiement.exemple.ca/session")
    file.write_text(page.to_html(file_url=file_address), encoding="utf-8")
    verify(page.payable and page.description == NOTE, "la page montre la note et accepte le paiement")
    print(f"\nPage Paiement : {page.status_text}, {page.amount_text}, échéance le {page.due_date_text}")


def download(desk: InvoiceDesk, invoice: Invoice) -> None:
    """Le client télécharge le PDF : ses octets sont ceux du fichier téléversé."""
    police = invoice.attachments[0]
    received = b"".join(desk.download(token_of(desk, invoice), police.id).chunks)
    verify(received == (DOCUMENTS / "police-habitation.pdf").read_bytes(), "le fichier téléchargé est intact")
    print(f"Téléchargé : {police.name}, {police.size} octets, identiques à l’original")


def send_again(desk: InvoiceDesk, invoice: Invoice) -> None:
    before = desk.link(invoice.id)
    delivery = desk.send(invoice.id)
    verify(delivery.state == "sent" and desk.link(invoice.id) == before, "le renvoi garde le même lien")
    print("Renvoyée : le lien n’a pas changé")


def cancel(desk: InvoiceDesk, invoice: Invoice, file: Path) -> None:
    cancelled = desk.cancel(invoice.id, reason="La police a été remplacée.")
    page = desk.payment_page(token_of(desk, invoice), checkout_url="https://paiement.exemple.ca/session")
    file.write_text(page.to_html(file_url=file_address), encoding="utf-8")
    verify(cancelled.status is Status.CANCELLED, "la facture est annulée")
    verify(not page.payable and page.checkout_url is None, "une facture annulée n’accepte plus de paiement")
    try:
        desk.send(invoice.id)
    except InvoiceStateError as refused:
        print(
            f"Annulée : la page le dit; un renvoi est refusé, car la facture est « {describe(refused.status, LOCALE)} »"
        )
    else:
        verify(False, "une facture annulée ne s’envoie plus")


def copy_link(desk: InvoiceDesk) -> None:
    """Étape 10 : une facture que l’on n’envoie pas par courriel, et son lien pour un message texte."""
    form = InvoiceForm(amount="89,95", due_date="fin de mois", client_name="Noël Gagné", client_email="noel@exemple.ca")
    invoice = desk.create(form)
    verify(desk.deliveries(invoice.id) == (), "rien n’est parti par courriel")
    print(f"\nMessage texte : Bonjour, voici votre facture {invoice.number} : {desk.link(invoice.id)}")


def dashboard(desk: InvoiceDesk) -> None:
    print("\nFactures")
    page: Page[Invoice] = desk.list(limit=10)
    for invoice in page.items:
        due = format_date(invoice.due_date, LOCALE, style="short")
        status = describe(invoice.status, LOCALE)
        print(f"  {invoice.number}  {due}  {invoice.amount.format(LOCALE):>12}  {status:8}  {invoice.client.name}")
    totals = desk.totals()
    for title, sums in (("À payer", totals.open), ("En souffrance", totals.overdue), ("Payées", totals.paid)):
        print(f"  {title} : {', '.join(money.format(LOCALE) for money in sums.values()) or 'aucune'}")


def where(folder: Path) -> None:
    print(f"\nTout se trouve dans {folder.resolve()} :")
    for entry in sorted(folder.iterdir()):
        print(f"  {entry.name}{'/' if entry.is_dir() else ''}")


def token_of(desk: InvoiceDesk, invoice: Invoice) -> str:
    return desk.link(invoice.id).removeprefix(PAGE)


def file_address(attachment: Attachment) -> str:
    return f"fichiers/{attachment.id}"


def verify(fact: bool, promise: str) -> None:
    if not fact:
        raise SystemExit(f"Échec : {promise}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "factures"))
