"""Images as columns of pixels: one scale for all of them, and histograms of edges."""

import numpy as np
import pandas as pd
import pytest

from fusebench import encoders
from fusebench.encoders.pixels import edge_histograms
from fusebench.errors import FitError


def images(n=5, side=8, seed=0):
    return pd.DataFrame(np.random.default_rng(seed).integers(0, 256, (n, side * side)))


def test_all_pixels_share_one_scale_of_the_training_rows():
    X = pd.DataFrame([[0.0, 10, 20, 40], [0, 10, 0, 0]])
    encoder = encoders.make("pixels").fit(X)
    np.testing.assert_allclose(encoder.transform(X)[0], [0, 0.25, 0.5, 1])
    np.testing.assert_allclose(encoder.transform(pd.DataFrame([[-5, 80, np.nan, 20]])), [[0, 1, 0, 0.5]])
    assert np.isfinite(encoders.make("pixels").fit(X * 0).transform(X * 0)).all()


def test_an_edge_falls_into_the_direction_that_it_points_to():
    step = np.zeros((1, 8, 8))
    step[:, :, 4:] = 1.0  # darker to brighter, from left to right
    cells = edge_histograms(step, 4).reshape(2, 2, 8)
    assert (cells[..., 0] > 0.9).all()
    assert not cells[..., 1:].any()
    down = edge_histograms(step.transpose(0, 2, 1), 4).reshape(2, 2, 8)
    assert (down[..., 2] > 0.9).all()
    assert not edge_histograms(np.ones((2, 8, 8)), 4).any()


def test_edges_of_colours_and_of_images_that_are_no_squares():
    assert encoders.make({"type": "pixels", "features": "edges"}).fit_transform(images()).shape == (5, 2 * 2 * 8)
    assert encoders.make({"type": "pixels", "features": "both"}).fit_transform(images()).shape == (5, 64 + 32)
    wide = {"type": "pixels", "features": "edges", "width": 16}
    assert encoders.make(wide).fit_transform(images()).shape == (5, 1 * 4 * 8)
    colours = {"type": "pixels", "features": "edges", "channels": 4}
    assert encoders.make(colours).fit_transform(images()).shape == (5, 1 * 1 * 8)


@pytest.mark.parametrize(
    ("X", "params", "message"),
    [
        (images(side=8).iloc[:, :60], {}, "60 columns are no image"),
        (images(), {"channels": 3}, "64 columns are no image of 3 channels"),
        (pd.DataFrame({"a": ["x", "y"]}), {}, "needs numeric columns, got 'a'"),
    ],
)
def test_columns_that_are_no_image(X, params, message):
    with pytest.raises(FitError, match=message):
        encoders.make({"type": "pixels", **params}).fit(X)


def test_parameters_are_checked():
    (problem,) = encoders.check({"type": "pixels", "cell": 1})
    assert problem.path == ("cell",)
