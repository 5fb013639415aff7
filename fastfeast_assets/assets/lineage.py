"""Which models stand behind which raw tables: what a run over some sources must build.

Belongs here: questions about the graph of the dbt models. The tables of `ops` hang together with
everything, since each load writes them and each fact reads them; no way leads through them.
"""

from collections.abc import Collection, Mapping
from functools import cached_property

import dagster as dg

RAW = "raw"
INTERMEDIATE = "intermediate"
MARTS = "marts"
ANALYTICS = "analytics"


class Lineage:
    """The sources behind each model.

    Args:
        parents: Keys that each model depends on.
    """

    def __init__(self, parents: Mapping[dg.AssetKey, Collection[dg.AssetKey]]) -> None:
        self._parents = parents

    @classmethod
    def of(cls, models: dg.AssetsDefinition) -> "Lineage":
        """The lineage of the dbt models."""
        return cls({spec.key: [dep.asset_key for dep in spec.deps] for spec in models.specs})

    @property
    def models(self) -> list[dg.AssetKey]:
        """All models."""
        return sorted(self._parents)

    def behind(self, sources: Collection[str]) -> list[dg.AssetKey]:
        """The models that a load of these sources changes.

        Analysts' models that only read the ledger and the quarantine change with every load.
        """
        wanted = set(sources)
        return sorted(
            key
            for key, found in self._sources.items()
            if found & wanted or (not found and key.path[0] == ANALYTICS)
        )

    def sources(self, key: dg.AssetKey) -> frozenset[str]:
        """The sources behind a model."""
        return self._sources.get(key, frozenset())

    def calendar(self) -> list[dg.AssetKey]:
        """The marts that no file changes, only the passing of time."""
        return sorted(
            key for key, found in self._sources.items() if not found and key.path[0] == MARTS
        )

    def facts(self) -> list[dg.AssetKey]:
        """The marts that intermediate models feed, and these models: where orphans wait."""
        fed = {
            key
            for key, parents in self._parents.items()
            if key.path[0] == MARTS and any(parent.path[0] == INTERMEDIATE for parent in parents)
        }
        feeding = {key for key in self._parents if key.path[0] == INTERMEDIATE}
        return sorted(fed | feeding)

    def foundations(self, keys: Collection[dg.AssetKey]) -> list[dg.AssetKey]:
        """The models that some models are made from, directly or not, without these."""
        return sorted(set().union(*map(self._above, keys)) - set(keys))

    def left_behind(self, built: Collection[dg.AssetKey]) -> list[str]:
        """The sources with a model behind them that is not among those built."""
        left = set(self._sources) - set(built)
        return sorted({source for key in left for source in self._sources[key]})

    def between(self, tables: Collection[dg.AssetKey], end: dg.AssetKey) -> list[dg.AssetKey]:
        """Some tables, the intermediate models that feed them, and what leads on to an end.

        What does not exist is left out.
        """
        found = {key for key in tables if key in self._parents}
        frontier = list(found)
        while frontier:
            for key in self._parents[frontier.pop()]:
                if key.path[0] == INTERMEDIATE and key in self._parents and key not in found:
                    found.add(key)
                    frontier.append(key)
        found |= {key for key in self._above(end) if found & self._above(key)}
        return sorted(found)

    def _above(self, key: dg.AssetKey) -> set[dg.AssetKey]:
        """A model and all models that it is made from."""
        found: set[dg.AssetKey] = set()
        frontier = [key]
        while frontier:
            key = frontier.pop()
            if key in self._parents and key not in found:
                found.add(key)
                frontier += self._parents[key]
        return found

    @cached_property
    def _sources(self) -> dict[dg.AssetKey, frozenset[str]]:
        found: dict[dg.AssetKey, frozenset[str]] = {}

        def sources_of(key: dg.AssetKey) -> frozenset[str]:
            if key.path[0] == RAW:
                return frozenset({key.path[1]})
            if key not in self._parents:
                return frozenset()
            if key not in found:
                found[key] = frozenset().union(*map(sources_of, self._parents[key]))
            return found[key]

        for key in self._parents:
            sources_of(key)
        return found
