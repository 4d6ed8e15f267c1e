"""Runs a program that refuses to run as root, and ends with its parent: `python lowered.py SIGNAL USER PARENT COMMAND…`.

For an ordinary user it only asks the kernel for SIGNAL when the parent dies. For root it moves into a user namespace in
which root's files belong to an ordinary user; with USER given it becomes that user instead (where namespaces are refused).
Standard library only: it is started as a file, before every server.
"""

import ctypes
import os
import pwd
import sys
from pathlib import Path

_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1


def enter_namespace() -> None:
    """Root outside, an ordinary user inside. Raises OSError where the kernel or a container's profile refuses."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    # initdb wants a user that has a name: the first one that is not root
    inside = min((entry for entry in pwd.getpwall() if entry.pw_uid), key=lambda entry: entry.pw_uid)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{inside.pw_uid} 0 1")
    Path("/proc/self/gid_map").write_text(f"{inside.pw_gid} 0 1")


def become(user: str) -> None:
    """Gives up root for this user."""
    entry = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def main() -> None:
    signal_at_death, user, parent, *command = sys.argv[1:]
    if user:
        become(user)
    elif os.geteuid() == 0:
        enter_namespace()
    # after the change of credentials, which clears it
    if int(signal_at_death) and sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal_at_death), 0, 0, 0)
        if os.getppid() != int(parent):
            sys.exit(1)
    os.execv(command[0], command)  # noqa: S606  the command is our own


if __name__ == "__main__":
    main()
