from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from fusebench.errors import FitError
from fusebench.fusions import _weight_space as merging
from fusebench.learners._torch_mlp import TorchMLPClassifier

BASE = {"w": np.array([1.0, 1.0, 1.0]), "b": np.array([[0.0, 0.0]])}
ONE = {"w": np.array([2.0, 0.0, 1.5]), "b": np.array([[4.0, 0.0]])}
TWO = {"w": np.array([4.0, 1.0, 0.0]), "b": np.array([[-1.0, 0.1]])}


def values(state):
    return np.concatenate([np.ravel(array) for array in state.values()]).tolist()


def test_average():
    assert values(merging.average([ONE, TWO])) == [3.0, 0.5, 0.75, 1.5, 0.05]
    assert values(merging.average([ONE, TWO], [3, 1])) == pytest.approx([2.5, 0.25, 1.125, 2.75, 0.025])


def test_task_arithmetic():
    # tau = (1, -1, .5, 4, 0) and (3, 0, -1, -1, .1); their sum (4, -1, -.5, 3, .1).
    assert values(merging.task_arithmetic(BASE, [ONE, TWO], scale=0.5)) == pytest.approx([3, 0.5, 0.75, 1.5, 0.05])


def test_ties():
    # The largest 3 of 5: (1, -1, 0, 4, 0) and (3, 0, -1, -1, 0). Signs of the sum (4, -1, -1, 3, 0).
    # Means of those that agree: (2, -1, -1, 4, 0).
    merged = merging.ties(BASE, [ONE, TWO], density=0.6)
    assert values(merged) == pytest.approx([3.0, 0.0, 0.0, 4.0, 0.0])
    summed = merging.ties(BASE, [ONE, TWO], density=0.6, scale=0.3, reduction="sum")
    assert values(summed) == pytest.approx([1 + 0.3 * 4, 1 - 0.3, 1 - 0.3, 0.3 * 4, 0.0])


def test_ties_leaves_entries_that_cancel():
    base = {"w": np.zeros(2)}
    merged = merging.ties(base, [{"w": np.array([1.0, 2.0])}, {"w": np.array([-1.0, 1.0])}], density=1.0)
    assert values(merged) == [0.0, 1.5]


def test_dare_keeps_the_task_vector_in_expectation():
    base = {"w": np.zeros(20_000)}
    merged = merging.dare(base, [{"w": np.ones(20_000)}], drop=0.75)["w"]
    assert set(merged) == {0.0, 4.0}
    assert merged.mean() == pytest.approx(1, abs=0.03)
    np.testing.assert_array_equal(merged, merging.dare(base, [{"w": np.ones(20_000)}], drop=0.75)["w"])
    assert values(merging.dare(BASE, [ONE, TWO], drop=0.0)) == values(merging.task_arithmetic(BASE, [ONE, TWO], 1.0))


def test_fisher():
    states = [{"w": np.array([1.0, 1.0]), "n": np.array([7])}, {"w": np.array([3.0, 3.0]), "n": np.array([9])}]
    information = [{"w": np.array([3.0, 0.0])}, {"w": np.array([1.0, 0.0])}]
    # (3 * 1 + 1 * 3) / 4 and, with the floor for both, the mean.
    merged = merging.fisher(states, information)
    assert merged["w"].tolist() == pytest.approx([1.5, 2.0])
    assert merged["n"].tolist() == [7]
    weighted = merging.fisher(states, information, weights=[1, 3])
    assert weighted["w"].tolist() == pytest.approx([(3 + 9) / 6, 2.5])


def test_slerp():
    first, second = {"w": np.array([1.0, 0.0])}, {"w": np.array([0.0, 1.0])}
    assert values(merging.slerp(first, second)) == pytest.approx([np.sqrt(0.5), np.sqrt(0.5)])
    assert values(merging.slerp(first, second, 1 / 3)) == pytest.approx([np.cos(np.pi / 6), np.sin(np.pi / 6)])
    assert values(merging.slerp(first, {"w": np.array([2.0, 0.0])})) == [1.5, 0.0]
    assert values(merging.slerp(first, {"w": np.array([0.0, 0.0])}, 0.25)) == [0.75, 0.0]


def test_greedy_soup():
    # The best is 3; with -3 the average is 0, which is better; with 9 it would be 3 again.
    states = [{"w": np.array([9.0])}, {"w": np.array([3.0])}, {"w": np.array([-3.0])}]
    soup, used, best = merging.greedy_soup(states, [-9, -3, -3], lambda state: -abs(float(state["w"][0])))
    assert (soup["w"].tolist(), used, best) == ([0.0], [1, 2], 0.0)


def test_greedy_soup_of_one():
    soup, used, best = merging.greedy_soup([ONE], [0.5], lambda state: 0.0)
    assert values(soup) == values(ONE)
    assert (used, best) == ([0], 0.5)


@pytest.mark.parametrize("other", [{"w": np.zeros(3)}, {"w": np.zeros(2), "b": np.zeros((1, 2))}])
def test_different_architectures_are_refused(other):
    with pytest.raises(FitError, match=r"models of different architectures cannot be merged: '[wb]' has shape"):
        merging.average([ONE, other])


def test_inputs_and_dtype_stay():
    single = [{name: array.astype(np.float32) for name, array in state.items()} for state in (ONE, TWO)]
    before = values(single[0])
    for merged in (merging.average(single), merging.ties(single[0], single), merging.slerp(*single)):
        assert {array.dtype for array in merged.values()} == {np.dtype(np.float32)}
    assert values(single[0]) == before


@pytest.mark.slow
@pytest.mark.parametrize("batch_norm", [False, True])
def test_networks_fine_tuned_from_one_base_merge(batch_norm):
    pytest.importorskip("torch")
    X, y = load_digits(return_X_y=True)
    settings = {"hidden_layer_sizes": (64,), "batch_norm": batch_norm, "early_stopping": False}
    base_rows, first, second = np.arange(len(y)) % 3 == 0, np.arange(len(y)) % 3 == 1, np.arange(len(y)) % 3 == 2
    base = TorchMLPClassifier(max_epochs=10, **settings).fit(X[base_rows], y[base_rows])

    def tuned(rows):
        return TorchMLPClassifier(max_epochs=10, **settings).fit(X[rows], y[rows], initial_state=base.state())

    one, two = tuned(first), tuned(second)
    states = [one.state(), two.state()]
    merged = {
        "average": merging.average(states),
        "task_arithmetic": merging.task_arithmetic(base.state(), states, scale=0.5),
        "ties": merging.ties(base.state(), states, density=0.5),
        "dare": merging.dare(base.state(), states, drop=0.5, scale=0.5),
        "fisher": merging.fisher(states, [one.fisher(X[first]), two.fisher(X[second])]),
        "slerp": merging.slerp(*states),
    }
    for rule, state in merged.items():
        assert base.with_state(state, X[base_rows]).score(X, y) > 0.93, rule
