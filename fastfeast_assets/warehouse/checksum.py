"""A checksum over rows, in whatever order they come: the same from a file and from a table.

Source of the rule: what raw holds of a load is what was read from its file, key by key and cent by
cent. A row counts by its key and those of its amounts (columns with a scale) that it has, joined by
`|`; the first 32 bits of the MD5 of that text, added up over the rows. So an amount that a contract
gains changes nothing of the rows that were loaded before.
"""

from __future__ import annotations

import hashlib
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql

from fastfeast_assets.contracts.model import Contract

PRECISION = 38
DIGEST_BYTES = 16


def checksum(contract: Contract, rows: pa.Table) -> int:
    """The checksum of rows that are about to be stored.

    Args:
        contract: Of their source.
        rows: With the stored columns.
    """
    keys = rows[contract.key.stored_as].cast(pa.large_string())
    amounts = [
        _to_scale(rows[column.stored_as], column.scale)
        for column in contract.columns
        if column.scale is not None
    ]
    joined = pc.binary_join_element_wise(
        keys,
        *amounts,
        pa.scalar("|", pa.large_string()),
        null_handling="skip",
    )
    digests = b"".join(
        hashlib.md5(text.encode(), usedforsecurity=False).digest() for text in joined.to_pylist()
    )
    leading = np.frombuffer(digests, dtype=">u4")[:: DIGEST_BYTES // 4]
    return int(leading.sum(dtype=np.uint64))


def _to_scale(values: pa.ChunkedArray, scale: int) -> pa.ChunkedArray:
    """Numbers as the database writes those of this scale."""
    try:
        exact = values.cast(pa.decimal128(PRECISION, scale))
    except pa.ArrowInvalid:
        unit = Decimal(1).scaleb(-scale)
        texts = [
            None if v is None else f"{Decimal(v).quantize(unit):f}" for v in values.to_pylist()
        ]
        return pa.chunked_array([pa.array(texts, type=pa.large_string())])
    return exact.cast(pa.large_string())


def checksum_of_table(contract: Contract, rows: str) -> sql.Composed:
    """SQL: the checksum of the rows of a table, by its alias; 0 of none."""
    names = [contract.key.stored_as]
    names += [column.stored_as for column in contract.columns if column.scale is not None]
    texts = sql.SQL(", ").join(
        sql.SQL("{}::text").format(sql.Identifier(rows, name)) for name in names
    )
    return sql.SQL(
        "coalesce(sum(('x' || left(md5(concat_ws('|', {})), 8))::bit(32)::bigint), 0)::bigint"
    ).format(texts)
