"""Encoders of text and sequences."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import issparse
from sklearn.feature_extraction.text import TfidfVectorizer

from fusebench import encoders
from fusebench.encoders.peptide import DESCRIPTORS, descriptors
from fusebench.errors import FitError

TEXT = ["the cat sat", "the dog ran home", "a cat and a dog", None]


@pytest.fixture
def frame():
    return pd.DataFrame({"n": [1.0, 2.0, 3.0, 4.0], "text": TEXT, "kind": ["a", "b", "a", "b"]})


def test_words_equal_scikit_learn(frame):
    Z = encoders.make({"type": "tfidf", "ngram_range": [1, 1], "sublinear_tf": False}, text=["text"]).fit_transform(
        frame
    )
    expected = TfidfVectorizer().fit_transform(["" if text is None else text for text in TEXT])
    assert issparse(Z)
    np.testing.assert_array_equal(Z.toarray()[:, 3:], expected.toarray())
    np.testing.assert_array_equal(Z.toarray()[:, 1:3], [[1, 0], [0, 1], [1, 0], [0, 1]])


def test_vocabulary_is_that_of_the_training_rows(frame):
    encoder = encoders.make("tfidf", text=["text"]).fit(frame[:1])
    unseen = encoder.transform(frame[1:2].assign(text="entirely other words"))
    assert unseen.toarray()[0, 2:].sum() == 0


def test_every_string_column_is_text_when_none_is_named(frame):
    encoder = encoders.make({"type": "tfidf", "analyzer": "char"}).fit(frame)
    assert encoder.columns_.text == (1, 2)


def test_trees_get_dense_dimensions():
    rng = np.random.default_rng(0)
    words = [f"w{one}" for one in range(200)]
    X = pd.DataFrame({"text": [" ".join(rng.choice(words, 20)) for _ in range(80)]})
    first, second = (encoders.make("native", text=["text"]).fit_transform(X) for _ in range(2))
    assert first.shape == (80, 50)
    assert np.array_equal(first, second)


def test_hashing_has_no_vocabulary(frame):
    Z = encoders.make({"type": "hashing", "n_features": 32}, text=["text"]).fit(frame[:1]).transform(frame)
    assert Z.shape == (4, 1 + 1 + 32)
    assert Z.toarray().min() >= -1.5


def test_empty_text_column_is_named(frame):
    with pytest.raises(FitError, match="text column 'text'"):
        encoders.make("linear", text=["text"]).fit(frame.assign(text=""))


def test_kmers_by_hand():
    X = pd.DataFrame({"dna": ["ACAC", "ca"]})
    Z = encoders.make({"type": "kmers", "k": 2, "shortest": 2}).fit_transform(X).toarray()
    # Sorted: AC, CA, ca; ACAC holds AC twice and CA once.
    np.testing.assert_allclose(Z, [[2 / 3, 1 / 3, 0], [0, 0, 1]])


def test_peptide_by_hand():
    found = dict(zip(DESCRIPTORS, descriptors("AKD?"), strict=True))
    assert found["length"] == 3
    assert found["charge"] == 0
    assert found["mass"] == pytest.approx(71.0788 + 128.1741 + 115.0886 + 18.0153)
    assert found["hydropathy"] == pytest.approx((1.8 - 3.9 - 3.5) / 3)
    assert found["aliphatic"] == pytest.approx(100 / 3)
    angles = np.deg2rad([0, 100, 200])
    moment = np.hypot(*(np.array([0.62, -1.50, -0.90]) @ np.column_stack([np.cos(angles), np.sin(angles)])))
    assert found["moment"] == pytest.approx(moment / 3)
    assert found["K"] == pytest.approx(1 / 3)
    assert not descriptors("").any()


def test_peptide_encoder_scales():
    X = pd.DataFrame({"sequence": ["ACDEF", "KKLLK", "GIGKFLHSAK", "WW"]})
    Z = encoders.make("peptide").fit_transform(X)
    assert Z.shape == (4, 27)
    np.testing.assert_allclose(Z.mean(axis=0), 0, atol=1e-12)


def test_parameters_are_checked():
    (problem,) = encoders.check({"type": "kmers", "k": 0})
    assert problem.path == ("k",)
    (problem,) = encoders.check({"type": "tfidf", "analyzer": "letters"})
    assert problem.path == ("analyzer",)
