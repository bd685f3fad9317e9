"""Pretrained word vectors: what is pooled, what is learned from training rows, and a missing package."""

from importlib.metadata import PackageNotFoundError, distribution

import numpy as np
import pandas as pd
import pytest

from fusebench import encoders
from fusebench.encoders import glove

try:
    distribution(glove.PACKAGE)
except PackageNotFoundError:
    ABSENT = True
else:
    ABSENT = False
needs_vectors = pytest.mark.skipif(ABSENT, reason="needs word vectors: pip install 'fusebench[text]'")

TEXTS = ["a good film", "a bad film", "the film was good", "nothing was good", "xqzzy", ""]


@pytest.fixture
def small(monkeypatch):
    """Four words of two of the dimensions."""
    vectors = np.zeros((4, glove.N_DIMENSIONS), dtype=np.float32)
    vectors[:, 0], vectors[:, 1] = [1, 2, 3, 4], [0, 1, 0, -1]
    monkeypatch.setattr(glove, "_vocabulary", lambda: {"good": 0, "bad": 1, "film": 2, "n't": 3})
    monkeypatch.setattr(glove, "_vectors", lambda: vectors)
    glove.places.cache_clear()
    yield vectors
    glove.places.cache_clear()


def test_words_are_cut_as_the_vectors_corpus_was(small):
    assert glove.places("Good, BAD film! It isn't.").tolist() == [0, 1, 2, 3]
    assert glove.places("xqzzy").tolist() == []


def test_the_mean_is_weighted_by_rarity_among_training_rows(small):
    X = pd.DataFrame({"t": ["good film", "bad film", "film"]})
    block = glove._VectorBlock("mean").fit(X, (0,))
    weight = {word: np.log(4 / (1 + n)) + 1 for word, n in (("good", 1), ("film", 3))}
    expected = (weight["good"] * 1 + weight["film"] * 3) / (weight["good"] + weight["film"])
    assert block._raw(pd.DataFrame({"t": ["good film"]}), (0,))[0, 0] == pytest.approx(expected)
    unseen = np.log(4) + 1
    mixed = block._raw(pd.DataFrame({"t": ["film n't"]}), (0,))[0, 0]
    assert mixed == pytest.approx((weight["film"] * 3 + unseen * 4) / (weight["film"] + unseen))
    both = glove._VectorBlock("mean_max").fit(X, (0,))._raw(pd.DataFrame({"t": ["good bad", "?"]}), (0,))
    assert both.shape == (2, 100)
    assert both[0, 50:52].tolist() == [2, 1]
    assert not both[1].any()


@needs_vectors
def test_near_words_have_near_vectors():
    X = pd.DataFrame({"t": TEXTS})
    raw = glove._VectorBlock("mean").fit(X, (0,))._raw(pd.DataFrame({"t": ["king", "queen", "carburetor"]}), (0,))
    cosine = raw @ raw.T / np.outer(*[np.linalg.norm(raw, axis=1)] * 2)
    assert cosine[0, 1] > 0.7 > 0.3 > cosine[0, 2]


@needs_vectors
def test_empty_texts_and_other_columns(recwarn):
    X = pd.DataFrame({"t": pd.Series(TEXTS, dtype=object), "n": np.arange(6.0)})
    encoder = encoders.make({"type": "glove", "pooling": "mean_max"}, text=("t",))
    encoded = encoder.fit_transform(X)
    assert encoded.shape == (6, 101)
    assert np.isfinite(encoded).all()
    np.testing.assert_array_equal(encoded[4, 1:], encoded[5, 1:])
    np.testing.assert_array_equal(encoder.transform(X.iloc[:2]), encoded[:2])
    empty = encoders.make("glove", text=("t",)).fit(pd.DataFrame({"t": ["", ""]}))
    assert np.isfinite(empty.transform(pd.DataFrame({"t": ["good"]}))).all()


def test_a_missing_package_names_the_pip_command(monkeypatch):
    monkeypatch.setattr(glove.Glove, "package", "no-such-vectors")
    (problem,) = encoders.check({"type": "glove"})
    assert problem.message == "encoder 'glove' needs an extra: pip install 'fusebench[text]'"
    assert problem.path == ("type",)


def test_the_version_of_the_vectors_is_in_the_digest(monkeypatch):
    monkeypatch.setattr(encoders, "_version", lambda package: "1.0")
    one = encoders.code_digest("glove")
    monkeypatch.setattr(encoders, "_version", lambda package: "2.0")
    assert encoders.code_digest("glove") != one
