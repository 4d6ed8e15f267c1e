"""Which processes answer the calls, what each uses of the processor, how long one waits for a core, and when all rest."""

import asyncio
import contextlib
import os
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from tests.e2e.running import Running

REST_SHARE = 0.15
"""Of a core: what uses less has no work left over; polling alone takes a third of that."""
REST_LOOK_S = 0.5
REST_WITHIN_S = 60.0
SERVERS = {
    "PostgreSQL": "MCCS_LEDGER_URL",
    "RabbitMQ": "MCCS_BUS_URL",
    "MongoDB": "MCCS_DIRECTORY_URL",
    "Elasticsearch": "MCCS_MATCHER_URL",
}
"""What runs beside a full set, by the setting that has its address."""


class Processes:
    """Those of one node, and of the servers on this machine that it uses."""

    def __init__(self, node: Running) -> None:
        assert node.process is not None
        self._root = psutil.Process(node.process.pid)
        children = {each: each.cmdline() for each in self._root.children()}
        self._services = {line[-1]: each for each, line in children.items() if "run" in line}
        self._servers = _servers(node.environment) if self._services else {}
        self._postgres = [each for each, line in children.items() if line and "postgres" in Path(line[0]).name]

    def pid(self, service: str) -> int:
        """Of the process that a service runs in."""
        found: int = self._services.get(service, self._root).pid
        return found

    def own_s(self) -> float:
        """Processor time of the node's own processes so far."""
        return _used_s(self._root)

    def used_s(self) -> dict[str, float]:
        """Processor time so far by name: of the node's processes and of the servers'."""
        if self._services:
            return {name: _used_s(each) for name, each in {**self._services, **self._servers}.items()}
        postgres = sum(map(_used_s, self._postgres))
        return {"the node": self.own_s() - postgres, "its PostgreSQL": postgres}

    def waited_s(self) -> dict[str, float]:
        """How long the event loops of the node's processes were ready and had no core so far, by name."""
        processes = self._services or {"the node": self._root}
        return {name: waited_s(each.pid) for name, each in processes.items()}

    async def rest(self) -> float | None:
        """Waits until the work that was left over is done; how long that took, None where it was not done in time."""
        began = time.monotonic()
        while time.monotonic() - began < REST_WITHIN_S:
            before, looked = self.own_s(), time.monotonic()
            await asyncio.sleep(REST_LOOK_S)
            if (self.own_s() - before) / (time.monotonic() - looked) < REST_SHARE:
                return looked - began
        return None


def between(before: Mapping[str, float], after: Mapping[str, float]) -> Counter[str]:
    """How much more it is by name."""
    return Counter({name: after[name] - before[name] for name in after})


def told(used_s: Mapping[str, float], calls: int) -> str:
    """Microseconds a call by name, the largest first."""
    costs = {name: used / max(1, calls) * 1e6 for name, used in used_s.items()}
    named = [f"{name} {cost:,.0f}" for name, cost in sorted(costs.items(), key=lambda item: -item[1]) if cost >= 1]
    return f"{', '.join(named)}; together {sum(costs.values()):,.0f} µs"


def shares(waited_s: Mapping[str, float], took_s: float) -> str:
    """In hundredths of the time by name, the largest first."""
    parts = {name: waited / took_s * 100 for name, waited in waited_s.items()}
    return ", ".join(
        f"{name} {part:.0f}" for name, part in sorted(parts.items(), key=lambda item: -item[1]) if part >= 1
    )


def cpu_s(pid: int) -> float:
    """Processor time of one process so far."""
    used = psutil.Process(pid).cpu_times()
    return float(used.user + used.system)


def waited_s(pid: int) -> float:
    """How long the main thread of a process, where its event loop runs, was ready and had no core so far (Linux)."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[1]) / 1e9
    return 0.0


def own_wait_s() -> float:
    """The same of this program."""
    return waited_s(os.getpid())


def _used_s(process: psutil.Process) -> float:
    """Of a process and all below it, those too that ended meanwhile."""
    total = 0.0
    for each in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            used = each.cpu_times()
            total += used.user + used.system + used.children_user + used.children_system
    return total


def _servers(environment: Mapping[str, str]) -> dict[str, psutil.Process]:
    """Those that listen on this machine and that we may look at."""
    listening = {
        each.laddr.port: each.pid
        for each in psutil.net_connections("tcp")
        if each.status == psutil.CONN_LISTEN and each.pid
    }
    ports = {name: urlsplit(environment.get(setting, "")).port for name, setting in SERVERS.items()}
    return {name: psutil.Process(listening[port]) for name, port in ports.items() if port in listening}
