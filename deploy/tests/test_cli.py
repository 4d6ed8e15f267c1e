"""The command line: help that teaches, exit statuses, settings for people and programs."""

import json
import re

import pytest

from deploy.local.cli import main
from deploy.local.verbs import VERBS


def test_every_verb_has_help_and_every_help_has_a_verb(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = set(re.findall(r"^    ([a-z-]+)(?: |$)", capsys.readouterr().out, re.MULTILINE))
    assert shown == {"run", *VERBS}


@pytest.mark.parametrize(
    "arguments", [[], ["fly"], ["run", "teleporter"], ["admin"], ["admin", "create"], ["dead", "list"]]
)
def test_wrong_use_has_status_two(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: mccs" in capsys.readouterr().err


def test_settings_are_told_whole_with_secrets_masked(capsys, monkeypatch):
    monkeypatch.setenv("MCCS_SERVICE_SECRET", "a-secret-that-must-not-be-shown-anywhere")
    monkeypatch.setenv("MCCS_LEDGER_URL", "postgresql://ledger:hush-hush@db/ledger")
    assert main(["settings", "--json"]) == 0
    text = capsys.readouterr().out
    shown = {row["name"]: row for row in json.loads(text)}
    assert "must-not-be-shown" not in text
    assert "hush-hush" not in text
    assert shown["MCCS_LEDGER_URL"]["source"] == "environment"
    assert shown["MCCS_PORT"] == {
        "name": "MCCS_PORT",
        "value": "8000",
        "source": "default",
        "meaning": shown["MCCS_PORT"]["meaning"],
    }
    assert all(row["meaning"] for row in shown.values())


PROMISED = [
    "MCCS_ENV",
    "MCCS_HOST",
    "MCCS_PORT",
    "MCCS_DATA",
    "MCCS_DEMO",
    "MCCS_PUBLIC_URL",
    "MCCS_BUS_URL",
    "MCCS_IDENTITY_URL",
    "MCCS_LEDGER_URL",
    "MCCS_NOTIFIER_URL",
    "MCCS_DIRECTORY_URL",
    "MCCS_MATCHER_URL",
    "MCCS_MAIL_URL",
    "MCCS_RATE_PER_MINUTE",
    "MCCS_LOGIN_FAILURES_PER_ADDRESS_MAX",
    "MCCS_CONTACT_PER_HOUR",
    "MCCS_CORS_ORIGINS",
    "MCCS_LOGIN_TRIES_MAX",
    "MCCS_LOCKOUT_S",
    "MCCS_TOKEN_LIFETIME_S",
    "MCCS_VERIFY_EMAIL",
    "MCCS_MAX_NEGATIVE",
    "MCCS_MAX_POSITIVE",
    "MCCS_PROPOSAL_LIFETIME_S",
    "MCCS_TIME_ZONE",
    "MCCS_UNIT",
    "MCCS_NODE_NAME",
    "MCCS_LANGUAGE",
    "MCCS_LANGUAGES",
]


def test_every_promised_setting_is_there(capsys):
    assert main(["settings", "--json"]) == 0
    known = {row["name"] for row in json.loads(capsys.readouterr().out)}
    assert set(PROMISED) <= known


def test_a_missing_password_is_told_in_one_sentence(capsys, monkeypatch):
    import io

    monkeypatch.delenv("MCCS_ADMIN_PASSWORD", raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert main(["admin", "create", "ann@node.example"]) == 2
    assert capsys.readouterr().err.startswith("mccs: Give the password")
