"""What a block of work cost: its own peak of memory, also in a process forked after the first measurement."""

import multiprocessing
import os
import sys

import numpy as np
import pytest

from fusebench.engine import measure
from fusebench.engine.measure import Measured

LARGE = 200 << 20  # bytes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak of a block")


def _peak(n_bytes):
    with Measured() as measured:
        np.ones(n_bytes, dtype=np.uint8)
    return measured.peak_memory


def test_a_peak_is_that_of_the_block():
    before = _peak(1)
    assert _peak(LARGE) > before + 0.9 * LARGE
    assert _peak(1) < before + 0.5 * LARGE


def _tell(connection):
    connection.send((_peak(1), _peak(LARGE), _peak(1)))


def test_a_fork_measures_itself():
    _peak(1)
    ours, theirs = multiprocessing.Pipe()
    large = np.ones(2 * LARGE, dtype=np.uint8)  # of the parent, whose peak must not be told
    process = multiprocessing.get_context("fork").Process(target=_tell, args=(theirs,))
    process.start()
    before, at_most, after = ours.recv()
    process.join()
    assert at_most > before + 0.9 * LARGE
    assert after < before + 0.5 * LARGE
    assert large[-1] == 1


def test_a_file_that_took_the_number_of_a_closed_descriptor_is_left_alone(tmp_path):
    _peak(1)
    numbers = [measure._descriptor(measure.CLEAR, os.O_WRONLY), measure._descriptor(measure.STATUS, os.O_RDONLY)]
    files = []
    for number in numbers:
        os.close(number)
        path = tmp_path / str(number)
        other = os.open(path, os.O_RDWR | os.O_CREAT)
        os.dup2(other, number)
        os.write(number, b"mine")
        files.append((path, number, other))
    before = _peak(1)
    assert _peak(LARGE) > before + 0.9 * LARGE
    for path, number, other in files:
        assert path.read_bytes() == b"mine"
        os.close(number)
        if other != number:
            os.close(other)


def test_cpu_and_wall_grow_with_the_work():
    with Measured() as little:
        sum(range(10))
    with Measured() as much:
        sum(range(3_000_000))
    assert much.cpu > little.cpu >= 0
    assert much.wall > little.wall > 0
