"""Starts one child that cannot outlive its parent, also when the parent is killed with SIGKILL.

Run as a file by the interpreter (`python -I -S sandbox/launch.py OPTIONS -- COMMAND...`): it asks
Linux for a signal on the parent's death, drops root where asked, and becomes the command. It is a
programme of its own because code between fork and exec is not safe in a process with threads.
Only the standard library, so that it starts in a few hundredths of a second. Where there is no
Linux, the child is started all the same, without that last safety net.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_USAGE = "usage: launch.py PARENT_PID DEATH_SIGNAL UID:GID|- -- COMMAND..."
PARENT_GONE = 125


def main(arguments: list[str]) -> int:
    """Become the command; return only if that is impossible.

    Args:
        arguments: pid of the parent, number of the signal to get when it dies, "uid:gid" to become
            or "-", the separator "--", and the command.
    """
    if len(arguments) < 5 or arguments[3] != "--":
        sys.stderr.write(_USAGE + "\n")
        return 2
    parent, death_signal, account, command = (
        int(arguments[0]),
        int(arguments[1]),
        arguments[2],
        arguments[4:],
    )
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    if account != "-":
        _become(account)
    _die_with_parent(death_signal)
    if os.getppid() != parent:
        # The parent died before the request took effect, so no signal will ever come.
        return PARENT_GONE
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell is meant
    except OSError as error:
        sys.stderr.write(f"cannot start {command[0]}: {error}\n")
        return 127


def _become(account: str) -> None:
    uid, gid = (int(part) for part in account.split(":"))
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def _die_with_parent(death_signal: int) -> None:
    """Must come after a change of user: the kernel forgets the request at that moment."""
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
