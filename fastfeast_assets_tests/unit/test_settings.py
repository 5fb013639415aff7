"""Settings: every bad variable is named with what to do, and no value is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from fastfeast_assets.secret_variables import SECRETS
from fastfeast_assets.settings import PROJECT_ROOT, Settings, SettingsError, load_settings

KEY = "k" * 32
OTHER_KEY = "o" * 32


def test_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTFEAST_PII_KEY", KEY)
    settings = load_settings()
    assert settings.home == PROJECT_ROOT / ".fastfeast"
    assert settings.landing_directory == settings.home / "landing"
    assert settings.warehouse_url is None
    assert settings.timezone == "UTC"


def test_the_landing_zone_follows_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FASTFEAST_PII_KEY", KEY)
    monkeypatch.setenv("FASTFEAST_HOME", str(tmp_path))
    assert load_settings().landing_directory == tmp_path / "landing"


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("/srv/landing/", "/srv/landing"),
        ("file:///srv/land%20ing", "/srv/land ing"),
        ("s3://exports/landing/", "s3://exports/landing"),
        ("s3://exports", "s3://exports"),
        ("memory://", "memory://"),
    ],
)
def test_the_landing_zone_may_be_a_directory_or_an_object_store(
    monkeypatch: pytest.MonkeyPatch, value: str, address: str
) -> None:
    monkeypatch.setenv("FASTFEAST_PII_KEY", KEY)
    monkeypatch.setenv("FASTFEAST_LANDING", value)
    settings = load_settings()
    assert settings.landing == address
    if "://" in address:
        with pytest.raises(SettingsError, match="local directory"):
            _ = settings.landing_directory


def test_a_relative_landing_zone_is_made_absolute(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FASTFEAST_PII_KEY", KEY)
    monkeypatch.setenv("FASTFEAST_LANDING", "files")
    monkeypatch.chdir(tmp_path)
    assert load_settings().landing == str(tmp_path / "files")


def test_the_environment_wins_over_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text(f"FASTFEAST_PII_KEY={KEY}\nFASTFEAST_TIMEZONE=Africa/Cairo\n")
    monkeypatch.setenv("FASTFEAST_ENV_FILE", str(env_file))
    assert load_settings().timezone == "Africa/Cairo"
    monkeypatch.setenv("FASTFEAST_TIMEZONE", "UTC")
    assert load_settings().timezone == "UTC"


def test_the_credentials_of_a_service_are_below_the_environment_and_above_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("FASTFEAST_WAREHOUSE_URL=postgresql://file/w\n")
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "FASTFEAST_PII_KEY").write_text(f"{KEY}\n")
    (credentials / "FASTFEAST_WAREHOUSE_URL").write_text("postgresql://credentials/w\n")
    monkeypatch.setenv("FASTFEAST_ENV_FILE", str(env_file))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    settings = load_settings()
    assert settings.pii_key.get_secret_value() == KEY
    assert settings.warehouse_url is not None
    assert settings.warehouse_url.get_secret_value() == "postgresql://credentials/w"
    monkeypatch.setenv("FASTFEAST_WAREHOUSE_URL", "postgresql://environment/w")
    found = load_settings().warehouse_url
    assert found is not None
    assert found.get_secret_value() == "postgresql://environment/w"


def test_a_rotation_needs_two_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FASTFEAST_ENV_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("FASTFEAST_PII_KEY", KEY)
    assert load_settings().pii_key_previous is None
    monkeypatch.setenv("FASTFEAST_PII_KEY_PREVIOUS", KEY)
    with pytest.raises(SettingsError, match="the same key") as caught:
        load_settings()
    assert KEY not in str(caught.value)
    monkeypatch.setenv("FASTFEAST_PII_KEY_PREVIOUS", "short")
    with pytest.raises(SettingsError, match="FASTFEAST_PII_KEY_PREVIOUS: shorter than 32"):
        load_settings()
    monkeypatch.setenv("FASTFEAST_PII_KEY_PREVIOUS", OTHER_KEY)
    found = load_settings().pii_key_previous
    assert found is not None
    assert found.get_secret_value() == OTHER_KEY


@pytest.mark.parametrize(
    "name", ["FASTFEAST_PII_KEY", "fastfeast_pii_key", "FASTFEAST_PII_KEY_PREVIOUS"]
)
@pytest.mark.parametrize("other", [".env", "credentials"])
def test_two_keys_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, other: str
) -> None:
    """Each service would go by the one that it happens to read first."""
    monkeypatch.setenv("FASTFEAST_PII_KEY", OTHER_KEY)
    monkeypatch.setenv(name.upper(), KEY)
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    place = credentials / name
    if other == ".env":
        place = tmp_path / ".env"
        monkeypatch.setenv("FASTFEAST_ENV_FILE", str(place))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    for key, is_refused in ((KEY, False), ("hunter2" * 8, True)):
        place.write_text(f"{name}={key}\n" if other == ".env" else f"{key}\n")
        if not is_refused:
            load_settings()
            continue
        with pytest.raises(SettingsError, match="another key than the one in force") as caught:
            load_settings()
        assert "hunter2" not in str(caught.value)
        assert str(place) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("FASTFEAST_PII_KEY", "", "make setup"),
        ("FASTFEAST_PII_KEY", "too-short-secret", "32 characters"),
        ("FASTFEAST_TIMEZONE", "Cairo", "IANA"),
        ("FASTFEAST_WAREHOUSE_URL", "mysql://root:hunter2@db/x", "postgresql://"),
        ("FASTFEAST_SETTLE_SECONDS", "-1", "greater than or equal to 0"),
        ("FASTFEAST_START_DATE", "yesterday", "date"),
        ("FASTFEAST_LANDING", "ftp://exports/landing", "s3://"),
        ("FASTFEAST_LANDING", "s3://key:hunter2@exports/landing", "credentials"),
        ("FASTFEAST_LANDING", "s3:///landing", "bucket"),
        ("FASTFEAST_LANDING", "file://landing", "file:///"),
        ("FASTFEAST_LANDING", "gs://exports", "gcsfs"),
    ],
)
def test_a_bad_variable_is_named_and_never_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, hint: str
) -> None:
    monkeypatch.setenv("FASTFEAST_PII_KEY", KEY)
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert name in str(caught.value)
    assert hint in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "too-short-secret" not in str(caught.value)


def test_the_key_is_not_shown_by_printing_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTFEAST_PII_KEY", KEY)
    assert KEY not in repr(load_settings())


def test_every_secret_is_kept_from_other_programs() -> None:
    """By a list that they read without reading settings."""
    secret = {
        f"FASTFEAST_{name.upper()}"
        for name, field in Settings.model_fields.items()
        if "SecretStr" in str(field.annotation)
    }
    assert set(SECRETS) == secret
