"""Sensors, tick by tick, as the daemon asks them."""

from __future__ import annotations

import json

import dagster as dg
from dagster import DagsterInstance

from fastfeast_assets.assets.resources import Platform
from fastfeast_assets.warehouse.load import load_file


class Sensor:
    """A sensor whose cursor goes from tick to tick, as under the daemon."""

    def __init__(
        self, name: str, definitions: dg.Definitions, instance: DagsterInstance, platform: Platform
    ) -> None:
        self._sensor = definitions.resolve_sensor_def(name)
        self._instance = instance
        self._platform = platform
        self.cursor: str | None = None

    def tick(self) -> dg.SensorResult:
        """Let it look once."""
        context = dg.build_sensor_context(
            instance=self._instance, cursor=self.cursor, resources={"platform": self._platform}
        )
        result = self._sensor(context)
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor
        return result

    def let_time_pass(self) -> None:
        """As if every wait for a next try were over."""
        assert self.cursor is not None
        content = json.loads(self.cursor)
        for attempt in content["attempts"].values():
            attempt[2] = 0
        self.cursor = json.dumps(content)


def load_everything(platform: Platform) -> None:
    """What the runs do that the sensors ask for."""
    for file in platform.look().files:
        load_file(
            platform.warehouse,
            platform.contracts[file.source],
            file,
            run_id="test",
            settings=platform.settings,
        )
