"""The settings that definitions need: they load without a key, a database or a `.env`.

Belongs here: what decides which assets exist and how they are partitioned. Everything else is
read from `Settings` when an asset runs.
"""

import os
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from fastfeast_assets.settings import PROJECT_ROOT, Settings, SettingsError

_DEFAULTS = {name: field.default for name, field in Settings.model_fields.items()}


class Blueprint(BaseSettings):
    """The part of the settings that is read when definitions load; same variables, same defaults.

    Attributes:
        timezone: The business clock, an IANA name.
        start_date: First daily partition.
        contracts_dir: Directory of the contracts.
        dbt_project_dir: The dbt project.
    """

    model_config = SettingsConfigDict(
        env_prefix="FASTFEAST_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    timezone: str = _DEFAULTS["timezone"]
    start_date: date = _DEFAULTS["start_date"]
    contracts_dir: Path = _DEFAULTS["contracts_dir"]
    dbt_project_dir: Path = _DEFAULTS["dbt_project_dir"]

    @classmethod
    def of(cls, settings: Settings) -> "Blueprint":
        """That of explicit settings."""
        return cls.model_construct(
            timezone=settings.timezone,
            start_date=settings.start_date,
            contracts_dir=settings.contracts_dir,
            dbt_project_dir=settings.dbt_project_dir,
        )

    @classmethod
    def load(cls) -> "Blueprint":
        """That of the environment and the project's `.env`.

        Raises:
            SettingsError: The zone or the date is none.
        """
        env_file = Path(os.environ.get("FASTFEAST_ENV_FILE", PROJECT_ROOT / ".env"))
        try:
            blueprint = cls(_env_file=env_file)
            ZoneInfo(blueprint.timezone)
        except (ValidationError, ValueError, KeyError) as error:
            raise SettingsError(
                "FASTFEAST_TIMEZONE or FASTFEAST_START_DATE is wrong: set an IANA time zone such"
                " as Africa/Cairo and a date such as 2020-01-01"
            ) from error
        return blueprint
