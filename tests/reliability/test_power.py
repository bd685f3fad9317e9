"""Power cuts at every moment of a run, on disks that forget whatever was not synced."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BREAK = {
    what: "import os, stat\nimport fusebench.io as io\nreal = io._sync\n"
    f"io._sync = lambda those: real([one for one in those if {test}stat.S_ISDIR(os.fstat(one).st_mode)])\n"
    for what, test in {"files are not synced": "", "folders are not synced": "not "}.items()
}


def cut(before=""):
    script = f"import sys\nsys.path.insert(0, 'benchmarks/reliability')\nimport power\n{before}\npower.main()\n"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.stdout.strip(), done.stderr
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


@pytest.mark.skipif(sys.platform != "linux", reason="names of open files are read from /proc")
def test_nothing_is_torn_and_nothing_promised_is_lost():
    code, counts = cut()
    assert code == 0
    assert counts["torn"] == counts["lost"] == 0
    assert counts["moments"] > 100


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="names of open files are read from /proc")
@pytest.mark.parametrize("what", BREAK)
def test_a_missing_sync_would_be_noticed(what):
    code, counts = cut(BREAK[what])
    assert code == 1
    assert counts["torn"] + counts["lost"] > 0
