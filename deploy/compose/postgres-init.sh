#!/bin/sh
# Runs once, when the data folder is empty: a database, an owner for migrations and a login per service.
# The owner may create roles (the ledger's migrations do); the login may read and write what the owner makes, except in the
# ledger, whose migrations say themselves what may be done.
set -eu

make_service() { # NAME OWNER_PASSWORD PASSWORD
    psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
        --set name="$1" --set owner="$1_owner" --set owner_password="$2" --set password="$3" <<'SQL'
create role :"owner" login createrole password :'owner_password';
create role :"name" login password :'password';
create database :"name" owner :"owner";
revoke connect, temporary on database :"name" from public;
grant connect on database :"name" to :"name";
SQL
}

let_read_and_write() { # NAME
    psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$1" --set name="$1" --set owner="$1_owner" <<'SQL'
alter default privileges for role :"owner" in schema public grant select, insert, update, delete on tables to :"name";
alter default privileges for role :"owner" in schema public grant usage, select on sequences to :"name";
SQL
}

make_service identity "$IDENTITY_OWNER_PASSWORD" "$IDENTITY_PASSWORD"
make_service ledger "$LEDGER_OWNER_PASSWORD" "$LEDGER_PASSWORD"
make_service notifier "$NOTIFIER_OWNER_PASSWORD" "$NOTIFIER_PASSWORD"
let_read_and_write identity
let_read_and_write notifier
