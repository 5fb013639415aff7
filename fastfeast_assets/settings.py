"""The settings of a process: read once from the environment and `.env`, validated, immutable.

Nothing here connects; that is `warehouse`'s business. The one thing that is made is the key of a
home that has none, where the package was installed as a wheel.
"""

from __future__ import annotations

import os
import re
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo, available_timezones

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from fastfeast_assets import installation
from fastfeast_assets.home import NoHomeError, absolute, default_home, unsuitable
from fastfeast_assets.installation import PACKAGE_ROOT
from fastfeast_assets.installation import PROJECT_ROOT as PROJECT_ROOT
from fastfeast_assets.landing_address import landing_address
from fastfeast_assets.own_key import credentials_directories, ensure_key, env_file, own_key

KEY_VARIABLE = "FASTFEAST_PII_KEY"
KEY_VARIABLES = (KEY_VARIABLE, "FASTFEAST_PII_KEY_PREVIOUS")
MINIMUM_KEY_LENGTH = 32
LANDING_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
LANDING_ID_TERMS = "1 to 64 letters, digits, dots, dashes or underlines, no sign first"

Kind = TypeVar("Kind", bound="Blueprint")


class SettingsError(Exception):
    """A variable is missing or wrong; the text names it and says what to set."""


class Blueprint(BaseSettings):
    """The settings that decide which assets exist: definitions load with these, without a key.

    Every field is the variable `FASTFEAST_<NAME>`.

    Attributes:
        timezone: The business clock, an IANA name.
        start_date: First daily partition; `master/` files belong to it.
        contracts_dir: Directory of the `*.odcs.yaml` files.
        dbt_project_dir: The dbt project.
        home: Directory of the embedded server, Dagster's files and the default landing zone.
    """

    model_config = SettingsConfigDict(
        env_prefix="FASTFEAST_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    timezone: str = "UTC"
    start_date: date = date(2020, 1, 1)
    contracts_dir: Path = PACKAGE_ROOT / "contracts" / "sources"
    dbt_project_dir: Path = PROJECT_ROOT / "dbt_project"
    home: Path = Field(default_factory=default_home)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment and the service's credentials are above `.env`."""
        return init_settings, env_settings, file_secret_settings, dotenv_settings

    @field_validator("contracts_dir", "dbt_project_dir", "home")
    @classmethod
    def _directory_is_absolute(cls, value: Path) -> Path:
        return absolute(value)

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("not an IANA time zone; for example UTC or Africa/Cairo")
        return value

    @cached_property
    def zone(self) -> ZoneInfo:
        """The business clock as a zone."""
        return ZoneInfo(self.timezone)

    @property
    def dbt_target_dir(self) -> Path | None:
        """Where the dbt project is kept parsed; None for within itself, as in a checkout."""
        return self.home / "dbt-parsed" if installation.IS_WHEEL else None


class Settings(Blueprint):
    """What an operator may choose. Every field is the variable `FASTFEAST_<NAME>`.

    Attributes:
        landing: The landing zone: a directory, absolute, or the URL of an object store's prefix;
            default `<home>/landing`.
        warehouse_url: PostgreSQL 14 or newer; without it the embedded server is used.
        transform_url: The same database for the login of dbt; default the warehouse's URL.
        dagster_url: Dagster's own storage; default a database beside the warehouse's.
        admin_url: The same database for an administrator; only `fastfeast roles` uses it.
        pii_key: Secret key of the HMAC-SHA256 over personal values.
        pii_key_previous: The key before, while `fastfeast rotate-key` moves to another one.
        accept_new_pii_key: Go on although the warehouse's hashes were made with another key.
        accept_new_timezone: Give a warehouse that is on another clock this one.
        accept_new_start_date: Give a warehouse another first partition, and move master files.
        accept_new_landing: Give a warehouse that was loaded from another landing zone this one.
        landing_id: What the landing zone is known by where no id lies in it; letters, digits and
            a few signs.
        settle_seconds: A file changed more recently than this is still being written.
        chunk_rows: Rows that are parsed and checked at a time.
        orphan_hours: An orphan that waits longer than this is a true orphan.
    """

    landing: str = ""
    warehouse_url: SecretStr | None = None
    transform_url: SecretStr | None = None
    dagster_url: SecretStr | None = None
    admin_url: SecretStr | None = None
    pii_key: SecretStr
    pii_key_previous: SecretStr | None = None
    accept_new_pii_key: bool = False
    accept_new_timezone: bool = False
    accept_new_start_date: bool = False
    accept_new_landing: bool = False
    landing_id: str | None = None
    settle_seconds: float = Field(default=2.0, ge=0, le=3600)
    chunk_rows: int = Field(default=50_000, ge=1, le=1_000_000)
    orphan_hours: int = Field(default=24, ge=1)

    @field_validator("landing", mode="before")
    @classmethod
    def _landing_is_an_address(cls, value: object) -> str:
        return landing_address(str(value))

    @model_validator(mode="before")
    @classmethod
    def _landing_is_below_home(cls, values: dict[str, object]) -> dict[str, object]:
        if "landing" in values:
            return values
        home = values["home"] if "home" in values else default_home()
        return {**values, "landing": Path(str(home)) / "landing"}

    @field_validator("landing_id")
    @classmethod
    def _landing_id_is_one(cls, value: str | None) -> str | None:
        if value is not None and not LANDING_ID.fullmatch(value):
            raise ValueError(f"must be {LANDING_ID_TERMS}")
        return value

    @field_validator("pii_key", "pii_key_previous")
    @classmethod
    def _key_is_long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < MINIMUM_KEY_LENGTH:
            raise ValueError(
                f"shorter than {MINIMUM_KEY_LENGTH} characters; make one with "
                "`python -c 'import secrets; print(secrets.token_hex(32))'`"
            )
        return value

    @model_validator(mode="after")
    def _previous_key_is_another_one(self) -> Settings:
        if self.pii_key_previous == self.pii_key:
            raise ValueError(
                "FASTFEAST_PII_KEY_PREVIOUS is the same key as FASTFEAST_PII_KEY: the new one goes"
                " into FASTFEAST_PII_KEY, the former one into the other"
            )
        return self

    @field_validator("warehouse_url", "transform_url", "dagster_url", "admin_url")
    @classmethod
    def _url_is_postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        scheme, separator, rest = value.get_secret_value().strip().partition("://")
        if not separator or scheme not in {"postgresql", "postgres"}:
            raise ValueError("must start with postgresql://")
        return SecretStr(f"postgresql://{rest}")

    @property
    def landing_directory(self) -> Path:
        """The landing zone, for those who write into it.

        Raises:
            SettingsError: It is an object store.
        """
        if "://" in self.landing:
            raise SettingsError(
                "FASTFEAST_LANDING is an object store, which is only read: name a local directory"
            )
        return Path(self.landing)

    @property
    def pii_key_bytes(self) -> bytes:
        """The key of the HMAC, as bytes."""
        return self.pii_key.get_secret_value().encode()


def load_settings() -> Settings:
    """Read the settings from the environment, credentials and `.env`.

    The first that has a setting wins; of the key there may only be one. Where the package is a
    wheel and nobody gave a key, the home's own is used, and made for an embedded server.

    Raises:
        SettingsError: One line a bad or missing variable, with what to do. Never its value.
    """
    home = _home_with_key() if installation.IS_WHEEL else None
    settings = _load(Settings, home)
    _ensure_one_key(settings, home)
    return settings


def load_blueprint() -> Blueprint:
    """Read the part of the settings that definitions need.

    Raises:
        SettingsError: One line a bad variable, with what to do.
    """
    return _load(Blueprint)


class _Given(Blueprint):
    """What decides whether the home needs a key of its own."""

    pii_key: SecretStr | None = None
    warehouse_url: SecretStr | None = None


def _home_with_key() -> Path:
    """The home of a wheel, with a key of its own unless a key or another server is given.

    A warehouse that outlives the home, and that others may load into, needs a key that does, too.

    Raises:
        SettingsError: It cannot be made in this home.
    """
    given = _load(_Given)
    if given.pii_key is not None or given.warehouse_url is not None:
        return given.home
    if (trouble := unsuitable(given.home)) is not None:
        raise SettingsError(trouble)
    key = own_key(given.home, KEY_VARIABLE)
    # In this order: who starts at the same moment makes the key before the warehouse.
    if os.path.lexists(given.home / "pg") and not key.exists():
        raise SettingsError(
            f"{KEY_VARIABLE} is not set, and {given.home} holds a warehouse, whose hashes were made"
            f" with a key: set it, or put it back into {key}"
        )
    try:
        ensure_key(given.home, KEY_VARIABLE)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SettingsError(
            f"cannot make a key in {given.home} ({reason}): set FASTFEAST_HOME to a directory of"
            f" your own, or {KEY_VARIABLE}"
        ) from error
    return given.home


def _ensure_one_key(settings: Settings, home: Path | None) -> None:
    """Two keys in one variable would give one person two hashes, depending on who reads which.

    Raises:
        SettingsError: `.env` or the credentials hold another key than the one in force.
    """
    for variable in KEY_VARIABLES:
        secret = getattr(settings, variable.removeprefix("FASTFEAST_").lower())
        if secret is not None:
            _ensure_one(variable, secret.get_secret_value(), home)


def _ensure_one(variable: str, key: str, home: Path | None) -> None:
    places = {str(env_file()): dotenv_values(env_file())}
    for directory in credentials_directories(home):
        files = [path for path in directory.iterdir() if path.name.upper() == variable]
        places |= {str(path): {variable: path.read_text().strip()} for path in files}
    for place, values in places.items():
        if any(values[name] not in (None, "", key) for name in values if name.upper() == variable):
            raise SettingsError(
                f"{variable} in {place} is another key than the one in force: the hashes of a"
                " warehouse need one key; remove the wrong one, or name another file by"
                " FASTFEAST_ENV_FILE"
            )


def _load(kind: type[Kind], home: Path | None = None) -> Kind:
    try:
        return kind(_env_file=env_file(), _secrets_dir=credentials_directories(home))
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(detail) for detail in error.errors())) from None
    except NoHomeError as error:
        raise SettingsError(str(error)) from error


def _explain(detail: object) -> str:
    assert isinstance(detail, dict)  # noqa: S101
    if not detail["loc"]:
        return str(detail["msg"]).removeprefix("Value error, ")
    name = "FASTFEAST_" + str(detail["loc"][0]).upper()
    if detail["type"] == "missing":
        hint = "set it"
        if name == KEY_VARIABLE:
            hint = (
                f"a warehouse outside FASTFEAST_HOME needs one that is kept; set it, or write it"
                f" into {env_file()}"
                if installation.IS_WHEEL
                else "run `make setup`, which writes one to .env"
            )
        return f"{name} is not set: {hint}"
    return f"{name}: {str(detail['msg']).removeprefix('Value error, ')}"
