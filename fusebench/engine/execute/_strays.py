"""Find what fits leave running: processes that outlive the worker that started them.

A fit may start processes, put them in a session of their own and die. Each process that descends from this one's
fork server carries a mark in its environment, so it is known whoever its parent is by now. Only Linux shows this.
"""

from __future__ import annotations

import os
import secrets
import signal
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection

MARK = "FUSEBENCH_WORKERS_OF"
MARKED = f"{os.getpid()}-{secrets.token_hex(8)}"
SUPPORTED = sys.platform == "linux"
PAGE = os.sysconf("SC_PAGE_SIZE") if SUPPORTED else 0
ROUNDS, ROUND_SECONDS = 20, 0.05


def kill_strays(spared: Collection[int], mark: str = MARKED) -> int:
    """Kill every marked process but some and what descends from them; return how many there were.

    Notes
    -----
    O(processes of the machine): for when a worker died or a run ends, not for every poll.
    """
    parents = dict(_marked(mark)) if SUPPORTED else {}
    strays = [pid for pid in parents if not _descends(pid, spared, parents)]
    for pid in strays:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    return len(strays)


def tree_bytes(pid: int) -> int:
    """Return the resident bytes of a process and all that it started; shared pages count once."""
    if SUPPORTED:  # asked for every worker many times a second
        with suppress(OSError, ValueError, IndexError):
            total = int(_read(f"/proc/{pid}/statm").split()[1]) * PAGE
            return total + sum(map(_own_share, _children(pid)))
        return 0
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def _own_share(pid: int) -> int:
    """Return a process's resident bytes, those it shares with others divided among them; 0 where it is gone."""
    import psutil

    try:
        return int(psutil.Process(pid).memory_full_info().pss)
    except (psutil.Error, AttributeError):
        return 0


def watch(connection: Connection, fork_server: int, mark: str) -> None:
    """Wait until the run's process is gone, then end what its workers started; runs in a process of its own."""
    with suppress(OSError):
        os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with suppress(EOFError, OSError):
        connection.recv_bytes()
    for _ in range(ROUNDS):
        if not kill_strays({os.getpid()}, mark) and not _exists(fork_server):
            return
        time.sleep(ROUND_SECONDS)


def _marked(mark: str) -> Iterator[tuple[int, int]]:
    """Yield the process and parent numbers of every process with a mark."""
    wanted = f"{MARK}={mark}".encode()
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            with suppress(OSError, IndexError, ValueError):
                if wanted in _read(f"{entry.path}/environ").split(b"\0"):
                    # The second field may hold spaces and brackets; the parent is the second one behind it.
                    yield int(entry.name), int(_read(f"{entry.path}/stat").rsplit(b")", 1)[1].split()[1])


def _descends(pid: int, spared: Collection[int], parents: dict[int, int]) -> bool:
    seen: set[int] = set()
    while pid not in spared:
        seen.add(pid)
        pid = parents.get(pid, 0)
        if not pid or pid in seen:
            return False
    return True


def _children(pid: int) -> Iterator[int]:
    """Yield every process below one, where the kernel lists them."""
    with suppress(OSError):
        for thread in os.scandir(f"/proc/{pid}/task"):
            for child in _read(f"{thread.path}/children").split():
                yield int(child)
                yield from _children(int(child))


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _read(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 - a Path for each of hundreds of processes would be slow
        return file.read()
