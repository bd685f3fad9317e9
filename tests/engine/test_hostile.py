"""One bad fit never harms another: learners that do the worst, each with its exact status, the rest right."""

import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

REASONS = {
    "raise": "ValueError", "strange": "Strange", "wordless": "Wordless", "interrupt": "KeyboardInterrupt",
    "exit": "SystemExit", "os_exit": "died", "segfault": "died", "kill": "died", "hang": "timeout",
    "hang_in_c": "timeout", "eat": "memory", "eat_in_a_child": "memory", "deaf": "died", "orphan": "died",
    "nan": "invalid predictions", "columns": "invalid predictions", "rows": "invalid predictions",
    "sum": "invalid predictions", "negative": "invalid predictions", "unseen": "invalid predictions",
}  # fmt: skip
HARMLESS = ("shout", "sleeper")
DETAILS = {
    "os_exit": "status 7",
    "segfault": "SIGSEGV",
    "kill": "SIGKILL",
    "hang": "stopped after",
    "eat": "the limit is",
}

pytestmark = pytest.mark.slow  # 22 learners that misbehave, each in a run with others


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def done(folder):
    """Run them all once, beside a good learner and fusions of both kinds."""
    import subprocess

    lines = [
        f"  {how}: {{type: hostile.Hostile, how: {how}, timeout: {1 if how.startswith('hang') else 60}s}}"
        for how in [*REASONS, *HARMLESS]
    ]
    (folder / "spec.yaml").write_text(
        "name: hostile\ndatasets: [iris]\nlearners:\n  nb: nb\n" + "\n".join(lines)
        + "\nfusions: {vote: {type: voting, members: [nb, raise]}, fine: {type: voting, members: [nb, shout]}}\n"
        "cv: {type: holdout, test_size: 0.3, inner: 2}\nresources: {memory: 700MB}\n"
    )  # fmt: skip
    here = Path(__file__).parent
    env = {**os.environ, "PYTHONPATH": f"{here}{os.pathsep}{here.parents[1]}"}
    command = [sys.executable, "-m", "fusebench", "run", "spec.yaml"]
    refused = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert refused.returncode == 2, refused.stderr
    assert "--allow-import" in refused.stderr
    return subprocess.run(
        [*command, "--allow-import"], cwd=folder, env=env, capture_output=True, text=True, timeout=500, check=False
    )


@pytest.fixture(scope="module")
def failures(done, folder):
    assert done.returncode == 4, done.stderr
    return pd.read_csv(folder / "results/hostile/failures.csv", keep_default_na=False)


@pytest.mark.parametrize("how", REASONS)
def test_each_has_its_exact_status(failures, how):
    own = failures[(failures.model == how) & (failures.stage == "fit")]
    assert len(own) == 3  # one outer fit and two inner ones
    assert set(own.reason) == {REASONS[how]}
    assert own.detail.str.contains(DETAILS.get(how, ""), regex=False).all()


def test_the_rest_is_right(done, failures, folder):
    scores = pd.read_csv(folder / "results/hostile/scores.csv", keep_default_na=False)
    right = {"nb", *HARMLESS, "fine", "best_single", "uniform_average", "oracle"}
    assert set(scores.model) == right
    assert np.isfinite(scores.score.astype(float)).all()
    alone = scores[scores.model == "nb"].score.item()
    assert scores[scores.model == "sleeper"].score.item() == alone  # the same model inside
    assert "member 'raise' failed" in set(failures[failures.model == "vote"].reason)
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="the environment of other processes is shown only by Linux")
def test_no_process_stays_behind(done):
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                assert b"98765" not in (entry / "cmdline").read_bytes().split(b"\0"), entry
            except OSError:
                continue
