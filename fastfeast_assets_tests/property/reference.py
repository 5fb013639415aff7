"""What the facts must hold, said slowly, by a memory of every row that ever landed.

Rows are remembered in one frame of pandas, with what has become of each: its file was replaced or
withdrawn, retention took it, a person discarded it. At a rest the facts follow from that, and from
what they held before. The rules are those of docs/adr/0029, 0030 and 0031.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Set
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

KEYS = {"orders": "order_id", "tickets": "ticket_id", "ticket_events": "event_id"}
PARENTS = {"tickets": ("orders", "order_id"), "ticket_events": ("tickets", "ticket_id")}
STATE = ["source", "key", "path", "load", "partition", "stands", "in_raw", "discarded", "row"]


@dataclass(frozen=True)
class Version:
    """A row of a fact.

    Attributes:
        load: Number of the load that it comes from.
        partition: Of that load.
        row: What the file says.
        pruned_at: The newest partition of an earlier version that retention has taken.
    """

    key: str
    load: int
    partition: str
    row: dict[str, object]
    pruned_at: str = ""


class Memory:
    """Everything that ever landed in the streams, and what the facts hold of it.

    Attributes:
        facts: By source and key.
        orphans: Keys that wait, by source.
    """

    def __init__(self) -> None:
        self._ever = pd.DataFrame(columns=STATE)
        self._loads = 0
        self._present: dict[str, int] = {}
        self.facts: dict[str, dict[str, Version]] = {source: {} for source in KEYS}
        self.orphans: dict[str, set[str]] = {source: set() for source in KEYS}

    def load(self, root: Path, path: str) -> None:
        """A file was loaded, in the place of what the path held before."""
        self.withdraw(path)
        self._loads += 1
        source = Path(path).stem
        rows = [row for row in _rows(root / path) if float(str(row.get("order_amount", 0))) >= 0]
        found = {str(row[KEYS[source]]): row for row in reversed(rows)}
        self._present[path] = self._loads
        self._remember(path, found, load=self._loads)

    def release(self, path: str, row: dict[str, object]) -> None:
        """A refused row was found good and joined the load of its file."""
        self._remember(path, {str(row[KEYS[Path(path).stem]]): row}, load=self._present[path])

    def withdraw(self, path: str) -> None:
        """What the path held counts no more."""
        self._ever.loc[self._ever["path"] == path, "stands"] = False

    def prune(self, left: Set[tuple[str, str, str]]) -> None:
        """Retention has left these rows of raw: source, path, key."""
        place = list(zip(self._ever["source"], self._ever["path"], self._ever["key"], strict=True))
        stays = pd.Series([one in left for one in place], dtype=bool)
        gone = self._ever[self._ever["in_raw"] & self._ever["stands"] & ~stays]
        self._ever["in_raw"] &= stays
        for _, row in gone.iterrows():
            facts = self.facts[row["source"]]
            shown = facts.get(row["key"])
            if shown is not None and row["partition"] < shown.partition:
                later = max(shown.pruned_at, str(row["partition"]))
                facts[row["key"]] = replace(shown, pruned_at=later)

    def discard(self, path: str, key: str) -> None:
        """A person has discarded a row that waited."""
        here = (self._ever["path"] == path) & (self._ever["key"] == key)
        self._ever.loc[here & self._ever["stands"], "discarded"] = True

    def rest(self, customers: Set[int]) -> None:
        """Bring the facts to what they must hold.

        Args:
            customers: Whom a file as it stands lists, validly or not.
        """
        for source in KEYS:
            stays = {key for key, own in self.facts[source].items() if self._must_stay(source, own)}
            self.orphans[source] = set()
            for key in self._ever.loc[self._ever["source"] == source, "key"].unique():
                self._decide(source, str(key), customers, must_stay=key in stays)

    def _decide(self, source: str, key: str, customers: Set[int], *, must_stay: bool) -> None:
        facts = self.facts[source]
        own, newest = facts.get(key), self._newest(source, key)
        shown = newest
        if own is not None and self._stands(own, newest):
            shown = own if newest is None or newest.partition < own.partition else newest
        if shown is not None and (shown is own or self._has_parents(source, shown, customers)):
            facts[key] = shown if own is None or shown is own else self._after(own, shown)
            return
        if own is not None and not must_stay:
            del facts[key]
        if shown is not None:
            self.orphans[source].add(key)

    def _newest(self, source: str, key: str) -> Version | None:
        ever = self._ever
        here = ever[
            (ever["source"] == source)
            & (ever["key"] == key)
            & ever["stands"].astype(bool)
            & ever["in_raw"].astype(bool)
            & ~ever["discarded"].astype(bool)
        ]
        if here.empty:
            return None
        row = here.sort_values("partition").iloc[-1]
        return Version(key, int(row["load"]), str(row["partition"]), row["row"])

    def _after(self, own: Version, shown: Version) -> Version:
        """What is shown in the place of what the fact holds."""
        if own.load == shown.load:
            return replace(shown, pruned_at=own.pruned_at)
        left_raw = own.partition if self._has_left_raw(own) else ""
        return replace(shown, pruned_at=max(own.pruned_at, left_raw))

    def _stands(self, own: Version, newest: Version | None) -> bool:
        in_raw = "" if newest is None else newest.partition
        return self._is_present(own) or own.pruned_at > in_raw

    def _is_present(self, own: Version) -> bool:
        return bool(self._ever.loc[self._ever["load"] == own.load, "stands"].any())

    def _has_left_raw(self, own: Version) -> bool:
        here = (self._ever["load"] == own.load) & (self._ever["key"] == own.key)
        return self._is_present(own) and not self._ever.loc[here, "in_raw"].any()

    def _must_stay(self, source: str, own: Version) -> bool:
        if own.pruned_at or self._has_left_raw(own):
            return True
        return any(
            self._must_stay(child, version)
            for child, (parent, column) in PARENTS.items()
            for version in self.facts[child].values()
            if parent == source and version.row[column] == own.key
        )

    def _has_parents(self, source: str, shown: Version, customers: Set[int]) -> bool:
        if "customer_id" in shown.row and int(str(shown.row["customer_id"])) not in customers:
            return False
        if source not in PARENTS:
            return True
        parent, column = PARENTS[source]
        return shown.row[column] in self.facts[parent]

    def _remember(self, path: str, rows: dict[str, dict[str, object]], *, load: int) -> None:
        parts = Path(path).parts
        new = [
            [Path(path).stem, key, path, load, "/".join(parts[1:3]), True, True, False, row]
            for key, row in rows.items()
        ]
        frames: Iterable[pd.DataFrame] = (self._ever, pd.DataFrame(new, columns=STATE))
        self._ever = pd.concat([f for f in frames if len(f)] or [self._ever], ignore_index=True)


def _rows(path: Path) -> list[dict[str, object]]:
    if path.suffix == ".json":
        return list(json.loads(path.read_text()))
    frame = pd.read_csv(path)
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
