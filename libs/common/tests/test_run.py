"""A service by itself: it answers on its port, ends on a signal, and refuses in one sentence."""

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import aiohttp
import pytest
import structlog

from libs.common.run import main, run_services
from libs.common.settings import CommonSettings
from libs.common.testing import eventually

ROOT = Path(__file__).parents[3]
_PROGRAM = textwrap.dedent("""
    import sys, types
    from libs.common.settings import CommonSettings
    from libs.common.service import StartRefused
    from libs.common.web import create_app

    class Ledger:
        name = "ledger"

        def __init__(self, settings, wiring):
            self.api = create_app("ledger", settings, wiring.verifier, {}, {"bus": wiring.bus.healthy})

        async def start(self, role):
            if "refuse" in sys.argv:
                raise StartRefused("The ledger has no books.", status=1)
            print("started", role, flush=True)

        async def stop(self):
            print("stopped", flush=True)

    async def migrate(settings):
        print("migrated", flush=True)

    class Settings(CommonSettings):
        ledger_niceness: int = 0

    for name, members in {
        "services.ledger": {"__path__": []},
        "services.ledger.settings": {"Settings": Settings},
        "services.ledger.app": {"build": Ledger, "migrate": migrate},
    }.items():
        module = types.ModuleType(name)
        vars(module).update(members)
        sys.modules[name] = module

    from libs.common.run import main
    sys.exit(main("ledger", [sys.argv[1]]))
""")


def _start(tmp_path, *arguments, **settings):
    settings = {f"MCCS_{name.upper()}": value for name, value in settings.items()}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MCCS_")}
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, *arguments],
        cwd=tmp_path,
        env=kept | settings | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


async def _end(program, within_s=20):
    out, err = await asyncio.to_thread(program.communicate, timeout=within_s)
    return program.returncode, out.split("\n"), err


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def _answers(url):
    try:
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_answers_on_its_port_and_ends_on_a_signal(tmp_path, amqp_url, number):
    port = _free_port()
    program = _start(tmp_path, "both", bus_url=amqp_url, ledger_api_url=f"http://127.0.0.1:{port}")
    await eventually(lambda: _answers(f"http://127.0.0.1:{port}/health/ready"), within_s=20)
    program.send_signal(number)
    status, said, _ = await _end(program)
    assert status == 0
    assert said[:3] == ["migrated", "started both", "stopped"]


async def test_a_worker_answers_for_its_health_alone(tmp_path, amqp_url):
    port = _free_port()
    program = _start(tmp_path, "worker", bus_url=amqp_url, ledger_api_url=f"http://127.0.0.1:{port}")
    await eventually(lambda: _answers(f"http://127.0.0.1:{port}/health/ready"), within_s=20)
    program.terminate()
    assert (await _end(program))[0] == 0


@pytest.mark.parametrize(("role", "niceness"), [("both", 7), ("worker", 7), ("api", 0)])
async def test_a_service_that_works_behind_others_stands_back_and_one_that_answers_alone_does_not(
    tmp_path, amqp_url, role, niceness
):
    port, own = _free_port(), os.getpriority(os.PRIO_PROCESS, 0)
    address = f"http://127.0.0.1:{port}"
    program = _start(tmp_path, role, bus_url=amqp_url, ledger_api_url=address, ledger_niceness="7")
    await eventually(lambda: _answers(f"{address}/health/live"), within_s=20)
    assert os.getpriority(os.PRIO_PROCESS, program.pid) == max(niceness, own)
    program.terminate()
    assert (await _end(program))[0] == 0


async def test_a_port_in_use_is_one_sentence(tmp_path, amqp_url):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        program = _start(tmp_path, "api", bus_url=amqp_url, ledger_api_url=f"http://127.0.0.1:{port}")
        status, said, err = await _end(program)
    assert status == 1
    assert f"127.0.0.1:{port} cannot be used" in err
    assert "MCCS_LEDGER_API_URL" in err
    assert "Traceback" not in err
    assert "stopped" in said, "what had started was taken down"


class Part:
    """A service's modules as far as they are needed to be refused."""

    Settings = CommonSettings


@pytest.fixture
def _alone(tmp_path, monkeypatch):
    """In this process: away from any `.env`, with a ledger that has settings only, and logs as they were."""
    monkeypatch.chdir(tmp_path)
    for name in ("services.ledger.settings", "services.ledger.app"):
        monkeypatch.setitem(sys.modules, name, Part)
    root, config = logging.getLogger(), structlog.get_config()
    before, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = before, level
    structlog.configure(**config)


@pytest.mark.usefixtures("_alone")
@pytest.mark.parametrize(
    ("settings", "status", "sentence"),
    [
        ({}, 2, "needs RabbitMQ"),
        ({"BUS_URL": "kafka://x"}, 2, "MCCS_BUS_URL"),
        ({"BUS_URL": "amqp://127.0.0.1:1", "CONNECT_TIMEOUT_S": "0.2"}, 1, "RabbitMQ cannot be reached"),
        ({"PORT": "many"}, 2, "MCCS_PORT"),
    ],
)
def test_what_cannot_start_says_why_in_one_sentence(monkeypatch, capsys, settings, status, sentence):
    for name, value in settings.items():
        monkeypatch.setenv(f"MCCS_{name}", value)
    assert main("ledger", ["both"]) == status
    err = capsys.readouterr().err
    assert sentence in err
    assert "Traceback" not in err


def test_wrong_use_is_said(capsys):
    assert main("ledger", ["sideways"]) == 2
    assert "usage: python -m services.ledger" in capsys.readouterr().err
    assert run_services(["nothing"], "both") == 2
    assert "There is no service called nothing" in capsys.readouterr().err


async def test_a_service_that_refuses_is_heard(tmp_path, amqp_url):
    status, _, err = await _end(_start(tmp_path, "both", "refuse", bus_url=amqp_url))
    assert status == 1
    assert "The ledger has no books." in err
    assert "Traceback" not in err


async def test_migrate_migrates_and_ends(tmp_path):
    status, said, _ = await _end(_start(tmp_path, "migrate"))
    assert (status, said[0]) == (0, "migrated")
