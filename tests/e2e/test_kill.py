"""SIGKILL of the whole node in the middle of a stream of payments: nothing acknowledged is lost, nothing happens twice."""

import threading
import time
import uuid
from pathlib import Path

import httpx2
import pytest

from tests.e2e.driving import Admin, Api, Member, Refused, eventually
from tests.e2e.running import Running, embedded

PAYERS = 4
KILLS = 2
BETWEEN_KILLS_S = 2.0


class Payer(threading.Thread):
    """Pays one unit after the other, each with its own key, sending again what got no answer."""

    def __init__(self, address: str, payer: Member, payee: Member, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.acknowledged: dict[str, str] = {}
        self.fault: BaseException | None = None
        self._api = Api(address)
        self._payer, self._payee, self._stop_it = payer, payee, stop

    def run(self) -> None:
        try:
            while not self._stop_it.is_set():
                key = uuid.uuid4().hex
                proposed = self._until_answered("POST", "/transfers", self._payer, self._proposal(), key)
                self._until_answered("PATCH", f"/transfers/{proposed['id']}", self._payee, {"action": "accept"}, key)
                self.acknowledged[key] = proposed["id"]
        except BaseException as fault:  # noqa: BLE001  told by the test's own thread
            self.fault = fault
        finally:
            self._api.close()

    def _proposal(self) -> dict[str, object]:
        return {"transfer": "out", "initiator": self._payer.number, "receiver": self._payee.number, "amount": 0.01}

    def _until_answered(self, method: str, path: str, who: Member, body: object, key: str) -> dict[str, str]:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                return dict(self._api(method, path, who.token, body, key))
            except Refused as refused:
                if refused.status not in (429, 503):
                    raise
            except httpx2.HTTPError:
                pass
            time.sleep(0.1)
        raise AssertionError("no answer within 60 s")


@pytest.fixture
def own_node(tmp_path: Path):
    running = embedded(tmp_path)
    running.start()
    running.make_admin()
    yield running
    running.stop()


def test_a_node_killed_while_paying_keeps_every_acknowledged_payment_exactly_once(own_node: Running):
    api = Api(own_node.address)
    admin = Admin(api)
    tag = "cartography"
    members = [Member.signs_up(api, f"Payer {n}", offers=(tag,)) for n in range(PAYERS * 2)]
    for member in members:
        admin.lets_trade(member)
    stop = threading.Event()
    payers = [Payer(own_node.address, members[n], members[n + PAYERS], stop) for n in range(PAYERS)]
    for payer in payers:
        payer.start()
    for _ in range(KILLS):
        time.sleep(BETWEEN_KILLS_S)
        own_node.kill()
        own_node.start()
    time.sleep(BETWEEN_KILLS_S)
    stop.set()
    for payer in payers:
        payer.join(90)
        assert payer.fault is None, payer.fault

    for n, payer in enumerate(payers):
        assert payer.acknowledged
        booked = _completed(api, members[n])
        assert sorted(booked) == sorted(payer.acknowledged.values())
        assert members[n].balance() == pytest.approx(-0.01 * len(booked), abs=1e-9)
        assert members[n + PAYERS].balance() == pytest.approx(0.01 * len(booked), abs=1e-9)
    audit = own_node.mccs("check", "--json")
    assert audit.returncode == 0, audit.stdout + audit.stderr
    eventually(lambda: len(api("GET", "/entities", offers=tag, page_size=100)) == len(members))
    api.close()


def _completed(api: Api, member: Member) -> list[str]:
    ids: list[str] = []
    page = 1
    while True:
        answer = api.whole(
            "GET",
            "/transfers",
            member.token,
            status="completed",
            querying_entity_id=member.entity_id,
            page=page,
            page_size=100,
        )
        ids += [line["id"] for line in answer["data"]]
        if page >= answer["meta"]["totalPages"]:
            return ids
        page += 1


def test_a_stopped_node_leaves_no_process_and_starts_again_with_everything(own_node: Running):
    api = Api(own_node.address)
    ana = Member.signs_up(api, "Ana Stays")
    assert own_node.stop() == 0
    server = own_node.data / "postgres" / "data" / "postmaster.pid"
    assert not server.exists()
    own_node.start()
    assert ana.entity()["id"] == ana.entity_id
    api.close()


def test_postgres_of_a_killed_node_ends_with_it(own_node: Running):
    pid = int((own_node.data / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
    own_node.kill()
    eventually(lambda: not Path(f"/proc/{pid}").exists() or _is_dead(pid), within_s=20)
    own_node.start()


def _is_dead(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] == "Z"
    except OSError:
        return True


def test_a_second_node_on_the_same_folder_is_refused_in_one_sentence(own_node: Running):
    second = embedded(own_node.data.parent)
    second.environment["MCCS_DATA"] = str(own_node.data)
    with pytest.raises(AssertionError, match=r"in use by the node with process id \d+"):
        second.start()


def test_a_port_in_use_is_refused_in_one_sentence(own_node: Running, tmp_path: Path):
    second = embedded(tmp_path / "other", MCCS_PORT=own_node.address.rsplit(":", 1)[1])
    with pytest.raises(AssertionError, match="set MCCS_PORT to a free port") as refused:
        second.start()
    assert "Traceback" not in str(refused.value)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MCCS_PORT", "eighty"),
        ("MCCS_TIME_ZONE", "Moon/Crater"),
        ("MCCS_ENV", "staging"),
        ("MCCS_MAIL_URL", "pigeon:"),
        ("MCCS_LEDGER_URL", "oracle://somewhere"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_name_and_status_two(tmp_path: Path, variable: str, value: str):
    node = embedded(tmp_path, **{variable: value})
    refused = node.mccs("run")
    assert refused.returncode == 2
    assert variable in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_folder_of_a_newer_version_is_left_alone(tmp_path: Path):
    node = embedded(tmp_path)
    node.data.mkdir()
    (node.data / "FORMAT").write_text("99\n")
    refused = node.mccs("run")
    assert refused.returncode == 1
    assert "newer version" in refused.stderr
    assert "Traceback" not in refused.stderr
