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
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522


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
    """Gives up root for this user, but for the right to pass through folders that are root's alone."""
    entry = pwd.getpwnam(user)
    libc = ctypes.CDLL(None, use_errno=True)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setuid(entry.pw_uid)
    right = 1 << _CAP_DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    wanted = (ctypes.c_uint32 * 6)(right, right, right, 0, 0, 0)
    if libc.capset(header, wanted) == 0:  # where root itself has not got it, the folders must be open
        libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)


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
