"""Another key for the hashes of persons, with both hashes side by side for a while.

A hash cannot be turned into another one: what is needed are the values, which only the files have.
So first the pairs of the files that are still there are noted, file by file; then, in one
transaction, everything that has a pair changes over. Loads add the pairs of what they bring until
the rotation is finished. Source of the rule: docs/adr/0045-another-key.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

import psycopg
from psycopg import sql

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.judge.mask import Masker
from fastfeast_assets.ingest.judge.pairing import note_pairs
from fastfeast_assets.warehouse import audit, identity_guard, sightings
from fastfeast_assets.warehouse.database import Warehouse
from fastfeast_assets.warehouse.locks import PERSONS_LOCK, ROTATION_LOCK
from fastfeast_assets.warehouse.person import pairs
from fastfeast_assets.warehouse.person.subject import sources_of_persons
from fastfeast_assets.warehouse.pii_key import (
    fingerprint,
    former_hasher,
    former_key,
    last_fingerprint,
    masker_of,
    open_rotation,
    previous_fingerprint,
    take_up,
    wrapped,
)

MARK_REFUSED = (
    "insert into ops.untranslated_hash (source, hash)"
    " select distinct q.source, q.raw_data ->> %(column)s from ops.quarantine q"
    " where q.source = %(source)s and q.raw_data ->> %(column)s ~ '^[0-9a-f]{64}$' and not exists"
    " (select from ops.hash_pair p where p.new_hash = q.raw_data ->> %(column)s)"
    " on conflict do nothing"
)


class RotationError(Exception):
    """The key cannot be rotated as it was asked for; the text says what to do."""


@dataclass(frozen=True)
class State:
    """How far a rotation has come.

    Attributes:
        started_at: Of the one that is open; None when none is.
        pairs: Persons' values whose hashes are known under both keys.
        untranslated: By source, hashes that are still those of a former key.
        suppressed: Erased persons' hashes that are still those of a former key.
    """

    started_at: datetime | None
    pairs: int
    untranslated: Mapping[str, int]
    suppressed: int


def state(connection: psycopg.Connection) -> State:
    """How far it has come."""
    row = connection.execute(
        "select (select started_at from ops.key_rotation where finished_at is null),"
        " (select count(*) from ops.hash_pair),"
        " (select count(*) from ops.suppressed_hash where fingerprint is distinct from"
        " (select fingerprint from ops.pii_key order by last_taken_up_at desc limit 1))"
    ).fetchone()
    assert row is not None  # noqa: S101
    left = connection.execute(
        "select source, count(*) from ops.untranslated_hash group by 1 order by 1"
    ).fetchall()
    return State(row[0], row[1], dict(left), row[2])


class Rotation:
    """A rotation from the former key of the settings to the present one.

    Args:
        warehouse: Prepared for the contracts.
        contracts: All contracts by source.

    Raises:
        RotationError: The settings do not have the keys that it needs.
    """

    def __init__(self, warehouse: Warehouse, contracts: Mapping[str, Contract]) -> None:
        self._warehouse = warehouse
        self._settings = warehouse.settings
        self._sources = sources_of_persons(contracts)
        with warehouse.connect(autocommit=True) as connection:
            identity_guard.ensure(connection, self._settings, is_dry_run=True)
            self._ensure_keys(connection)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """While files are read; nobody else does meanwhile.

        What a rotation that never began has left is dropped: its pairs may be those of another key.

        Raises:
            RotationError: Somebody else is at it.
        """
        with self._warehouse.connect(autocommit=True) as connection:
            row = connection.execute("select pg_try_advisory_lock(%s)", [ROTATION_LOCK]).fetchone()
            if row != (True,):
                raise RotationError("another `fastfeast rotate-key` is at work: wait for it")
            self._ensure_keys(connection)
            if open_rotation(connection) is None:
                connection.execute("delete from ops.hash_pair")
            yield

    def read(self, stream: BinaryIO, contract: Contract, *, is_json: bool) -> int:
        """Note the pairs of an open file, in a transaction of its own; gives their number.

        Raises:
            FileRejectedError: It cannot be read.
        """
        count = 0
        with self._warehouse.connect() as connection:
            masker = self._masker(connection)
            rows = self._settings.chunk_rows
            for found in note_pairs(stream, contract, masker, rows, is_json=is_json):
                pairs.add(connection, found)
                count += len(found)
            connection.commit()
        return count

    def change_over(self) -> State:
        """Give everything that has a pair its present hash; once more, when it is open already.

        Waits for a transform and for loads that are at work. Loads with the former key are refused
        from then on.
        """
        with (
            self._warehouse.transform_lock(),
            self._warehouse.connect(autocommit=True) as connection,
            connection.transaction(),
        ):
            self._hold(connection)
            self._ensure_keys(connection)
            if open_rotation(connection) is None:
                take_up(connection, self._settings)
                connection.execute(
                    "insert into ops.key_rotation (from_fingerprint, to_fingerprint)"
                    " values (%s, %s)",
                    [previous_fingerprint(self._settings), fingerprint(self._settings)],
                )
            changed = self._translate(connection)
            after = state(connection)
            self._audit(connection, "open", changed, after)
        return after

    def finish(self) -> State:
        """Forget the former key: its pairs leave, what could not be translated stays marked.

        Raises:
            RotationError: No rotation is open.
        """
        with (
            self._warehouse.transform_lock(),
            self._warehouse.connect(autocommit=True) as connection,
            connection.transaction(),
        ):
            self._hold(connection)
            self._ensure_keys(connection)
            if open_rotation(connection) is None:
                raise RotationError("no rotation is open: there is nothing to finish")
            changed = self._translate(connection)
            self._keep_for_the_erased(connection)
            connection.execute(
                "update ops.key_rotation set finished_at = clock_timestamp()"
                " where finished_at is null"
            )
            connection.execute("delete from ops.hash_pair")
            after = state(connection)
            self._audit(connection, "finished", changed, after)
        return after

    def _hold(self, connection: psycopg.Connection) -> None:
        connection.execute("select pg_advisory_xact_lock(%s)", [PERSONS_LOCK])
        for contract in self._sources:
            sightings.lock(connection, contract)

    def _ensure_keys(self, connection: psycopg.Connection) -> None:
        former, known = previous_fingerprint(self._settings), last_fingerprint(connection)
        if known is None:
            raise RotationError("no hash was made yet: set another key and load")
        if former is None:
            raise RotationError(
                "FASTFEAST_PII_KEY_PREVIOUS is not set: the new key goes into FASTFEAST_PII_KEY,"
                " the former one into FASTFEAST_PII_KEY_PREVIOUS"
            )
        present = fingerprint(self._settings)
        rotation = open_rotation(connection)
        is_begin = rotation is None and known == former
        is_more = rotation is not None and (rotation.former, rotation.present) == (former, present)
        if not is_begin and not is_more:
            raise RotationError(
                "the hashes in this warehouse were made with neither of the two keys in this order,"
                " or the rotation between them is finished: look at `fastfeast rotate-key --status`"
            )

    def _masker(self, connection: psycopg.Connection) -> Masker:
        if open_rotation(connection) is not None:
            return masker_of(connection, self._settings)
        return Masker(
            self._settings.pii_key_bytes, "hkdf", former_hasher(connection, self._settings)
        )

    def _translate(self, connection: psycopg.Connection) -> int:
        connection.execute(
            "update ops.suppressed_hash s set hash = p.new_hash, fingerprint = %s"
            " from ops.hash_pair p where s.hash = p.old_hash"
            " and not exists (select from ops.suppressed_hash t where t.hash = p.new_hash)",
            [fingerprint(self._settings)],
        )
        connection.execute(
            "delete from ops.hash_pair p using ops.suppressed_hash s"
            " where s.hash in (p.old_hash, p.new_hash)"
        )
        connection.execute("delete from ops.untranslated_hash")
        changed = 0
        for contract in self._sources:
            changed += pairs.translate(connection, contract)
            self._mark(connection, contract)
        return changed

    def _mark(self, connection: psycopg.Connection, contract: Contract) -> None:
        """Note the hashes of a source that are none of the present key."""
        for name in (column.name for column in contract.personal_columns):
            connection.execute(MARK_REFUSED, {"source": contract.source, "column": name})
        for table, column in pairs.places_of_hashes(connection, contract, has_marts=True):
            connection.execute(
                sql.SQL(
                    "insert into ops.untranslated_hash (source, hash)"
                    " select distinct {source}, t.{column} from {table} t"
                    " where t.{column} ~ '^[0-9a-f]{{64}}$' and not exists"
                    " (select from ops.hash_pair p where p.new_hash = t.{column})"
                    " on conflict do nothing"
                ).format(
                    source=sql.Literal(contract.source),
                    column=sql.Identifier(column),
                    table=sql.Identifier(*table.split(".")),
                )
            )

    def _keep_for_the_erased(self, connection: psycopg.Connection) -> None:
        """Keep former keys, wrapped by the present one, as long as erased persons need them."""
        former = previous_fingerprint(self._settings)
        previous = self._settings.pii_key_previous
        assert previous is not None  # noqa: S101
        assert former is not None  # noqa: S101
        secret = self._settings.pii_key_bytes
        keys = {
            name: wrapped(bytes(key), previous.get_secret_value().encode(), name)
            for name, key in connection.execute(
                "select fingerprint, wrapped from ops.pii_key where wrapped is not null"
            ).fetchall()
        }
        keys[former] = former_key(connection, self._settings)
        for name, key in keys.items():
            connection.execute(
                "update ops.pii_key k set wrapped = case when exists"
                " (select from ops.suppressed_hash s where s.fingerprint = k.fingerprint)"
                " then %s::bytea end where k.fingerprint = %s",
                [wrapped(key, secret, name), name],
            )

    def _audit(
        self, connection: psycopg.Connection, status: str, changed: int, after: State
    ) -> None:
        new = {
            "status": status,
            "changed": changed,
            "pairs": after.pairs,
            "untranslated": dict(after.untranslated),
            "suppressed": after.suppressed,
        }
        audit.write(connection, [audit.Entry("rotate", "warehouse/pii_key", None, new)])
