"""Run commands of fusebench in forks of one warm process: hundreds of runs without hundreds of interpreter starts.

Started as a program; reads one JSON list a line, of runs that go at once: {"argv", "cwd", "env", "kill_after"}; answers
with the list of what came of each.
Workers are forked as well, everything else is what the command line runs.
"""

import json
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from pathlib import Path


def warm_up():
    """Do once, in this process, what every run does: import, discover, build the command line, fit, write, render."""
    import faults
    import tables
    import yaml

    from fusebench.cli import app
    from fusebench.engine.execute import _supervisor, early, local
    from fusebench.report import html  # noqa: F401

    with tempfile.TemporaryDirectory() as folder:
        code, said = tables.exit_code(yaml.safe_load(faults.SPEC), Path(folder))
    if code:
        raise RuntimeError(said)
    app.command()
    _supervisor.start_fork_server = lambda preload: multiprocessing.get_context("fork")
    _supervisor._start_guard = lambda context: None  # a forked guard holds the very pipe whose end it waits for
    local.warm_up = lambda *_: None  # it would start a fork server for each run, which imports everything anew
    early.begin_imports = lambda *_: None  # so would this one


def child(order, out, err):
    os.setsid()
    os.chdir(order["cwd"])
    os.environ.update(order.get("env") or {})
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # the orders are not a command's to read
    for number, stream in ((1, out), (2, err)):
        os.dup2(stream.fileno(), number)
    sys.argv = ["fusebench", *order["argv"]]
    from fusebench.cli import main

    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def wait_for(pid, kill_after):
    """Return the exit code, negative for a signal, and how long it took."""
    begun = time.monotonic()
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), time.monotonic() - begun


def run_all(orders):
    """Run several orders at once and return what came of each."""
    streams = [(tempfile.TemporaryFile(), tempfile.TemporaryFile()) for _ in orders]  # noqa: SIM115 - closed below
    pids = []
    for order, (out, err) in zip(orders, streams, strict=True):
        pid = os.fork()
        if pid == 0:
            child(order, out, err)
        pids.append(pid)
    answers = []
    for order, pid, both in zip(orders, pids, streams, strict=True):
        code, seconds = wait_for(pid, order.get("kill_after"))
        texts = []
        for stream in both:
            stream.seek(0)
            texts.append(stream.read().decode(errors="replace"))
            stream.close()
        answers.append({"code": code, "seconds": seconds, "stdout": texts[0], "stderr": texts[1]})
    return answers


def main():
    warm_up()
    for line in sys.stdin:
        print(json.dumps(run_all(json.loads(line))), flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    main()
