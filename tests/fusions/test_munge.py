"""Made-up rows: exchanged with the nearest neighbour, inside what the columns hold."""

import numpy as np
import pandas as pd
import pytest

from fusebench.fusions._munge import exchange_numbers, munge


def test_without_noise_numbers_are_swapped():
    rows = np.array([[1.0, 2.0, np.nan], [3.0, 5.0, 7.0], [9.0, 9.0, 9.0]])
    exchange_numbers(rows, 0, 1, np.random.default_rng(0), 1.0, 1e12)
    np.testing.assert_allclose(rows, [[3.0, 5.0, 7.0], [1.0, 2.0, np.nan], [9.0, 9.0, 9.0]], rtol=1e-9)


def test_the_noise_is_the_distance_over_the_variance():
    drawn = []
    generator = np.random.default_rng(0)
    for _ in range(4000):
        rows = np.array([[0.0], [10.0]])
        exchange_numbers(rows, 0, 1, generator, 1.0, 5.0)
        drawn.append(rows[:, 0])
    first, second = np.array(drawn).T
    assert (first.mean(), second.mean()) == pytest.approx((10, 0), abs=0.1)
    assert (first.std(), second.std()) == pytest.approx((2, 2), rel=0.05)


@pytest.fixture
def frame():
    """Return two clusters that are far apart, each with its own categories and words."""
    rng = np.random.default_rng(0)
    group = np.arange(40) % 2
    return pd.DataFrame(
        {
            "x": rng.uniform(0, 1, 40) + 100 * group,
            "n": (rng.integers(0, 5, 40) + 50 * group).astype("int64"),
            "kind": pd.Categorical(np.where(group, rng.choice(["a", "b"], 40), rng.choice(["c", "d"], 40))),
            "flag": group.astype(bool),
            "words": np.where(group, "up", "down"),
        }
    )


def test_rows_are_exchanged_with_near_ones(frame):
    made, origin = munge(frame, 3, probability=0.5, variance=4.0, random_state=0)
    assert made.shape == (120, 5)
    assert list(origin) == list(range(40)) * 3
    assert list(made.columns) == list(frame.columns)
    far = made["x"].to_numpy() > 50
    assert (far == (origin % 2 == 1)).all()  # nobody left its cluster
    assert (made["flag"].to_numpy() == far).all()
    assert set(made["kind"][far]) == {"a", "b"}
    assert (made["words"] == np.where(far, "up", "down")).all()
    assert made["kind"].dtype == frame["kind"].dtype
    changed = (made["x"].to_numpy() != frame["x"].to_numpy()[origin]).mean()
    assert 0.5 < changed < 0.9  # a row is met as a row and as a neighbour
    pd.testing.assert_frame_equal(made, munge(frame, 3, probability=0.5, variance=4.0, random_state=0)[0])


def test_a_row_alone_and_duplicates(frame):
    made, origin = munge(frame.iloc[:1], 2, probability=0.5, variance=1.0, random_state=0)
    assert len(made) == 2
    assert list(origin) == [0, 0]
    same = pd.concat([frame.iloc[:1]] * 5, ignore_index=True)
    made, _ = munge(same, 1, probability=0.5, variance=1.0, random_state=0)
    pd.testing.assert_frame_equal(made, same, check_dtype=False)


def test_texts_lose_words_or_all_but_a_phrase(frame):
    texts = [f"w{row} is a film of {row} words that one may or may not like" for row in range(40)]
    mixed = frame.assign(review=texts)
    made, origin = munge(mixed, 50, probability=0.5, variance=4.0, random_state=0, text=("review",))
    there = np.array([len(one.split()) for one in made["review"]])
    words = len(texts[0].split())
    phrases = there <= 5
    assert phrases.mean() == pytest.approx(0.25, abs=0.03)
    assert set(there[phrases]) == {1, 2, 3, 4, 5}
    assert there[~phrases].mean() == pytest.approx(0.9 * words, rel=0.02)
    phrase_of = zip(made["review"][phrases], origin[phrases], strict=True)
    assert all(f" {one} " in f" {texts[row]} " for one, row in phrase_of)
    # The other columns are those that come without the text.
    plain, _ = munge(frame, 50, probability=0.5, variance=4.0, random_state=0)
    pd.testing.assert_frame_equal(made.drop(columns="review"), plain)


def test_text_alone_and_empty_text():
    only = pd.DataFrame({"review": ["", "one"]})
    made, origin = munge(only, 3, probability=0.5, variance=1.0, random_state=0, text=("review",))
    assert list(origin) == [0, 1] * 3
    assert list(made["review"]) == ["", "one"] * 3
    assert made["review"].dtype == only["review"].dtype
