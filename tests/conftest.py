"""What several test folders share."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fusebench import api


@pytest.fixture
def fusebench(tmp_path):
    """Run the command line in a process of its own, in an empty folder."""

    def run(*arguments, env=None, timeout=120):
        command = [sys.executable, "-m", "fusebench", *map(str, arguments)]
        here = Path(__file__).parents[1]
        environment = {**os.environ, "PYTHONPATH": str(here), "COLUMNS": "100", **(env or {})}
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=timeout, check=False
        )

    return run


@pytest.fixture
def bench(tmp_path):
    """Run a benchmark given as plain data; failures are returned in the results."""

    def run(data, n_jobs=2, store=None, **settings):
        loaded = api.spec_from({"name": "test", **data}, base=tmp_path)
        place = api.settings(store=store or tmp_path / "store", n_jobs=n_jobs, **settings)
        planned = api.make_plan(loaded, place)
        return api.collect(planned, api.execute(planned, place, api.SilentProgress()), place)

    return run
