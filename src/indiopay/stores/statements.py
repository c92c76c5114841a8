"""The SQL that SQLite and PostgreSQL share, written once in SQLite's dialect and said in the one or the other.

Every statement is a constant text. Tables are named with their schema, so that they meet no table of the host's.
"""

from datetime import date
from typing import NamedTuple

from indiopay.listing import InvoiceFilter, Order, Position
from indiopay.stores.rows import ENTRY, INVOICE, LETTER, LETTER_WITHOUT_BYTES, LINK, RECORD, SEARCHED, Rows, marks

_ORDERS: dict[Order, str] = {"newest": "number DESC", "due": "due_date, number"}
_IS_OVERDUE = "(status = 'open' AND due_date < ?)"
_OF_AGENCY = "WHERE agency = ?"
_FREE = f"{_OF_AGENCY} AND state = 'queued' AND (lease_end IS NULL OR lease_end <= ?)"
_PORTION = f"SELECT id FROM main.invoices {_OF_AGENCY} AND number > ? AND number <= ?"


class Dialect(NamedTuple):
    """How a database marks a value, names our schema, finds a text in a text, and locks the rows that it reads.

    `plan_anew` makes it forget plans that it made when a table was small, if it keeps any: they can be bad ones later.
    """

    mark: str
    schema: str
    position: str
    lock: str = ""
    lock_free: str = ""
    plan_anew: str = ""

    def say(self, sql: str) -> str:
        """The statement, out of SQLite's dialect, in this one."""
        return sql.replace("?", self.mark).replace("main.", f"{self.schema}.").replace("instr(", f"{self.position}(")


class Statements:
    """The shared statements in one dialect. Letters are locked before their invoice, lest two writers deadlock."""

    def __init__(self, dialect: Dialect) -> None:
        say, lock = dialect.say, dialect.lock
        self._say = say
        self.plan_anew = dialect.plan_anew

        self.has_numbers = say(f"SELECT 1 FROM main.counters {_OF_AGENCY}")
        self.set_counter = say("INSERT INTO main.counters VALUES (?, ?, ?)")
        self.add_invoice = say(f"INSERT INTO main.invoices ({SEARCHED}) VALUES ({marks(SEARCHED)})")
        self.add_letter = say(f"INSERT INTO main.letters (agency, {LETTER}) VALUES (?, {marks(LETTER)})")
        self.add_entry = say(f"INSERT INTO main.history (agency, {ENTRY}) VALUES (?, {marks(ENTRY)})")

        self.version = say(f"SELECT version FROM main.invoices {_OF_AGENCY} AND id = ?{lock}")
        self.change = say(
            f"""UPDATE main.invoices SET status = ?, paid_at = ?, payment_reference = ?, cancelled_at = ?,
            cancel_reason = ?, version = ? {_OF_AGENCY} AND id = ?"""
        )
        self.relink = say(f"UPDATE main.invoices SET link_id = ?, key_id = ? {_OF_AGENCY} AND id = ?")

        self.get = say(f"SELECT {INVOICE}, {LINK} FROM main.invoices {_OF_AGENCY} AND id = ?")
        self.by_link = say(f"SELECT {INVOICE} FROM main.invoices {_OF_AGENCY} AND link_id = ? AND key_id = ?")
        self.by_key = say(f"SELECT {INVOICE}, fingerprint FROM main.invoices {_OF_AGENCY} AND idempotency_key = ?")
        self.totals = say(
            f"""SELECT status, {_IS_OVERDUE}, currency, sum(minor_units), count(*)
            FROM main.invoices {_OF_AGENCY} GROUP BY 1, 2, 3"""
        )

        of_invoice = f"{_OF_AGENCY} AND invoice_id = ? ORDER BY seq"
        self.history = say(f"SELECT {ENTRY} FROM main.history {of_invoice}")
        self.deliveries = say(f"SELECT {LETTER_WITHOUT_BYTES} FROM main.letters {of_invoice}")
        self.letters = say(f"SELECT {LETTER} FROM main.letters {of_invoice}{lock}")
        self.letter = say(f"SELECT {LETTER} FROM main.letters {_OF_AGENCY} AND id = ?{lock}")
        self.rewrite = say(f"UPDATE main.letters SET ({LETTER}) = ({marks(LETTER)}) {_OF_AGENCY} AND id = ?")

        free = f"SELECT {LETTER} FROM main.letters {_FREE}"
        self.worn_out = say(f"{free} AND queued_at <= ? ORDER BY seq{dialect.lock_free}")
        self.due = say(f"{free} AND not_before <= ? ORDER BY not_before, id LIMIT 1{dialect.lock_free}")
        self.due_one = say(f"{free} AND not_before <= ? AND id = ?{dialect.lock_free}")

        self.portion = say(f"SELECT {RECORD} FROM main.invoices {_OF_AGENCY} AND number > ? ORDER BY number LIMIT ?")
        in_portion = f"{_OF_AGENCY} AND invoice_id IN ({_PORTION}) ORDER BY seq"
        self.letters_of_portion = say(f"SELECT {LETTER} FROM main.letters {in_portion}")
        self.history_of_portion = say(f"SELECT {ENTRY} FROM main.history {in_portion}")

    def page(
        self, rows: Rows, which: InvoiceFilter, *, today: date, after: Position | None
    ) -> tuple[str, list[object]]:
        """The statement for a page of that filter, and its values between the agency and the limit."""
        where, values = _conditions(rows, which, today=today, after=after)
        order = _ORDERS[which.order]
        return self._say(f"SELECT {INVOICE} FROM main.invoices {_OF_AGENCY}{where} ORDER BY {order} LIMIT ?"), values


def _conditions(rows: Rows, which: InvoiceFilter, *, today: date, after: Position | None) -> tuple[str, list[object]]:
    found: list[tuple[str, tuple[object, ...]]] = []
    if which.status is not None:
        found.append(("status = ?", (which.status.value,)))
    if which.overdue is not None:
        found.append((_IS_OVERDUE if which.overdue else f"NOT {_IS_OVERDUE}", (rows.from_day(today),)))
    found += [("instr(search, ?) > 0", (word,)) for word in which.words]
    if which.due_from is not None:
        found.append(("due_date >= ?", (rows.from_day(which.due_from),)))
    if which.due_until is not None:
        found.append(("due_date <= ?", (rows.from_day(which.due_until),)))
    if after is not None and which.order == "newest":
        found.append(("number < ?", (after.ordinal,)))
    elif after is not None:
        found.append(("(due_date, number) > (?, ?)", (rows.from_day(after.due_date), after.ordinal)))
    return "".join(f" AND {sql}" for sql, _ in found), [value for _, values in found for value in values]
