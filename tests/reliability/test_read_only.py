"""An output that cannot be written is found before the first fit; also by root, whom permissions do not stop."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SPEC = "name: ro\ndatasets: [iris]\nlearners: [nb]\ncv: {type: holdout, test_size: 0.3, inner: 2}\n"


def unshared(script, folder):
    command = (
        ["unshare", "--mount", "--map-root-user", "sh", "-c", script]
        if os.geteuid()
        else ["unshare", "--mount", "sh", "-c", script]
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PY": sys.executable}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def locked(tmp_path):
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "ro").mkdir()
    try:
        tried = unshared("mount -t tmpfs -o ro none ro && ! touch ro/x 2>/dev/null", tmp_path)
    except FileNotFoundError:
        pytest.skip("there is no `unshare` here")
    if tried.returncode:
        pytest.skip(f"no mounts are allowed here: {tried.stderr.strip()}")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("run spec.yaml", 74),
        pytest.param("run spec.yaml --store ../store", 74, marks=pytest.mark.slow),
        pytest.param("run spec.yaml --store ../store --out ../out", 0, marks=pytest.mark.slow),
        pytest.param("compare --datasets iris --learners nb", 74, marks=pytest.mark.slow),
        pytest.param("init other.yaml", 74, marks=pytest.mark.slow),
        pytest.param("validate spec.yaml", 0, marks=pytest.mark.slow),
    ],
)
def test_a_read_only_folder_to_work_in(locked, arguments, code):
    mounted = "mount -t tmpfs none ro && cp spec.yaml ro && mount -o remount,ro ro && cd ro"
    done = unshared(f"{mounted} && exec $PY -m fusebench {arguments} ", locked)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert code == 0 or "Read-only file system" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        "run spec.yaml --out ro/out",
        pytest.param("run spec.yaml --store ro/store", marks=pytest.mark.slow),
        pytest.param("check ro/base.json spec.yaml --update", marks=pytest.mark.slow),
        pytest.param("check base.json spec.yaml --junit ro/junit.xml", marks=pytest.mark.slow),
        pytest.param("compare --datasets iris --learners nb --save-spec ro/spec.yaml", marks=pytest.mark.slow),
        pytest.param("fit spec.yaml --fusion nb --dataset iris -o ro/model.skops", marks=pytest.mark.slow),
    ],
)
def test_a_read_only_place(locked, arguments):
    done = unshared(f"mount -t tmpfs -o ro none ro && exec $PY -m fusebench {arguments}", locked)
    assert done.returncode == 74, done.stderr
    assert "Read-only file system" in done.stderr
    assert not any(b'"kind":"fit"' in path.read_bytes() for path in locked.glob(".fusebench/objects/*/*"))
    assert "Traceback" not in done.stderr
