"""Sentences and labels: the seed's words to the code point, in every language, for every problem."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve

from indiopay import Delivery, EntryKind, HistoryEntry, InvoiceType, Money, Problem, Status, describe, label
from indiopay.languages import SUPPORTED
from indiopay.messages import file_kind, file_size, say

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)
SEED = {
    "type": "Type",
    "amount": "Montant du paiement",
    "due_date": "Date d’échéance de la facture",
    "description": "Description de la facture",
    "files": "Ajouter des fichiers",
    "client_name": "Nom du client",
    "client_email": "Adresse courriel du client",
    "send_by_email": "Envoyer la facture par courriel",
    "invoices": "Factures",
    "form": "Création de facture",
    "create": "Créer une facture",
    "send": "Envoyer une facture",
    "cancel": "Annuler la facture",
    "copy_link": "Copier le lien",
    "payment_page": "Paiement",
}


@pytest.mark.parametrize(("field", "words"), SEED.items(), ids=SEED)
def test_a_label_is_the_seeds_to_the_code_point(field: str, words: str) -> None:
    """As the screen has it in Québec."""
    assert label(field, "fr_CA") == words


@pytest.mark.parametrize("locale", SUPPORTED)
def test_every_status_type_and_kind_of_entry_has_its_words(locale: str) -> None:
    """In every language."""
    for what in (*Status, *InvoiceType, *(HistoryEntry(kind, NOW) for kind in EntryKind)):
        assert describe(what, locale)


@pytest.mark.parametrize(
    ("what", "french", "english"),
    [
        (Status.OPEN, "À payer", "Open"),
        (Status.PAID, "Payée", "Paid"),
        (Status.CANCELLED, "Annulée", "Cancelled"),
        (InvoiceType.ONE_TIME, "Unique", "One-time"),
    ],
)
def test_a_status_is_said_as_the_words_say(what: Status | InvoiceType, french: str, english: str) -> None:
    """One word for one thing."""
    assert (describe(what, "fr_CA"), describe(what, "en")) == (french, english)


def test_what_is_late_in_quebec_is_late_otherwise_in_france() -> None:
    """« En souffrance », « En retard »; « courriel », « e-mail »."""
    assert (say("status.overdue", "fr_CA"), say("status.overdue", "fr_FR")) == ("En souffrance", "En retard")
    assert "e-mail" in label("client_email", "fr_FR")


@pytest.mark.parametrize(
    ("problem", "sentence"),
    [
        (
            Problem("amount", "ambiguous", {"typed": "1,234", "readings": (Money(123400, "CAD"), Money(123, "CAD"))}),
            "«\u00a01,234\u00a0» peut se lire 1\u00a0234,00\u00a0$ ou 1,23\u00a0$. "
            "Écrivez le montant de l’une de ces façons.",
        ),
        (
            Problem("due_date", "ambiguous", {"typed": "01/02/2027", "readings": (date(2027, 1, 2), date(2027, 2, 1))}),
            "«\u00a001/02/2027\u00a0» peut se lire 2 janvier 2027 ou 1er février 2027. "
            "Écrivez la date de l’une de ces façons.",
        ),
        (
            Problem("amount", "required", {"currency": "JPY"}),
            "Saisissez le montant du paiement, par exemple 950\u00a0¥.",
        ),
        (
            Problem("amount", "too_precise", {"typed": "12,5", "decimals": 0, "currency": "JPY"}),
            "«\u00a012,5\u00a0» a des décimales, et un montant dans cette devise n’en a pas. "
            "Écrivez-le ainsi\u00a0: 950\u00a0¥.",
        ),
        (Problem("amount", "required"), "Saisissez le montant du paiement, par exemple 1\u00a0250,50."),
        (
            Problem("amount", "not_positive", {"typed": "0", "currency": "CAD"}),
            "«\u00a00\u00a0» n’est pas supérieur à zéro. Écrivez le montant à payer, par exemple 1\u00a0250,50\u00a0$.",
        ),
        (
            Problem("amount", "too_precise", {"typed": "1,234", "decimals": 2}),
            "«\u00a01,234\u00a0» a trop de décimales. Écrivez au plus 2\u00a0chiffres après la virgule.",
        ),
        (
            Problem("amount", "currency_mismatch", {"typed": "5 €", "currency": "CAD"}),
            "«\u00a05 €\u00a0» n’est pas dans la devise de la facture. Écrivez un montant en dollars canadiens.",
        ),
        (
            Problem("due_date", "invalid", {"typed": "lundi 25 novembre 2026", "day": date(2026, 11, 25)}),
            "«\u00a0lundi 25 novembre 2026\u00a0» ne correspond à aucun jour du calendrier. "
            "Écrivez mercredi 25 novembre 2026, ou corrigez la date.",
        ),
        (
            Problem("description", "control", {"near": "Prime annu"}),
            "Dans le champ «\u00a0Description de la facture\u00a0», il y a après «\u00a0Prime annu\u00a0» "
            "un caractère invisible qui n’y a pas sa place. Effacez-le, ou retapez le texte au clavier.",
        ),
        (
            Problem("client_name", "too_long", {"length": 1201, "limit": 200}),
            "Le texte du champ «\u00a0Nom du client\u00a0» compte 1\u00a0201\u00a0caractères. Écrivez-en au plus 200.",
        ),
        (
            Problem("files", "too_large", {"name": "plan.pdf", "limit": 25 * 2**20}, 0),
            "«\u00a0plan.pdf\u00a0» est trop volumineux. "
            "Joignez un fichier d’au plus 25\u00a0Mo, ou retirez un autre fichier.",
        ),
        (
            Problem("files", "type", {"name": "", "extensions": ("csv", "pdf")}, 1),
            "Le fichier numéro\u00a02 n’est pas d’un type accepté. Joignez un fichier csv ou pdf.",
        ),
        (Problem("files", "empty"), "Ce fichier est vide. Choisissez un autre fichier."),
        (Problem("email", "required"), "Saisissez l’adresse courriel du cabinet."),
        (Problem("x", "y"), "Vérifiez le champ «\u00a0Champ\u00a0»."),
    ],
)
def test_a_problem_is_worded_with_what_was_typed_and_a_way_out(problem: Problem, sentence: str) -> None:
    """A sentence that stands alone beside its field."""
    assert describe(problem, "fr_CA") == sentence


def test_what_cannot_be_seen_is_not_quoted() -> None:
    """Line breaks and hidden signs would carry a sentence elsewhere; a long text is cut."""
    shown = describe(Problem("due_date", "format", {"typed": "a\n\u202eb" + "c" * 100}), "en")
    assert shown.startswith("“a b" + "c" * 56 + "…”")
    assert describe(Problem("due_date", "format", {"typed": "\u200b"}), "en").startswith("This date")


@pytest.mark.parametrize("value", [Decimal("1.5"), {"a", "b"}, frozenset(), [], None, "", 7, object])
def test_any_param_is_worded(value: Any) -> None:
    """A host's scanner may give what it likes."""
    for name in ("typed", "limit", "readings", "currency", "decimals"):
        assert describe(Problem("amount", "too_large", {name: value}), "en")


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (HistoryEntry(EntryKind.PAID, NOW, {"reference": "P-1"}), "Paiement enregistré. Référence\u00a0: P-1"),
        (HistoryEntry(EntryKind.CANCELLED, NOW, {"reason": "Remplacée"}), "Facture annulée. Motif\u00a0: Remplacée"),
        (HistoryEntry(EntryKind.CANCELLED, NOW), "Facture annulée."),
        (
            HistoryEntry(EntryKind.SEND_FAILED, NOW, {"reason": "rcpt_550"}),
            "Échec de l’envoi du courriel de facture. L’adresse du client, ou celle du cabinet, a été refusée. "
            "Vérifiez-les, ou copiez le lien et envoyez-le autrement.",
        ),
    ],
)
def test_history_says_what_happened_and_why(entry: HistoryEntry, words: str) -> None:
    """In one or two sentences."""
    assert describe(entry, "fr_CA") == words


DELIVERY = Delivery(UUID(int=1), "zoe@exemple.ca", "queued", 1, "<1@exemple.ca>", NOW)


@pytest.mark.parametrize(
    ("delivery", "words"),
    [
        (DELIVERY, "En attente d’envoi"),
        (evolve(DELIVERY, state="sent", sent_at=NOW), "Envoyée"),
        (
            evolve(DELIVERY, reason="connect"),
            "En attente d’envoi. Le service de courriel ne répond pas pour le moment.",
        ),
        (
            evolve(DELIVERY, state="failed", reason="made_up_599"),
            "Échec de l’envoi. Le service de courriel a refusé cet envoi. "
            "Vous pouvez copier le lien et l’envoyer autrement.",
        ),
        (
            evolve(DELIVERY, state="failed", reason="expired_connect"),
            "Échec de l’envoi. Le service de courriel ne répond pas pour le moment. Après cinq jours, ce courriel "
            "n’est plus essayé. Vous pouvez envoyer la facture de nouveau, ou en copier le lien.",
        ),
        (
            evolve(DELIVERY, reason="rcpt"),  # the relay fell silent; of the address nothing is known
            "En attente d’envoi. Le service de courriel ne répond pas pour le moment.",
        ),
        (
            evolve(DELIVERY, state="failed", reason="smtputf8"),
            "Échec de l’envoi. L’adresse du client contient, avant le @, des caractères que le service de courriel "
            "n’accepte pas. Demandez-lui-en une autre.",
        ),
        (
            evolve(DELIVERY, reason="mail_421"),
            "En attente d’envoi. Le service de courriel du cabinet est débordé ou en arrêt.",
        ),
        (
            evolve(DELIVERY, reason="rcpt_530"),
            "En attente d’envoi. Le service de courriel a refusé le nom d’utilisateur ou le mot de passe du cabinet. "
            "Vérifiez-les.",
        ),
        (
            evolve(DELIVERY, state="failed", reason="expired_silence", maybe_duplicate=True),
            "Échec de l’envoi. L’envoi a été interrompu, et nous ne savons pas si le courriel est parti. "
            "Après cinq jours, ce courriel n’est plus essayé. Vous pouvez envoyer la facture de nouveau, ou en copier "
            "le lien. Le client a peut-être déjà reçu ce courriel.",
        ),
        (evolve(DELIVERY, reason="made_up"), "En attente d’envoi. Le courriel n’a pas pu partir."),
        (
            evolve(DELIVERY, state="sent", sent_at=NOW, maybe_duplicate=True),
            "Envoyée. Le client a peut-être reçu ce courriel plus d’une fois.",
        ),
        (
            evolve(DELIVERY, state="cancelled", sent_at=NOW, reason="at_relay"),
            "Envoi annulé, mais le courriel était déjà parti",
        ),
    ],
)
def test_a_delivery_says_where_it_stands_and_why(delivery: Delivery, words: str) -> None:
    """Its state, and in sentences of their own what it waits for and whether it may have come twice."""
    assert describe(delivery, "fr_CA") == words


@pytest.mark.parametrize(
    ("size", "french", "english"),
    [
        (0, "0\u00a0octet", "0\u00a0bytes"),
        (1, "1\u00a0octet", "1\u00a0byte"),
        (1023, "1\u202f023\u00a0octets", "1,023\u00a0bytes"),
        (1024, "1\u00a0ko", "1\u00a0KB"),
        (1536, "2\u00a0ko", "2\u00a0KB"),
        (2**20 - 1, "1\u00a0Mo", "1\u00a0MB"),
        (25 * 2**20, "25\u00a0Mo", "25\u00a0MB"),
        (int(1.44 * 2**20), "1,4\u00a0Mo", "1.4\u00a0MB"),
    ],
)
def test_a_size_is_said_as_people_read_it(size: int, french: str, english: str) -> None:
    """In steps of 1024, rounded."""
    assert (file_size(size, "fr_FR"), file_size(size, "en")) == (french, english)


def test_a_kind_of_file_has_a_word_or_its_ending() -> None:
    """By the ending of its name."""
    assert (file_kind("A.PDF", "fr_CA"), file_kind("a.odt", "fr_CA")) == ("Document PDF", "Fichier ODT")


def test_there_is_nothing_to_say_of_anything_else() -> None:
    """A caller's mistake, not a sentence."""
    with pytest.raises(TypeError, match="NoneType"):
        describe(None, "fr_CA")  # type: ignore[arg-type]  # on purpose


def test_a_key_without_words_is_a_mistake_of_ours() -> None:
    """It shows at once."""
    with pytest.raises(KeyError, match="nothing_such"):
        say("nothing_such", "fr_CA")
