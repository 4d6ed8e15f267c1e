"""`docker-compose.yml` and the image held against the program: settings, services, ports, credentials, rights."""

import os
import re
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from pydantic_settings import BaseSettings

from deploy import healthcheck
from deploy.compose.new_env import SECRETS, text
from deploy.local.parts import DEPLOYABLES, SERVICES, part
from deploy.local.settings import NodeSettings
from libs.common.settings import load, variable

ROOT = Path(__file__).parents[2]
SERVERS = ("postgres", "rabbitmq", "mongodb", "elasticsearch", "mail")
PORTS = {"identity": 8001, "directory": 8002, "ledger": 8003, "matcher": 8004, "notifier": 8005, "gateway": 8000}


def given() -> dict[str, str]:
    """The variables of a fresh `.env`."""
    return dict(line.split("=", 1) for line in text().splitlines() if line)


def filled_in(value: str, variables: dict[str, str]) -> str:
    """As compose fills in `${NAME}`, `${NAME:-default}` and `${NAME:?message}`, one inside the other too."""
    inner = re.compile(r"\$\{(\w+)(?::([-?])([^${}]*))?\}")
    while found := inner.search(value):
        name, mark, more = found.groups()
        said = variables.get(name, "")
        if mark == "?" and not said:
            raise AssertionError(f"{name} is needed and not given")
        value = value[: found.start()] + (said or (more if mark == "-" else "") or "") + value[found.end() :]
    return value.replace("$$", "$")


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


def environment_of(service: str) -> dict[str, str]:
    """A service's variables, filled in from a fresh `.env`."""
    variables = given()
    return {
        name: filled_in(str(value), variables) for name, value in compose()["services"][service]["environment"].items()
    }


def known_variables(kind: type[BaseSettings]) -> set[str]:
    return {variable(field) for field in kind.model_fields}


@pytest.fixture
def clean_environment(monkeypatch, tmp_path):
    """No settings of this machine."""
    for name in [name for name in os.environ if name.startswith("MCCS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


def test_every_deployable_and_every_server_has_its_container():
    assert set(compose()["services"]) == {*DEPLOYABLES, *SERVERS, "migrate", "tools"}


@pytest.mark.parametrize("name", DEPLOYABLES)
def test_each_variable_of_a_service_is_one_of_its_settings(name):
    assert set(environment_of(name)) <= known_variables(part(name).settings)


@pytest.mark.parametrize("name", ["migrate", "tools"])
def test_each_variable_of_the_tools_is_some_setting(name):
    known = set().union(*(known_variables(part(each).settings) for each in DEPLOYABLES), known_variables(NodeSettings))
    assert set(environment_of(name)) <= known


@pytest.mark.parametrize("name", DEPLOYABLES)
def test_the_settings_of_a_service_are_accepted_in_production(name, clean_environment):
    for variable_name, value in environment_of(name).items():
        clean_environment.setenv(variable_name, value)
    settings = load(part(name).settings)
    assert settings.env == "production"
    assert settings.bus_url.startswith("amqp://")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_finds_its_store_on_a_server_that_is_there_with_credentials(name):
    url = urlsplit(environment_of(name)[f"MCCS_{name.upper()}_URL"])
    assert url.hostname in SERVERS
    assert url.username
    assert url.password


@pytest.mark.parametrize("name", DEPLOYABLES)
def test_a_service_knows_no_other_ones_store(name):
    stores = {
        f"MCCS_{other.upper()}_{kind}" for other in SERVICES for kind in ("URL", "OWNER_URL", "SECRET", "SIGNING_KEY")
    }
    own = {f"MCCS_{name.upper()}_{kind}" for kind in ("URL", "SECRET", "SIGNING_KEY")}
    assert stores & set(environment_of(name)) <= own


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_looked_for_where_it_listens(name):
    for reader in DEPLOYABLES:
        url = urlsplit(environment_of(reader)[f"MCCS_{name.upper()}_API_URL"])
        assert (url.hostname, url.port) == (name, PORTS[name])


@pytest.mark.parametrize("name", DEPLOYABLES)
def test_every_service_is_started_by_name_after_the_migrations_and_has_a_health_check(name):
    service = compose()["services"][name]
    assert service["command"] == ["run", name]
    assert service["healthcheck"]["test"] == ["CMD", "python", "-m", "deploy.healthcheck", str(PORTS[name])]
    awaited = service["depends_on"]
    if name == "gateway":
        assert {"identity", "directory", "ledger"} <= set(awaited)
    else:
        assert awaited["migrate"]["condition"] == "service_completed_successfully"


def test_migrations_wait_for_every_server_and_run_as_the_owners():
    migrate = compose()["services"]["migrate"]
    assert {name for name, how in migrate["depends_on"].items() if how["condition"] == "service_healthy"} == set(
        SERVERS
    ) - {"mail"}
    environment = environment_of("migrate")
    for name in ("identity", "ledger", "notifier"):
        assert urlsplit(environment[f"MCCS_{name.upper()}_OWNER_URL"]).username == f"{name}_owner"


@pytest.mark.parametrize("name", SERVERS)
def test_every_server_has_a_health_check_credentials_and_a_volume(name):
    server = compose()["services"][name]
    assert server["healthcheck"]["test"]
    assert any("PASS" in variable_name or "AUTH" in variable_name for variable_name in server["environment"])
    assert any(str(volume).split(":")[0] in compose()["volumes"] for volume in server["volumes"])
    assert ":latest" not in server["image"]
    assert ":" in server["image"]


def test_nothing_but_the_gateway_is_published_and_that_on_this_machine_only():
    services = compose()["services"]
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert list(published) == ["gateway"]
    assert filled_in(published["gateway"][0], {}) == "127.0.0.1:8000:8000"
    assert compose()["networks"]["inside"]["internal"] is True
    assert {name for name, service in services.items() if service["networks"] != ["inside"]} == {"gateway", "notifier"}


@pytest.mark.parametrize("name", [*DEPLOYABLES, "migrate", "tools"])
def test_our_containers_have_the_least_rights(name):
    service = compose()["services"][name]
    assert service["user"] == "10001:10001"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_every_secret_must_be_given_and_no_secret_stands_in_the_file():
    source = (ROOT / "docker-compose.yml").read_text()
    for name in SECRETS:
        assert f"${{{name}:?" in source, name
        assert f"${{{name}}}" not in source
        assert f"${{{name}:-" not in source


def test_fresh_secrets_are_long_and_never_the_same():
    one, other = given(), given()
    for name in SECRETS:
        assert len(one[name]) >= 32
        assert one[name] != other[name]
    assert len({one[name] for name in SECRETS}) == len(SECRETS)


def test_the_databases_of_the_init_script_are_those_of_the_settings():
    script = (ROOT / "deploy/compose/postgres-init.sh").read_text()
    made = re.findall(r"^make_service (\w+)", script, re.MULTILINE)
    assert made == ["identity", "ledger", "notifier"]
    for name in made:
        url = urlsplit(environment_of(name)[f"MCCS_{name.upper()}_URL"])
        assert (url.username, url.path) == (name, f"/{name}")
    subprocess.run(["sh", "-n", ROOT / "deploy/compose/postgres-init.sh"], check=True)


# --- the image ----------------------------------------------------------------------------------------------------------


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions of its last stage and before, continued lines joined."""
    source = re.sub(r"\\\n", " ", (ROOT / "deploy/Dockerfile").read_text())
    lines = [line for line in source.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]


def test_the_image_runs_as_an_ordinary_user():
    assert [value for name, value in instructions() if name == "USER"] == ["10001:10001"]
    after = [name for name, _ in instructions()[[name for name, _ in instructions()].index("USER") :]]
    assert "RUN" not in after
    assert "COPY" not in after


def test_the_image_installs_exactly_what_the_lock_names():
    pip = [value for name, value in instructions() if name == "RUN" and "pip install" in value]
    assert any("--require-hashes --no-deps -r requirements.txt" in value for value in pip)
    assert all("--no-deps" in value for value in pip)
    assert all("--require-hashes" in value or "--no-index" in value for value in pip)


def test_the_image_takes_the_service_as_its_argument():
    said = dict(instructions())
    assert said["ENTRYPOINT"] == '["mccs"]'
    assert said["CMD"] == '["run"]'
    assert set(re.findall(r"\d+", said["EXPOSE"])) == {str(port) for port in PORTS.values()}


def test_the_image_is_built_from_what_is_there_and_its_variables_are_settings():
    for name, value in instructions():
        if name == "COPY" and "--from" not in value:
            for source in value.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert f"!{source}" in (ROOT / ".dockerignore").read_text().splitlines()
    env = " ".join(value for name, value in instructions() if name == "ENV")
    known = set().union(*(known_variables(part(each).settings) for each in DEPLOYABLES))
    assert set(re.findall(r"MCCS_\w+", env)) <= known


# --- the health check ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "outcome"), [(200, 0), (503, 1)])
def test_the_health_check_says_whether_the_service_is_ready(status, outcome):
    class Answering(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status if self.path == "/health/ready" else 404)
            self.end_headers()

        def log_message(self, *_):
            return

    server = HTTPServer(("127.0.0.1", 0), Answering)
    thread = Thread(target=server.handle_request)
    thread.start()
    try:
        assert healthcheck.main([str(server.server_port)]) == outcome
    finally:
        thread.join()
        server.server_close()


def test_the_health_check_of_nothing_fails_and_wrong_use_is_said():
    assert healthcheck.main(["9"]) == 1
    assert healthcheck.main([]) == 2
    assert healthcheck.main(["x"]) == 2


def test_new_env_is_a_program():
    done = subprocess.run(
        [sys.executable, ROOT / "deploy/compose/new_env.py"], capture_output=True, text=True, check=True
    )
    assert {line.split("=")[0] for line in done.stdout.splitlines()} >= set(SECRETS)
