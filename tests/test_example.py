"""The example does the main job, again and again, and fails when a step fails."""

import subprocess
import sys
from html import unescape
from pathlib import Path

EXAMPLE = Path(__file__).parent.parent / "examples" / "creer_une_facture.py"


def run(folder: Path, *, source: Path = EXAMPLE) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-X", "utf8", "-W", "error", str(source), "factures"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False)


def test_it_creates_sends_opens_downloads_resends_and_cancels(tmp_path: Path) -> None:
    """Everything that it tells is in French, and what it tells is there."""
    done = run(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    for said in (
        "Facture F-000001 (Unique)",
        "Montant du paiement\u00a0: 1\u00a0250,00\u00a0$",
        "État\u00a0: À payer",
        "Courriel de facture envoyé.",
        "identiques à l’original",
        "le lien n’a pas changé",
        "Annulée",
        "Message texte\u00a0: Bonjour, voici votre facture F-000002\u00a0: https://factures.exemple.ca/payer/",
        "Tout se trouve dans",
    ):
        assert said in done.stdout
    letters = list((tmp_path / "factures" / "courriels" / "new").iterdir())
    assert len(letters) == 2


def test_the_saved_pages_show_the_note_and_then_the_cancellation(tmp_path: Path) -> None:
    """As the client saw them."""
    run(tmp_path)
    to_pay, cancelled = (
        unescape((tmp_path / "factures" / name).read_text(encoding="utf-8"))
        for name in ("page-a-payer.html", "page-annulee.html")
    )
    note = "Prime annuelle de votre assurance habitation.\nÀ régler avant le renouvellement, s’il vous plaît."
    assert note in to_pay and "Payer 1\u00a0250,00\u00a0$" in to_pay
    assert "Cette facture a été annulée" in cancelled and "https://paiement" not in cancelled


def test_it_runs_again(tmp_path: Path) -> None:
    """In the same folder the numbers go on."""
    run(tmp_path)
    again = run(tmp_path)
    assert again.returncode == 0
    assert "Facture F-000003" in again.stdout


def test_a_step_that_fails_stops_it(tmp_path: Path) -> None:
    """Without its documents it says what is wrong, and does not exit with 0."""
    alone = tmp_path / "seul.py"
    alone.write_bytes(EXAMPLE.read_bytes())
    done = run(tmp_path, source=alone)
    assert done.returncode != 0
    assert "Tout se trouve dans" not in done.stdout
