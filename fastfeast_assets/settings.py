"""The settings of a process: read once from the environment and `.env`, validated, immutable.

Nothing here connects or creates anything; that is `warehouse`'s business.
"""

from __future__ import annotations

import os
import re
from datetime import date
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote
from zoneinfo import ZoneInfo, available_timezones

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

PACKAGE_ROOT = Path(__file__).resolve().parent
PROJECT_ROOT = PACKAGE_ROOT.parent
KEY_VARIABLES = ("FASTFEAST_PII_KEY", "FASTFEAST_PII_KEY_PREVIOUS")
MINIMUM_KEY_LENGTH = 32
# Scheme of a URL and the package that speaks with such a store. What they have in common: an
# object is seen when it is complete, never half written.
OBJECT_STORES = {"s3": "s3fs", "gs": "gcsfs", "memory": "fsspec"}
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
    """

    model_config = SettingsConfigDict(
        env_prefix="FASTFEAST_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    timezone: str = "UTC"
    start_date: date = date(2020, 1, 1)
    contracts_dir: Path = PACKAGE_ROOT / "contracts" / "sources"
    dbt_project_dir: Path = PROJECT_ROOT / "dbt_project"

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

    @field_validator("contracts_dir", "dbt_project_dir")
    @classmethod
    def _directory_is_absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

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


class Settings(Blueprint):
    """What an operator may choose. Every field is the variable `FASTFEAST_<NAME>`.

    Attributes:
        home: Directory of the embedded server, Dagster's files and the default landing zone.
        landing: The landing zone: a directory, absolute, or the URL of an object store's prefix;
            default `<home>/landing`.
        warehouse_url: PostgreSQL 14 or newer; without it the embedded server is used.
        dagster_url: Dagster's own storage; default a database beside the warehouse's.
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

    home: Path = PROJECT_ROOT / ".fastfeast"
    landing: str = ""
    warehouse_url: SecretStr | None = None
    dagster_url: SecretStr | None = None
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

    @field_validator("home")
    @classmethod
    def _path_is_absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("landing", mode="before")
    @classmethod
    def _landing_is_an_address(cls, value: object) -> str:
        return landing_address(str(value))

    @model_validator(mode="before")
    @classmethod
    def _landing_is_below_home(cls, values: dict[str, object]) -> dict[str, object]:
        home = values.get("home", PROJECT_ROOT / ".fastfeast")
        return {"landing": Path(str(home)) / "landing", **values}

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

    @field_validator("warehouse_url", "dagster_url")
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


def landing_address(text: str) -> str:
    """The address of a landing zone as the settings keep it: absolute path or URL.

    Raises:
        ValueError: It is a URL that cannot be used; the text says what to write instead.
    """
    scheme, separator, rest = text.partition("://")
    if not separator:
        return str(Path(text).expanduser().absolute())
    if scheme in ("file", "local"):
        if not rest.startswith("/"):
            raise ValueError("three slashes begin the URL of a directory: file:///srv/landing")
        return str(Path(unquote(rest)))
    if scheme not in OBJECT_STORES:
        schemes = ", ".join(f"{name}://" for name in (*OBJECT_STORES, "file"))
        raise ValueError(f"must be a directory or begin with one of {schemes}")
    bucket = rest.partition("/")[0]
    if "@" in bucket:
        raise ValueError("holds credentials; put them into the variables of the store's client")
    if not bucket and scheme != "memory":
        raise ValueError(f"names no bucket; for example {scheme}://exports/landing")
    package = OBJECT_STORES[scheme]
    if find_spec(package) is None:
        raise ValueError(f"{scheme}:// needs a package more: pip install {package}")
    return f"{scheme}://{rest.strip('/')}"


def load_settings() -> Settings:
    """Read the settings from the environment, a service's credentials and the project's `.env`.

    The first that has a setting wins; of the key there may only be one.

    Raises:
        SettingsError: One line a bad or missing variable, with what to do. Never its value.
    """
    settings = _load(Settings)
    _ensure_one_key(settings)
    return settings


def load_blueprint() -> Blueprint:
    """Read the part of the settings that definitions need.

    Raises:
        SettingsError: One line a bad variable, with what to do.
    """
    return _load(Blueprint)


def env_file() -> Path:
    """The file that is read beside the environment."""
    return Path(os.environ.get("FASTFEAST_ENV_FILE", PROJECT_ROOT / ".env")).absolute()


def credentials_directory() -> Path | None:
    """Where systemd puts a service's credentials: a file a secret, named as its variable."""
    named = os.environ.get("CREDENTIALS_DIRECTORY", "")
    return Path(named) if named and Path(named).is_dir() else None


def _ensure_one_key(settings: Settings) -> None:
    """Two keys in one variable would give one person two hashes, depending on who reads which.

    Raises:
        SettingsError: `.env` or the credentials hold another key than the one in force.
    """
    for variable in KEY_VARIABLES:
        secret = getattr(settings, variable.removeprefix("FASTFEAST_").lower())
        if secret is not None:
            _ensure_one(variable, secret.get_secret_value())


def _ensure_one(variable: str, key: str) -> None:
    places = {str(env_file()): dotenv_values(env_file())}
    if (directory := credentials_directory()) is not None:
        files = [path for path in directory.iterdir() if path.name.upper() == variable]
        places |= {str(path): {variable: path.read_text().strip()} for path in files}
    for place, values in places.items():
        if any(values[name] not in (None, "", key) for name in values if name.upper() == variable):
            raise SettingsError(
                f"{variable} in {place} is another key than the one in force: the hashes of a"
                " warehouse need one key; remove the wrong one, or name another file by"
                " FASTFEAST_ENV_FILE"
            )


def _load(kind: type[Kind]) -> Kind:
    try:
        return kind(_env_file=env_file(), _secrets_dir=credentials_directory())
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(detail) for detail in error.errors())) from None


def _explain(detail: object) -> str:
    assert isinstance(detail, dict)  # noqa: S101
    if not detail["loc"]:
        return str(detail["msg"]).removeprefix("Value error, ")
    name = "FASTFEAST_" + str(detail["loc"][0]).upper()
    if detail["type"] == "missing":
        hint = (
            "run `make setup`, which writes one to .env" if name.endswith("PII_KEY") else "set it"
        )
        return f"{name} is not set: {hint}"
    return f"{name}: {str(detail['msg']).removeprefix('Value error, ')}"
