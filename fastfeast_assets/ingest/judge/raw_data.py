"""A refused row as the quarantine shows it: as it came, without personal values.

Belongs here: what becomes of each cell of such a row. Why the row is refused is for `verdict`;
how a cell is shown in clear for `shown`; what is stored of uncontracted values for `extras`.
"""

from __future__ import annotations

from collections.abc import Collection

from fastfeast_assets.contracts.model import Column, Contract
from fastfeast_assets.ingest.judge.canonical import canonical
from fastfeast_assets.ingest.judge.extras import Extras, is_literal
from fastfeast_assets.ingest.judge.mask import Masker
from fastfeast_assets.ingest.judge.shown import ShownCells, is_malformed
from fastfeast_assets.ingest.read.chunks import NumberText, TextChunk


class RawData:
    """Makes `quarantine.raw_data` of the rows of one source.

    Args:
        contract: The source's contract.
        masker: Hashes personal values.
        extras: Makes what is stored of uncontracted values.
        is_json: Whether the file was JSON, where numbers stay numbers.
    """

    def __init__(
        self, contract: Contract, masker: Masker, extras: Extras, *, is_json: bool
    ) -> None:
        self._contract = contract
        self._masker = masker
        self._extras = extras
        self._is_json = is_json

    def of(
        self, chunk: TextChunk, shown: ShownCells, offset: int, wrong: Collection[str]
    ) -> dict[str, object]:
        """The row as it came, by source column name, for `json_decoder.written`.

        A good value of a personal column has its person's hash. One that is wrong is hidden: it may
        be anybody's. In a row with too many or too few fields no value is known to stand in its own
        column: where the source has personal columns, all are hidden.

        Args:
            chunk: The rows as they came.
            shown: Their cells in clear.
            offset: Of the row.
            wrong: The columns that a reason to refuse the row is about.
        """
        is_shifted = is_malformed(chunk.faults.get(offset, ()))
        hide_all = is_shifted and bool(self._contract.personal_columns)
        row: dict[str, object] = {}
        for column in self._contract.columns:
            cell = chunk.cells[column.name][offset]
            if cell is None:
                row[column.name] = None
            elif column.is_personal:
                is_persons = not is_shifted and column.name not in wrong
                row[column.name] = self._hash(column, cell, is_persons=is_persons)
            elif hide_all:
                row[column.name] = self._masker.hide(cell)
            else:
                row[column.name] = self._value(column, shown.text(column.name, offset))
        if extra := chunk.extras.get(offset):
            row["_extra"] = self._extras.of(extra)
        if offset in chunk.surplus:
            row["_surplus"] = self._extras.surplus(chunk.surplus[offset])
        return row

    def _hash(self, column: Column, cell: str, *, is_persons: bool) -> str | None:
        value = canonical(cell, column.canonical)
        if value in self._contract.null_tokens:
            return None
        return self._masker.hash(value) if is_persons else self._masker.hide(value)

    def _value(self, column: Column, text: str | None) -> object:
        """A cell of a JSON file as the JSON value that it was.

        A number with an exponent is shown as text, because `jsonb` would write the exponent out,
        which says which digits are missing: a row that was refused for them must not be accepted
        when it is judged again.
        """
        if text is None or not self._is_json:
            return text
        if column.kind == "boolean" and text in {"true", "false"}:
            return text == "true"
        is_number = column.kind in {"integer", "number"} and is_literal(text)
        return NumberText(text) if is_number and "e" not in text.lower() else text
