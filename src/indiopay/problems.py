"""One thing wrong with what was typed: data, without a sentence. `indiopay.describe` words it."""

from collections.abc import Mapping

import attrs


@attrs.frozen
class Problem:
    """One thing wrong with one field of a form.

    `field` is a field of `InvoiceForm`, `code` a short fixed word ("required", "ambiguous"), `params` what a sentence
    needs besides, `index` says which file or record, for fields "files" and "records". The repr shows no params: they
    hold what a person typed.
    """

    field: str
    code: str
    params: Mapping[str, object] = attrs.field(factory=dict, repr=False, hash=False)
    index: int | None = None
