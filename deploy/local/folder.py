"""The data folder of a one-machine node: one node at a time, nobody else's eyes, never older code on newer data."""

import errno
import fcntl
import os
import secrets
from pathlib import Path

from libs.common.service import StartRefused

FORMAT = 1
"""Rises when the folder's layout changes so that older code must not touch it."""


class DataFolder:
    """`MCCS_DATA`: embedded PostgreSQL, mail, pictures, generated secrets, the lock of the running node."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: int | None = None

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def operator_socket(self) -> Path:
        return self.path / "run" / "operator.sock"

    @property
    def is_held(self) -> bool:
        """Whether this process holds the folder."""
        return self._lock is not None

    def prepare(self) -> None:
        """Makes the folder, readable by its owner only. Raises StartRefused for a newer folder or one not ours."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            (self.path / "run").mkdir(exist_ok=True, mode=0o700)
            self._check_format()
        except OSError as fault:
            raise StartRefused(
                f"The data folder {self.path} cannot be used ({fault.strerror}); set MCCS_DATA to a folder you may write.",
                status=2,
            ) from fault

    def hold(self) -> None:
        """Locks the folder for this process; the lock of a dead process is gone with it.

        Raises StartRefused naming the process that holds it.
        """
        self.prepare()
        lock = os.open(self.path / "run" / "node.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as fault:
            holder = os.pread(lock, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(lock)
            if fault.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            raise StartRefused(
                f"The data folder {self.path} is in use by the node with process id {holder}: "
                "stop that one first, or set MCCS_DATA to another folder."
            ) from fault
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        self._lock = lock

    def release(self) -> None:
        """Gives the folder back. Safe to call twice."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def secret(self, name: str) -> str:
        """A random secret of this node, made on first use, in a file that only the owner can read."""
        folder = self.path / "secrets"
        folder.mkdir(exist_ok=True, mode=0o700)
        file = folder / name
        try:
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return file.read_text().strip()
        with os.fdopen(handle, "w") as stream:
            stream.write(secrets.token_urlsafe(48))
            stream.flush()
            os.fsync(stream.fileno())
        return file.read_text().strip()

    def _check_format(self) -> None:
        file = self.path / "FORMAT"
        try:
            found = int(file.read_text())
        except FileNotFoundError:
            file.write_text(f"{FORMAT}\n")
            return
        except ValueError:
            found = FORMAT + 1
        if found > FORMAT:
            raise StartRefused(
                f"The data folder {self.path} belongs to a newer version of MCCS (format {file.read_text().strip()}, "
                f"this one knows {FORMAT}): install that version, or set MCCS_DATA to another folder."
            )
