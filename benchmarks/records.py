"""A record to JSON and from JSON, against what one would write by hand with the standard library's json.

By hand, and in both peers, nothing is checked but the types that the classes need: ours takes one spelling of each
value, all keys and no others, and no record that contradicts itself. Every call is given records of its own, because a
date that was hashed once remembers it.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from uuid import UUID

from attrs import evolve
from cattrs.preconf.json import make_converter

import records_by_hand as by_hand
from indiopay.attachment import Attachment
from indiopay.invoice import Idempotency, InvoiceRecord
from indiopay.records import read_record, write_records
from record_models import RecordModel
from rounds import measure, show
from samples import record

COUNT = 100
BY_HAND, OURS, CATTRS, PYDANTIC = "by hand, json", "ours, json", "cattrs' own converter, json", "pydantic"


def sample(number: int) -> InvoiceRecord:
    """An invoice that was sent, most often paid, with a file and a key every other time."""
    made = record(number, COUNT)
    if number % 2:
        return made
    file = Attachment(UUID(int=number), "Garanties.pdf", 48_211, "application/pdf", "ab" * 32)
    key = Idempotency(f"commande-{number}", bytes(range(32)))
    return evolve(made, invoice=evolve(made.invoice, attachments=(file,)), idempotency=key)


TEXTS = [json.dumps(plain) for plain in write_records(map(sample, range(1, COUNT + 1)))]
CONVERTER = make_converter(detailed_validation=False)
CONVERTER.register_unstructure_hook(UUID, str)
CONVERTER.register_structure_hook(UUID, lambda text, kind: kind(text))
CONVERTER.register_structure_hook_func(lambda kind: kind is object, lambda value, _: value)
CATTRS_TEXTS = [CONVERTER.dumps(sample(number)) for number in range(1, COUNT + 1)]
MODELS = [RecordModel.model_validate_json(text) for text in TEXTS]


def read_by_hand() -> list[InvoiceRecord]:
    return [by_hand.read(json.loads(text)) for text in TEXTS]


def read_ours() -> list[InvoiceRecord]:
    return [read_record(json.loads(text), index) for index, text in enumerate(TEXTS)]


def write_ours(records: Iterable[InvoiceRecord]) -> list[str]:
    return [json.dumps(plain) for plain in write_records(records)]


def each_once(write: Callable[[list[InvoiceRecord]], list[str]], calls: int) -> Callable[[], list[str]]:
    """Writes fresh records at each of that many calls."""
    fresh: Iterator[list[InvoiceRecord]] = iter([read_by_hand() for _ in range(calls)])
    return lambda: write(next(fresh))


def main(rounds: int = 31) -> None:
    samples = read_by_hand()
    assert samples == read_ours() == [CONVERTER.loads(text, InvoiceRecord) for text in CATTRS_TEXTS]
    assert [json.dumps(by_hand.write(made)) for made in samples] == write_ours(samples) == TEXTS
    writing = {
        BY_HAND: each_once(lambda records: [json.dumps(by_hand.write(made)) for made in records], rounds + 1),
        OURS: each_once(write_ours, rounds + 1),
        CATTRS: each_once(lambda records: [CONVERTER.dumps(made) for made in records], rounds + 1),
        PYDANTIC: lambda: [model.model_dump_json() for model in MODELS],
    }
    reading = {
        BY_HAND: read_by_hand,
        OURS: read_ours,
        CATTRS: lambda: [CONVERTER.loads(text, InvoiceRecord) for text in CATTRS_TEXTS],
        PYDANTIC: lambda: [RecordModel.model_validate_json(text) for text in TEXTS],
    }
    for title, goal, variants in (("record to JSON", "1.1", writing), ("record from JSON", "1.4", reading)):
        seconds = measure(variants, rounds=rounds, repeat=1)
        show(title, goal, seconds, reference=BY_HAND, repeat=COUNT)


if __name__ == "__main__":
    main()
