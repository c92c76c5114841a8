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
_OF_INVOICE = f"{_OF_AGENCY} AND invoice_id = ? ORDER BY seq"
_FREE = f"""SELECT {LETTER} FROM main.letters
    {_OF_AGENCY} AND state = 'queued' AND (lease_end IS NULL OR lease_end <= ?)"""
_IN_PORTION = f"""{_OF_AGENCY} AND invoice_id IN
    (SELECT id FROM main.invoices {_OF_AGENCY} AND number > ? AND number <= ?) ORDER BY seq"""

# Where a dialect locks what it reads: it waits for the rows, or takes those that nobody holds.
_LOCK, _LOCK_FREE = " /* lock */", " /* lock free */"


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
        for ours, theirs in (
            (_LOCK, self.lock),
            (_LOCK_FREE, self.lock_free),
            ("?", self.mark),
            ("main.", f"{self.schema}."),
            ("instr(", f"{self.position}("),
        ):
            sql = sql.replace(ours, theirs)
        return sql


class Statements:
    """The shared statements in one dialect. Letters are locked before their invoice, lest two writers deadlock."""

    last_number = f"SELECT last_number FROM main.counters {_OF_AGENCY}"
    set_counter = "INSERT INTO main.counters VALUES (?, ?, ?)"
    add_invoice = f"INSERT INTO main.invoices ({SEARCHED}) VALUES ({marks(SEARCHED)})"
    add_letter = f"INSERT INTO main.letters (agency, {LETTER}) VALUES (?, {marks(LETTER)})"
    add_entry = f"INSERT INTO main.history (agency, {ENTRY}) VALUES (?, {marks(ENTRY)})"

    version = f"SELECT version FROM main.invoices {_OF_AGENCY} AND id = ?{_LOCK}"
    change = f"""UPDATE main.invoices SET status = ?, paid_at = ?, payment_reference = ?, cancelled_at = ?,
        cancel_reason = ?, version = ? {_OF_AGENCY} AND id = ?"""
    relink = f"UPDATE main.invoices SET link_id = ?, key_id = ? {_OF_AGENCY} AND id = ?"

    get = f"SELECT {INVOICE}, {LINK} FROM main.invoices {_OF_AGENCY} AND id = ?"
    by_link = f"SELECT {INVOICE} FROM main.invoices {_OF_AGENCY} AND link_id = ? AND key_id = ?"
    by_key = f"SELECT {INVOICE}, fingerprint FROM main.invoices {_OF_AGENCY} AND idempotency_key = ?"
    totals = f"""SELECT status, {_IS_OVERDUE}, currency, sum(minor_units), count(*)
        FROM main.invoices {_OF_AGENCY} GROUP BY 1, 2, 3"""

    history = f"SELECT {ENTRY} FROM main.history {_OF_INVOICE}"
    deliveries = f"SELECT {LETTER_WITHOUT_BYTES} FROM main.letters {_OF_INVOICE}"
    letters = f"SELECT {LETTER} FROM main.letters {_OF_INVOICE}{_LOCK}"
    letter = f"SELECT {LETTER} FROM main.letters {_OF_AGENCY} AND id = ?{_LOCK}"
    rewrite = f"UPDATE main.letters SET ({LETTER}) = ({marks(LETTER)}) {_OF_AGENCY} AND id = ?"

    worn_out = f"{_FREE} AND queued_at <= ? ORDER BY seq{_LOCK_FREE}"
    due = f"{_FREE} AND not_before <= ? ORDER BY not_before, id LIMIT 1{_LOCK_FREE}"
    due_one = f"{_FREE} AND not_before <= ? AND id = ?{_LOCK_FREE}"

    portion = f"SELECT {RECORD} FROM main.invoices {_OF_AGENCY} AND number > ? ORDER BY number LIMIT ?"
    letters_of_portion = f"SELECT {LETTER} FROM main.letters {_IN_PORTION}"
    history_of_portion = f"SELECT {ENTRY} FROM main.history {_IN_PORTION}"

    def __init__(self, dialect: Dialect) -> None:
        self._say = dialect.say
        self.plan_anew = dialect.plan_anew
        for name, sql in vars(Statements).items():
            if isinstance(sql, str) and not name.startswith("_"):
                setattr(self, name, dialect.say(sql))

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
