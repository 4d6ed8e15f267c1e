"""Prints an `.env` with fresh secrets for `docker-compose.yml`: `python deploy/compose/new_env.py > .env`, once."""

import secrets

SECRETS = (
    "MCCS_SERVICE_SECRET",
    "MCCS_IDENTITY_SECRET",
    "MCCS_LEDGER_SIGNING_KEY",
    "POSTGRES_PASSWORD",
    "IDENTITY_OWNER_PASSWORD",
    "IDENTITY_PASSWORD",
    "LEDGER_OWNER_PASSWORD",
    "LEDGER_PASSWORD",
    "NOTIFIER_OWNER_PASSWORD",
    "NOTIFIER_PASSWORD",
    "RABBITMQ_PASSWORD",
    "MONGODB_ROOT_PASSWORD",
    "DIRECTORY_PASSWORD",
    "ELASTIC_PASSWORD",
    "MAIL_PASSWORD",
)


def text() -> str:
    """One line per secret, and the settings that differ from place to place."""
    lines = [f"{name}={secrets.token_hex(32)}" for name in SECRETS]
    return "\n".join([*lines, "MCCS_PUBLIC_URL=http://127.0.0.1:8000", "MCCS_OPERATOR_EMAIL=operator@example.org", ""])


if __name__ == "__main__":
    print(text(), end="")
