"""Pipes and devices in the place of files, closed streams, signals at any time: an answer, soon, with its exit code."""

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SPEC = "name: s\ndatasets: [iris]\nlearners: [nb]\ncv: {type: holdout, test_size: 0.3, inner: 2}\n"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes and devices have names only there")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "s.yaml").write_text(SPEC)
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


def shell(folder, line, timeout=60, **variables):
    env = {**os.environ, "PYTHONPATH": str(ROOT), "FB": f"{shlex.quote(sys.executable)} -m fusebench", **variables}
    return subprocess.run(
        ["bash", "-c", line], cwd=folder, env=env, capture_output=True, text=True, timeout=timeout, check=False
    )


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("$FB validate pipe", 2),
        ("$FB stats /dev/zero", 74),
        ("$FB check pipe s.yaml -q", 74),
        pytest.param("$FB stats pipe", 74, marks=pytest.mark.slow),
        pytest.param("$FB fuse pipe", 2, marks=pytest.mark.slow),
        pytest.param("$FB predict pipe s.yaml", 74, marks=pytest.mark.slow),
        pytest.param("mkdir .fusebench && mkfifo .fusebench/costs.json && $FB run s.yaml", 74, marks=pytest.mark.slow),
    ],
)
def test_what_is_no_file_is_not_waited_for(folder, line, code):
    done = shell(folder, line)
    assert done.returncode == code, done.stderr
    assert "is a pipe or a device" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("closed", [">&-", pytest.param("<&- >&- 2>&-", marks=pytest.mark.slow)])
def test_closed_streams(folder, closed):
    done = shell(folder, f"$FB list learners {closed}")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


@pytest.mark.slow
def test_a_run_without_any_stream(folder):
    done = shell(folder, "$FB run s.yaml --jobs 1 <&- >&- 2>&-")
    assert done.returncode == 0
    assert (folder / "results/s/scores.csv").stat().st_size > 100


@pytest.mark.slow
def test_a_long_name_of_the_temporary_folder(folder):
    """A socket's name may have 107 bytes."""
    long = folder / ("x" * 120)
    long.mkdir()
    done = shell(folder, "$FB run s.yaml --jobs 1 -q", TMPDIR=str(long))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.slow)])
def test_a_polite_kill_before_the_first_fit_is_told(folder, number, heeded):
    heeded(number)
    script = (
        "import fusebench.cli as cli, os, time\n"
        "def wait():\n    print('ready', flush=True)\n    time.sleep(60)\n"
        "cli._run = wait\ncli.main()\n"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-c", script], env=env, stdout=-1, stderr=-1, text=True, cwd=folder)
    assert process.stdout.readline() == "ready\n"
    begun = time.monotonic()
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 143
    assert said == "terminated\n"
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize(
    ("make", "said"),
    [
        ("mkdir datasets.yaml", "is a folder"),
        ("mkfifo datasets.yaml", "is a pipe or a device"),
        ("ln -s nowhere datasets.yaml", "no such file"),
        ("ln -s datasets.yaml datasets.yaml", "symbolic links"),
    ],
)
def test_a_registry_beside_the_spec_that_is_no_file(folder, fusebench, make, said):
    subprocess.run(make, shell=True, cwd=folder, check=True)
    done = fusebench("run", "s.yaml")
    assert done.returncode == 2
    assert "datasets.yaml: " in done.stderr
    assert said in done.stderr


@pytest.mark.parametrize(
    "error",
    [
        "MemoryError",
        "ImportError('libx.so: failed to map segment from shared object')",
        'RuntimeError("can\'t start new thread")',
        "OSError(12, 'Cannot allocate memory')",
        "ValueError('a wrapped one') from MemoryError()",
    ],
)
def test_memory_that_runs_out(monkeypatch, capsys, error):
    from fusebench import cli

    def run():
        exec(f"raise {error}")

    monkeypatch.setattr(cli, "_run", run)
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 74
    assert capsys.readouterr().err.startswith("out of memory; what was finished is kept")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere memory has no such limit")
@pytest.mark.parametrize("kilobytes", [250_000, *(pytest.param(n, marks=pytest.mark.slow) for n in (500_000, 650_000))])
def test_a_shell_that_allows_little_memory(folder, kilobytes):
    done = shell(folder, f"ulimit -v {kilobytes}; exec timeout -k 1 60 $FB run s.yaml --jobs 1 -q")
    assert done.returncode in {0, 74}, done.stderr
    assert bool(done.returncode) == bool(done.stderr)
    assert "Traceback" not in done.stderr
    assert done.returncode == 0 or "memory" in done.stderr


def test_a_writer_that_cannot_write_ends_the_run(folder, fusebench, monkeypatch):
    """Whatever ends its thread: the run would wait for it without end."""
    from fusebench.engine.execute._writer import Writer
    from fusebench.engine.store import Entry, Store

    def full(*_):
        raise RuntimeError("no more of anything")

    monkeypatch.setattr(Store, "put_many", full)
    writer = Writer(Store(folder / "store"))
    writer.put("task", "ab" * 32, Entry("any", {}))
    writer.wait()
    with pytest.raises(RuntimeError, match="no more"):
        list(writer.written())
    with pytest.raises(RuntimeError, match="no more"):
        writer.close()


def test_files_are_synced_where_no_thread_may_be_started(tmp_path, monkeypatch):
    from fusebench import io

    class NoThreads:
        def map(self, *_):
            raise RuntimeError("can't start new thread")

    synced = []
    monkeypatch.setattr(io, "_syncers", lambda pid: NoThreads())
    monkeypatch.setattr(os, "fsync", synced.append)
    io.write_together({str(tmp_path / name): [b"x"] for name in "abc"})
    assert len(synced) >= 4  # three files and their folder
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c"]


def test_what_the_system_takes_in_parts_is_written_whole(tmp_path, monkeypatch):
    from fusebench import io

    write, chunks = os.write, [b"head", b"", memoryview(bytes(range(200))), b"x" * (io.GATHERED_BYTES + 1), b"end"]
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[: min(7_000, len(data))]))
    io.write_together({str(tmp_path / "a"): chunks, str(tmp_path / "b"): [], str(tmp_path / "c"): [b"c"] * 3})
    assert (tmp_path / "a").read_bytes() == b"".join(chunks)
    assert [(tmp_path / name).read_bytes() for name in "bc"] == [b"", b"ccc"]
    monkeypatch.chdir(tmp_path)
    io.write_together({"here": [b"x"]})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c", "here"]


def test_a_clock_that_goes_backwards(folder, fusebench):
    """What is stored is known by its content: files from the future are neither made again nor in the way."""
    spec = (folder / "s.yaml").read_text()
    assert fusebench("run", "s.yaml").returncode == 0
    scores = (folder / "results/s/scores.csv").read_bytes()
    future = time.time() + 400 * 86400
    for path in [*folder.rglob("*")]:
        os.utime(path, (future, future))
    stored = {path: path.stat().st_ino for path in folder.glob(".fusebench/objects/*/*")}
    (folder / "s.yaml").write_text(spec + "fusions: {vote: voting}\n")
    done = fusebench("run", "s.yaml")
    assert done.returncode == 0, done.stderr
    assert "damaged" not in done.stderr
    assert stored.items() <= {path: path.stat().st_ino for path in folder.glob(".fusebench/objects/*/*")}.items()
    assert set(scores.splitlines()) <= set((folder / "results/s/scores.csv").read_bytes().splitlines())
    assert fusebench("cache", "gc").returncode == 0


def test_a_folder_to_work_in_that_was_removed(folder):
    done = shell(folder, "mkdir gone && cd gone && rmdir ../gone && exec $FB run ../s.yaml")
    assert done.returncode == 74, done.stderr
    assert done.stderr == "the folder that you are in: No such file or directory\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "codes"),
    [
        ("unset HOME; ", {0}),
        ("export TMPDIR=/nonexistent; ", {0}),
        ("export LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 PYTHONIOENCODING=ascii; ", {0}),
        ("ulimit -f 8; ", {74}),
        ("ulimit -n 20; ", {0, 74}),
        ("ulimit -n 12; ", {0, 74}),
        ("ln -s .fusebench .fusebench; ", {74}),
        ("touch .fusebench; ", {74}),
        ("mkdir results && touch results/s; ", {74}),
    ],
)
def test_a_hostile_shell(folder, before, codes):
    done = shell(folder, f"{before} exec timeout -k 1 50 $FB run s.yaml --jobs 1 -q --format csv")
    assert done.returncode in codes, done.stderr
    assert bool(done.returncode) == bool(done.stderr), done.stderr
    assert "Traceback" not in done.stderr
