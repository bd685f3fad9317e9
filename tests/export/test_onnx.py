"""Exported models say what their originals say, also of rows that training did not hold; others are refused by name."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes

import fusebench as fb
from fusebench import api, deploy, export
from fusebench.errors import DataError, MissingExtraError, ModelError
from fusebench.export import onnx as onnx_module
from fusebench.export._trees import LEQ, MEMBER, Trees
from fusebench.fusions.base import load_fusion


def table() -> tuple[pd.DataFrame, pd.Series]:
    """Return numbers, gaps, categories with an effect, booleans, and a value."""
    rng = np.random.default_rng(0)
    n, letters = 240, list("abcdefghijkl")
    frame = pd.DataFrame(
        {
            "a": rng.normal(size=n),
            "whole": rng.integers(0, 5, n),
            "letter": rng.choice(letters, n),
            "two words": rng.choice(["x", "y", "zä"], n),
            "flag": rng.random(n) < 0.5,
        }
    )
    effect = dict(zip(letters, rng.normal(size=12) * 2, strict=True))
    value = frame["a"] + frame["letter"].map(effect) + frame["flag"] * frame["whole"] + rng.normal(size=n)
    frame.loc[::7, "a"] = np.nan
    frame.loc[::11, "letter"] = None
    return frame, value


def others(frame: pd.DataFrame) -> pd.DataFrame:
    """Return rows that no training saw: columns shuffled on their own, unseen categories, more gaps."""
    rng = np.random.default_rng(1)
    mixed = pd.DataFrame({name: rng.permutation(frame[name].to_numpy()) for name in frame}).astype(frame.dtypes)
    odd = mixed.copy()
    odd["whole"] = np.where(rng.random(len(odd)) < 0.3, -3.5, odd["whole"])
    odd["letter"] = np.where(rng.random(len(odd)) < 0.5, "unseen", odd["letter"].astype(object))
    odd.loc[::2, "two words"] = None
    return pd.concat([frame, mixed, odd], ignore_index=True)


def agrees(model, rows: pd.DataFrame) -> None:
    export.verify(model, export.dumps(model), model._frame(rows))


@pytest.mark.slow
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "learner",
    [
        "lr",
        "nb",
        "dt",
        {"type": "rf", "n_estimators": 20},
        {"type": "extra_trees", "n_estimators": 20},
        {"type": "gradient_boosting", "n_estimators": 20},
        {"type": "hgb", "max_iter": 30},
        {"type": "ada_boost", "n_estimators": 10},
        "svc",
        "linear_svc",
        {"type": "mlp", "max_iter": 20},
        "lda",
        "qda",
        "multinomial_nb",
        "ridge",
        {"type": "lr", "calibrate": "sigmoid"},
        {"type": "rf", "n_estimators": 5, "calibrate": "sigmoid"},
        {"type": "xgb", "n_estimators": 5, "calibrate": "sigmoid"},
        {"type": "dt", "encode": "onehot"},
        {"type": "xgb", "n_estimators": 20, "max_cat_to_onehot": 1},
        {"type": "lgbm", "n_estimators": 30, "min_data_per_group": 1, "max_cat_to_onehot": 1},
        {"type": "lgbm", "n_estimators": 100, "early_stopping_rounds": 3},
        {"type": "xgb", "n_estimators": 100, "early_stopping_rounds": 3},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore")
def test_classifiers(learner, n_classes):
    frame, value = table()
    y = pd.qcut(value, n_classes, labels=["low", "mid", "top"][:n_classes]).astype(str)
    agrees(fb.FusedClassifier({"m": learner}, "m").fit(frame, y), others(frame))


@pytest.mark.slow
@pytest.mark.parametrize(
    "learner",
    [
        "ridge",
        "dt",
        {"type": "rf", "n_estimators": 20},
        {"type": "gradient_boosting", "n_estimators": 20},
        {"type": "hgb", "max_iter": 30},
        "svr",
        {"type": "xgb", "n_estimators": 20},
        {"type": "xgb", "n_estimators": 20, "objective": "count:poisson"},
        {"type": "lgbm", "n_estimators": 30},
        {"type": "lgbm", "n_estimators": 30, "objective": "poisson"},
    ],
    ids=str,
)
def test_regressors(learner):
    frame, value = table()
    agrees(fb.FusedRegressor({"m": learner}, "m").fit(frame, np.exp(value / 4)), others(frame))


@pytest.mark.slow
@pytest.mark.parametrize(
    "fusion",
    [
        {"type": "voting", "voting": "hard"},
        {"type": "voting", "voting": "hard", "weights": [0.3, 0.3, 0.4]},
        {"type": "voting", "voting": "soft", "weights": [1, 2, 3]},
        *({"type": "averaging", "method": one} for one in ("median", "geometric", "product", "max", "min", "trimmed")),
        {"type": "averaging", "method": "log_pool", "weights": [1, 2, 0]},
        "weighted",
        "ensemble_selection",
        "pruned",
        "blending",
        "adaptive",
        "calibrated",
        "best_single",
        "uniform_average",
        {"type": "stacking", "passthrough": True},
        {"type": "stacking", "features": ["logit", "labels"], "meta_learner": "class_wise"},
        {"type": "stacking", "meta_learner": "shared"},
        {"type": "stacking", "final_estimator": {"type": "random_forest", "n_estimators": 10}},
    ],
    ids=str,
)
def test_fusions(fusion):
    frame, value = table()
    y = pd.qcut(value, 3, labels=False) * 10
    learners = {"lr": "lr", "dt": {"type": "dt", "max_depth": 4}, "xgb": {"type": "xgb", "n_estimators": 10}}
    model = fb.FusedClassifier(learners, fusion, cv=3).fit(frame, y)
    agrees(model, others(frame))


@pytest.mark.slow
@pytest.mark.parametrize(
    "fusion", ["voting", "weighted", "stacking", {"type": "averaging", "method": "median"}], ids=str
)
def test_fusions_of_values(fusion):
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    learners = {"ridge": "ridge", "dt": {"type": "dt", "max_depth": 5}, "lgbm": {"type": "lgbm", "n_estimators": 20}}
    agrees(fb.FusedRegressor(learners, fusion, cv=3).fit(X, y), X)


@pytest.mark.slow
def test_nearest_neighbours_where_no_two_are_equally_near():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    agrees(fb.FusedRegressor(["knn"], "knn").fit(X, y), X)
    agrees(fb.FusedClassifier(["knn"], "knn").fit(X, y > 140), X)


@pytest.mark.slow
@pytest.mark.parametrize("refit", [True, False])
def test_layers_members_and_an_array(refit):
    X, y = load_breast_cancer(return_X_y=True)
    fusions = {"soft": {"type": "voting", "voting": "soft"}, "top": {"type": "stacking", "members": ["soft", "nb"]}}
    agrees(fb.FusedClassifier(["lr", "nb"], "top", fusions=fusions, cv=3, refit=refit).fit(X, y), X)


@pytest.mark.slow
def test_the_file_is_used_without_fusebench(tmp_path):
    frame, value = table()
    y = np.where(value > 0, "yes", "no")
    model = fb.FusedClassifier(["lr", "dt"], {"type": "voting", "voting": "soft"}).fit(frame, y)
    fb.save_onnx(model, tmp_path / "model.onnx", frame, facts={"dataset": "mine"})
    import onnxruntime

    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    assert [one.name for one in session.get_inputs()] == list(frame)
    rows = {
        "a": np.array([[0.5], [np.nan]]),
        "whole": np.array([[1.0], [4.0]]),
        "letter": np.array([["b"], [""]], dtype=object),
        "two words": np.array([["zä"], ["never seen"]], dtype=object),
        "flag": np.array([[1.0], [0.0]]),
    }
    label, probabilities = session.run(["label", "probabilities"], rows)
    same = pd.DataFrame({"a": [0.5, np.nan], "whole": [1, 4], "letter": ["b", None], "two words": ["zä", "never seen"],
                         "flag": [True, False]})  # fmt: skip
    assert list(label) == list(model.predict(same))
    np.testing.assert_allclose(probabilities, model.predict_proba(same), rtol=0, atol=1e-12)
    noted = json.loads(session.get_modelmeta().custom_metadata_map["fusebench"])
    assert noted["dataset"] == "mine"
    assert [column[0] for column in noted["columns"]] == list(frame)


@pytest.mark.slow
def test_outputs_make_way_for_columns_of_their_names():
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    X = X.iloc[:, :2].set_axis(["label", "probabilities"], axis=1).assign(c="x")
    agrees(fb.FusedClassifier(["lr"], "lr").fit(X, y), X)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("learners", "fusion", "message"),
    [
        (["lr", "gaussian_process"], {"type": "voting", "voting": "soft"}, "'gaussian_process': GaussianProcessClassifier has no ONNX form.*linear"),
        ({"lr": "lr", "far": {"type": "dt", "encode": "target"}}, {"type": "voting"}, "'far': the encoder Target has no ONNX form; those that have are linear"),
        (["lr", "nb"], "borda", "the fusion 'borda' has no ONNX form; those that have are voting"),
        (["lr", "nb"], {"type": "stacking", "features": "ranks"}, "stacking on ranks has no ONNX form; proba"),
        ({"rf": {"type": "rf", "n_estimators": 5, "calibrate": "isotonic"}}, "rf", "'rf': RandomForest.* has no ONNX form"),
    ],
)  # fmt: skip
def test_what_has_no_form_is_named(learners, fusion, message):
    frame, value = table()
    model = fb.FusedClassifier(learners, fusion, cv=3).fit(frame, value > 0)
    with pytest.raises(ModelError, match=message):
        export.dumps(model)


@pytest.mark.slow
def test_dates_are_refused():
    frame, value = table()
    frame["when"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(range(len(frame)), unit="D")
    model = fb.FusedClassifier(["lr"], "lr").fit(frame, value > 0)
    with pytest.raises(ModelError, match="column 'when' \\(date\\) has no ONNX form"):
        export.dumps(model)


@pytest.mark.slow
def test_one_that_predicts_otherwise_is_not_written(tmp_path):
    X, y = load_breast_cancer(return_X_y=True)
    model = fb.FusedClassifier(["lr", "nb"], {"type": "voting", "voting": "soft"}).fit(X, y)
    data = export.dumps(model)
    estimator = model.model_.learners["lr"][0].fitted.estimator
    estimator.intercept_ = estimator.intercept_ + 1e-3
    with pytest.raises(ModelError, match=r"probabilities of the ONNX model differ by up to .* allowed is 1e-05"):
        export.verify(model, data, model._frame(X))
    estimator.intercept_ = estimator.intercept_ + 50
    with pytest.raises(ModelError, match="another label to"):
        export.verify(model, data, model._frame(X))


@pytest.mark.slow
def test_nothing_is_written_when_it_is_refused(tmp_path, monkeypatch):
    X, y = load_breast_cancer(return_X_y=True)
    model = fb.FusedClassifier(["lr"], "lr").fit(X, y)
    monkeypatch.setattr(onnx_module, "TOLERANCE", -1.0)
    with pytest.raises(ModelError, match="nothing was written"):
        fb.save_onnx(model, tmp_path / "model.onnx", X)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_command(tmp_path):
    (tmp_path / "spec.yaml").write_text(
        "name: s\ndatasets: [iris]\nlearners: {lr: lr, rf: {type: rf, n_estimators: 5}}\n"
        "fusions: {vote: {type: voting, voting: soft}, near: knora_e}\n"
    )

    def fit(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "fusebench", "fit", "spec.yaml", "--jobs", "1", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    done = fit("--fusion", "vote", "-o", "vote.onnx")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "vote.onnx").stat().st_size > 1000
    done = fit("--fusion", "near", "-o", "no.onnx")
    assert done.returncode == 2, done.stderr
    assert "'near': the fusion 'knora_e' has no ONNX form; those that have are voting" in done.stderr
    assert not (tmp_path / "no.onnx").exists()


def test_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(onnx_module, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'fusebench\[onnx\]'"):
        export.require()


def test_what_types_tell_before_anything_is_fitted():
    assert export.unable(load_fusion("voting")) == export.unable(load_fusion("stacking")) == ""
    assert "'knora_u' has no ONNX form" in export.unable(load_fusion("knora_u"))


def test_an_empty_set_and_a_single_leaf():
    trees = Trees()
    assert trees.branch(0, [], MEMBER, missing_true=True) == 0
    assert (trees.modes, trees.splits, trees.members) == ([LEQ], [-np.inf], [])
    trees.root(trees.leaf(2.0, 0))
    assert trees.roots == [1]
    assert trees.yes[1] == trees.no[1] == (0, True)


@pytest.fixture(scope="module")
def both_files(tmp_path_factory):
    """A model with categories in both kinds of file, and the table that it was fitted on."""
    folder = tmp_path_factory.mktemp("both")
    frame, value = table()
    frame.assign(y=np.where(value > 0, "yes", "=no")).to_csv(folder / "d.csv", index=False)
    data = {"name": "d", "source": "file", "path": "d.csv", "target": "y"}
    spec = {"name": "b", "datasets": [data], "learners": ["nb", "dt"], "fusions": {"v": "averaging"}}
    loaded, place = api.spec_from(spec, base=folder), api.settings(store=folder / "store", n_jobs=1)
    for form in ("skops", "onnx"):
        deploy.save(deploy.fit(loaded, place, model="v", form=form), folder / f"m.{form}")
    others(frame).assign(more=1)[["flag", "more", "letter", "two words", "whole", "a"]].to_csv(folder / "new.csv")
    return folder


@pytest.mark.slow
def test_a_table_gets_the_same_answers_and_notes_from_both_files(both_files):
    found, notes = deploy.predict(both_files / "m.onnx", both_files / "new.csv")
    expected, expected_notes = deploy.predict(both_files / "m.skops", both_files / "new.csv")
    assert notes == expected_notes
    assert any("'unseen'" in one for one in notes)
    pd.testing.assert_frame_equal(found, expected, rtol=0, atol=1e-5, check_dtype=False)
    assert list(found) == ["prediction", "probability:=no", "probability:yes"]


@pytest.mark.slow
def test_tables_and_files_that_do_not_fit_are_refused(both_files, tmp_path):
    pd.DataFrame({"a": [1.0]}).to_csv(tmp_path / "few.csv", index=False)
    with pytest.raises(DataError, match="the columns 'whole', 'letter', 'two words', 'flag' are missing"):
        deploy.predict(both_files / "m.onnx", tmp_path / "few.csv")
    data = (both_files / "m.onnx").read_bytes()
    for bad in (b"junk", data[: len(data) // 2], (both_files / "m.skops").read_bytes()):
        (tmp_path / "bad.onnx").write_bytes(bad)
        with pytest.raises(ModelError, match="not an ONNX model, or damaged"):
            deploy.predict(tmp_path / "bad.onnx", both_files / "new.csv")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("noted", "said"),
    [
        (None, "did not export"),
        ("{", "damaged"),
        ("[]", "damaged"),
        ('{"columns": [["a", "number", []]]}', "other columns"),
        ('{"columns": [["a", "code", []]]}', "no column"),
        ('{"columns": 5}', "damaged"),
    ],
)
def test_what_an_onnx_file_says_of_its_columns_is_checked(both_files, tmp_path, noted, said):
    import onnx

    model = onnx.load(both_files / "m.onnx")
    del model.metadata_props[:]
    if noted is not None:
        entry = model.metadata_props.add()
        entry.key, entry.value = "fusebench", noted
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=said):
        deploy.predict(tmp_path / "m.onnx", both_files / "new.csv")


def test_predicting_without_onnxruntime_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setattr("fusebench.export.reading.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"fusebench\[onnx\]"):
        deploy.predict(tmp_path / "m.onnx", tmp_path / "new.csv")
