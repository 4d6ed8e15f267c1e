"""Settings: defaults that run, sentences that name the variable, secrets that are never shown."""

import pytest
from pydantic import Field, SecretStr

from libs.common.service import StartRefused
from libs.common.settings import SERVICES, CommonSettings, describe, load

SECRET = "a-secret-of-at-least-thirty-two-characters"


class Settings(CommonSettings):
    """A service's own."""

    thing_url: str = Field("memory:", description="where things are")
    mail_password: SecretStr = Field(SecretStr("hush-hush"), description="secret of the mail server")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_nothing_needs_to_be_set():
    settings = load(CommonSettings)
    assert settings.bus_url == "memory:"
    assert settings.languages == ("en", "es", "fr", "de")
    assert settings.public_address == "http://127.0.0.1:8000"
    assert [url.rsplit(":", 1)[1] for url in settings.api_urls.values()] == ["8001", "8002", "8003", "8004", "8005"]
    assert tuple(settings.api_urls) == SERVICES


def test_every_setting_says_what_it_means():
    assert all(field.description for field in CommonSettings.model_fields.values())


def test_the_environment_wins_over_the_file_and_both_over_the_default(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("MCCS_UNIT=HRS\nMCCS_NODE_NAME=From the file\n")
    monkeypatch.setenv("MCCS_UNIT", "EUR")
    settings = load(CommonSettings)
    assert (settings.unit, settings.node_name) == ("EUR", "From the file")
    sources = {told.variable: told.source for told in describe([CommonSettings])}
    assert (sources["MCCS_UNIT"], sources["MCCS_NODE_NAME"], sources["MCCS_PORT"]) == ("environment", ".env", "default")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MCCS_PORT", "http"),
        ("MCCS_PORT", "70000"),
        ("MCCS_ENV", "staging"),
        ("MCCS_UNIT", "credits!"),
        ("MCCS_TIME_ZONE", "Mars/Olympus"),
        ("MCCS_HTTP_TIMEOUT_S", "-1"),
        ("MCCS_RELAY_WINDOW_MAX", "5000"),
        ("MCCS_LOG_LEVEL", "loud"),
    ],
)
def test_a_wrong_value_is_one_sentence_that_names_the_variable(monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    with pytest.raises(StartRefused) as caught:
        load(CommonSettings)
    assert caught.value.status == 2
    assert variable in caught.value.sentence
    assert value in caught.value.sentence
    assert "\n" not in caught.value.sentence


def test_production_refuses_the_secret_of_development(monkeypatch):
    monkeypatch.setenv("MCCS_ENV", "production")
    with pytest.raises(StartRefused, match="MCCS_SERVICE_SECRET"):
        load(CommonSettings)
    monkeypatch.setenv("MCCS_SERVICE_SECRET", "short")
    with pytest.raises(StartRefused, match="32 characters") as caught:
        load(CommonSettings)
    assert "short" not in caught.value.sentence


def test_production_refuses_doors_of_development_unless_they_are_allowed(monkeypatch):
    monkeypatch.setenv("MCCS_ENV", "production")
    monkeypatch.setenv("MCCS_SERVICE_SECRET", SECRET)
    with pytest.raises(StartRefused, match="MCCS_BUS_URL"):
        load(Settings)
    monkeypatch.setenv("MCCS_BUS_URL", "amqp://server")
    with pytest.raises(StartRefused, match="MCCS_THING_URL"):
        load(Settings)
    monkeypatch.setenv("MCCS_ALLOW_LOCAL_DOORS", "1")
    assert load(Settings).env == "production"


def test_secrets_are_masked_wherever_settings_are_shown(monkeypatch):
    monkeypatch.setenv("MCCS_SERVICE_SECRET", SECRET)
    monkeypatch.setenv("MCCS_BUS_URL", "amqp://user:pa55word@server/")
    shown = {told.variable: told.value for told in describe([CommonSettings, Settings])}
    assert shown["MCCS_SERVICE_SECRET"] == "********"
    assert shown["MCCS_MAIL_PASSWORD"] == "********"
    assert shown["MCCS_BUS_URL"] == "amqp://user:********@server/"
    assert SECRET not in repr(load(CommonSettings))


def test_settings_do_not_change():
    with pytest.raises(ValueError, match="frozen"):
        load(CommonSettings).port = 1  # type: ignore[misc]
