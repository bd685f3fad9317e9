"""The winner, fitted on all rows from what the store holds, saved, and used on tables that differ from training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import StratifiedKFold

from fusebench import api, deploy
from fusebench.engine.store import Store
from fusebench.errors import DataError, FitsFailedError, ModelError, StorageError, UsageError
from fusebench.estimators import FusedClassifier
from tests.estimators.test_fused import FUSIONS, LEARNERS, table

pytestmark = pytest.mark.usefixtures("in_this_process")


@pytest.fixture
def spec(tmp_path):
    table().to_csv(tmp_path / "mine.csv", index=False)
    data = {"name": "mine", "source": "file", "path": str(tmp_path / "mine.csv"), "target": "y"}
    return {"name": "b", "datasets": [data], "learners": LEARNERS, "fusions": FUSIONS, "random_state": 3}


def fitted(spec, tmp_path, model: str, **options):
    place = api.settings(store=tmp_path / "store", n_jobs=1)
    return deploy.fit(api.spec_from(spec), place, model=model, **options)


def test_after_a_run_each_member_is_fitted_once(spec, tmp_path):
    api.run(spec, store=tmp_path / "store", n_jobs=1)
    winner = fitted(spec, tmp_path, "layers")
    assert (winner.n_fitted, winner.n_stored) == (3, 15)
    frame = pd.read_csv(tmp_path / "mine.csv")
    y = frame.pop("y")
    folds = StratifiedKFold(5, shuffle=True, random_state=3)
    same = FusedClassifier(LEARNERS, "layers", fusions=FUSIONS, cv=folds, random_state=3).fit(frame, y)
    np.testing.assert_allclose(winner.model.predict_proba(frame), same.predict_proba(frame), rtol=0, atol=1e-12)


def test_stored_predictions_that_somebody_cut_short_are_made_again(spec, tmp_path):
    api.run(spec, store=tmp_path / "store", n_jobs=1)
    before = fitted(spec, tmp_path, "layers")
    store = Store(tmp_path / "store")
    for key in list(store.keys()):
        entry = store.get(key)
        if entry.kind == "fit" and entry.meta["part"] == [0, 1, -1]:
            store.put(key, replace(entry, arrays={name: array[:-1] for name, array in entry.arrays.items()}))
    after = fitted(spec, tmp_path, "layers")
    assert (after.n_fitted, after.n_stored) == (6, 12)
    frame = pd.read_csv(tmp_path / "mine.csv").drop(columns="y")
    np.testing.assert_array_equal(after.model.predict_proba(frame), before.model.predict_proba(frame))


@pytest.mark.parametrize(
    ("model", "change", "n_fitted"),
    [
        ("soft", {}, 3),
        ("nb", {}, 1),
        ("best_single", {}, 18),
        ("bag", {}, 0),
        ("student", {}, 15),
        ("stack", {"cv": {"type": "time_series", "n_splits": 3}}, 12),
        ("stack", {"cv": {"type": "holdout"}}, 6),
        ("stack", {"cv": {"n_splits": 5, "refit": False}}, 15),
        (
            "tree:tuned",
            {"learners": {"tree": {"type": "decision_tree", "grid": {"max_depth": [1, 2]}}}, "fusions": {}},
            12,
        ),
        (
            "tree[max_depth=2]",
            {"learners": {"tree": {"type": "decision_tree", "grid": {"max_depth": [1, 2]}}}, "fusions": {}},
            1,
        ),
    ],
)
def test_every_kind_of_model_and_protocol(spec, tmp_path, model, change, n_fitted):
    winner = fitted({**spec, **change}, tmp_path, model)
    assert winner.n_fitted == n_fitted
    path = tmp_path / "model.skops"
    deploy.save(winner, path)
    predictions, notes = deploy.predict(path, tmp_path / "mine.csv")
    assert notes == []
    assert list(predictions) == ["prediction", "probability:maybe", "probability:no", "probability:yes"]
    assert np.allclose(predictions.iloc[:, 1:].sum(axis=1), 1)
    truth = pd.read_csv(tmp_path / "mine.csv")["y"]
    assert (predictions["prediction"] == truth).mean() > 0.6


def test_regression_predicts_values(tmp_path):
    spec = {"name": "d", "datasets": ["diabetes"], "learners": ["ridge", "knn"], "fusions": {"stack": "stacking"}}
    winner = fitted(spec, tmp_path, "stack")
    deploy.save(winner, tmp_path / "model.skops")
    winner.rows.to_csv(tmp_path / "new.csv", index=False)
    predictions, _ = deploy.predict(tmp_path / "model.skops", tmp_path / "new.csv")
    assert list(predictions) == ["prediction"]
    np.testing.assert_allclose(predictions["prediction"], winner.model.predict(winner.rows))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "stak"}, "did you mean 'stack'"),
        ({"model": "oracle"}, "cannot be fitted"),
        ({"model": "soft", "dataset": "mein"}, "did you mean 'mine'"),
        ({"model": "soft", "target": "z"}, "no target 'z'"),
    ],
)
def test_unknown_names(spec, tmp_path, options, message):
    with pytest.raises(UsageError, match=message):
        fitted(spec, tmp_path, **options)


def test_a_member_that_fails_is_named(spec, tmp_path):
    spec["learners"] = {"bad": {"type": "sklearn.naive_bayes.GaussianNB", "encode": "ordinal"}}
    spec["fusions"] = {}
    frame = table()
    frame["b"] = np.nan
    frame.to_csv(tmp_path / "mine.csv", index=False)
    with pytest.raises(FitsFailedError, match="bad"):
        fitted(spec, tmp_path, "bad")
    with pytest.raises(FitsFailedError, match=r"'bad' on fold \d of mine failed"):
        fitted(spec, tmp_path, "best_single")


def test_output_is_checked_before_anything_is_fitted(tmp_path):
    with pytest.raises(StorageError, match="is a folder"):
        deploy.check_output(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        deploy.check_output(tmp_path / "file" / "model.skops")


def test_models_without_a_safe_form_are_refused_first(spec, tmp_path, monkeypatch):
    (tmp_path / "homemade.py").write_text("from sklearn.dummy import DummyClassifier as Mine\n")
    monkeypatch.syspath_prepend(tmp_path)
    spec["learners"] = {**LEARNERS, "own": "homemade.Mine"}
    place = api.settings(store=tmp_path / "store", n_jobs=1)
    loaded = api.spec_from(spec, allow_import=True)
    with pytest.raises(ModelError, match="'own' is a model of homemade, which cannot be saved without pickle"):
        deploy.fit(loaded, place, model="uniform_average")


def test_a_compressed_network_is_saved(spec, tmp_path):
    pytest.importorskip("torch")
    spec["learners"] = {"nb": "nb", "net": {"type": "torch_mlp", "max_epochs": 2, "compress": "int8"}}
    spec["fusions"] = {"mean": "averaging"}
    winner = fitted(spec, tmp_path, "mean")
    assert deploy.save(winner, tmp_path / "m.skops") == (tmp_path / "m.skops").stat().st_size


# -- tables that differ from training -----------------------------------------------------------------


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    frame = table()
    frame["flag"] = frame["a"] > 5.5
    frame["code"] = [f"{n % 3}" for n in range(len(frame))]
    frame.to_csv(folder / "mine.csv", index=False)
    data = {
        "name": "mine",
        "source": "file",
        "path": str(folder / "mine.csv"),
        "target": "y",
        "categorical": ["code"],
        "na_values": ["?"],
    }
    spec = {"name": "b", "datasets": [data], "learners": ["lr", "dt"], "fusions": {"soft": FUSIONS["soft"]}}
    place = api.settings(store=folder / "store", n_jobs=1)
    deploy.save(deploy.fit(api.spec_from(spec), place, model="soft"), folder / "model.skops")
    return folder / "model.skops"


def answers(model: Path, frame: pd.DataFrame | str, tmp_path: Path):
    path = tmp_path / "new.csv"
    path.write_text(frame if isinstance(frame, str) else frame.to_csv(index=False))
    return deploy.predict(model, path)


def good(model: Path) -> pd.DataFrame:
    return pd.read_csv(model.parent / "mine.csv").head(8)


def test_order_and_extra_columns_do_not_matter(model, tmp_path):
    frame = good(model)
    expected, notes = answers(model, frame, tmp_path)
    assert notes == []
    other, notes = answers(model, frame[frame.columns[::-1]].assign(more=1, other="x"), tmp_path)
    pd.testing.assert_frame_equal(other, expected)
    assert notes == ["2 columns are not the model's and ignored: 'more', 'other'"]
    without_target, _ = answers(model, frame.drop(columns="y"), tmp_path)
    pd.testing.assert_frame_equal(without_target, expected)


def test_missing_columns_are_named(model, tmp_path):
    with pytest.raises(DataError, match=r"the column 'colour' is missing; did you mean 'color'\?"):
        answers(model, good(model).rename(columns={"colour": "color"}), tmp_path)
    with pytest.raises(DataError, match="the columns 'a', 'b' are missing"):
        answers(model, good(model).drop(columns=["a", "b"]), tmp_path)


def test_unseen_categories_are_told_and_answered(model, tmp_path):
    predictions, notes = answers(model, good(model).assign(colour=["violet", "grey", *["red"] * 6]), tmp_path)
    assert notes == ["column 'colour': 2 categories were not seen in training: 'grey', 'violet'"]
    assert predictions["prediction"].notna().all()


def test_other_spellings_of_the_same_values_mean_the_same(model, tmp_path):
    frame = good(model)
    expected, _ = answers(model, frame, tmp_path)
    spelled = frame.assign(
        code=[f"{code}.0" for code in frame["code"]],
        flag=[str(flag).upper() for flag in frame["flag"]],
        when=[f"{when} 00:00:00" for when in frame["when"]],
        a=frame["a"].map("{:.3e}".format),
    )
    found, notes = answers(model, spelled, tmp_path)
    assert notes == []
    pd.testing.assert_frame_equal(found, expected)


def test_a_whole_column_may_be_missing_values(model, tmp_path):
    for column in ("a", "colour", "flag", "when", "code"):
        predictions, _ = answers(model, good(model).assign(**{column: np.nan}), tmp_path)
        assert len(predictions) == 8
    predictions, _ = answers(model, good(model).assign(a="?"), tmp_path)
    assert len(predictions) == 8


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("a", "tall", "column 'a', row 3: got 'tall', expected a number"),
        ("when", "soon", "column 'when', row 3: got 'soon', expected a date"),
        ("flag", "perhaps", "column 'flag', row 3: got 'perhaps', expected a number"),
        ("a", "inf", "1 infinite value"),
    ],
)
def test_values_of_another_kind_are_named(model, tmp_path, column, value, message):
    frame = good(model).astype(object)
    frame.loc[2, column] = value
    with pytest.raises(DataError, match=message):
        answers(model, frame, tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("a,b,c,d,colour,when,flag,code\n", "has a header and no rows"),
        ("a;b;c;d;colour;when;flag;code\n1;2;3;4;red;2024-01-01;True;1\n", "looks split at a semicolon"),
        ("a,a,b\n1,2,3\n", "two columns called 'a'"),
    ],
)
def test_broken_tables(model, tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        answers(model, content, tmp_path)


def test_other_formats_are_read(model, tmp_path):
    expected, _ = answers(model, good(model), tmp_path)
    good(model).to_parquet(tmp_path / "new.parquet")
    found, _ = deploy.predict(model, tmp_path / "new.parquet")
    pd.testing.assert_frame_equal(found, expected)
    good(model).to_csv(tmp_path / "semi.csv", sep=";", index=False)
    found, _ = deploy.predict(model, tmp_path / "semi.csv", delimiter=";")
    pd.testing.assert_frame_equal(found, expected)


def test_predictions_cannot_run_in_a_spreadsheet():
    text = deploy.as_csv(pd.DataFrame({"prediction": ["=cmd()", "b"], "probability:b": [0.25, 0.75]}))
    assert text == "prediction,probability:b\n'=cmd(),0.25\nb,0.75\n"
