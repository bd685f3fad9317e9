"""What is found before anything is fitted."""

from __future__ import annotations

import subprocess
import sys

import pytest

from fusebench import learners
from fusebench.learners.base import ALIASES
from fusebench.spec.model import LearnerSpec

CLASSES = frozenset({"binary", "multiclass"})
VALUES = frozenset({"continuous"})


def _check(target_types=CLASSES, *, allow_import=False, **spec):
    return learners.check(LearnerSpec(**spec), target_types, allow_import=allow_import)


@pytest.mark.parametrize("name", [*learners.REGISTRY.names(), *ALIASES])
def test_every_name_is_known(name):
    required = {"predictions": {"path": "answers.csv"}}  # a file that nobody can guess
    problems = _check(frozenset(), type=name, params=required.get(name, {}))
    assert all("needs an extra" in problem.message for problem in problems)


def test_unknown_learner_has_a_nearest_name():
    (problem,) = _check(type="xgbost")
    assert problem.message == "unknown learner 'xgbost'"
    assert problem.hint.startswith("did you mean 'xgboost'?")
    assert problem.path == ("type",)


def test_unknown_parameter_names_the_estimator_and_the_nearest():
    (problem,) = _check(type="lr", params={"max_itr": 3})
    assert problem.message == "unknown parameter 'max_itr' of LogisticRegression"
    assert problem.hint == "did you mean 'max_iter'?"
    assert (problem.path, problem.on_key) == (("max_itr",), True)


@pytest.mark.parametrize(("type_", "near"), [("xgb", "n_estimators"), ("lgbm", "n_estimators")])
def test_boosters_names_by_signature(type_, near):
    (problem,) = _check(type=type_, params={"n_estimator": 5})
    assert problem.hint == f"did you mean '{near}'?"


@pytest.mark.parametrize(
    ("type_", "params"),
    [("xgb", {"eta": 0.1, "reg_lambda": 2}), ("lgbm", {"bagging_fraction": 0.5, "lambda_l1": 1, "num_leaves": 7})],
)
def test_boosters_other_spellings(type_, params):
    assert _check(type=type_, params=params) == []


def test_values_get_the_message_of_scikit_learn():
    (problem,) = _check(type="lr", params={"C": -1})
    assert problem.message.startswith("The 'C' parameter of LogisticRegression must be a float in the range")
    assert problem.path == ("C",)
    (problem,) = _check(type="xgb", params={"n_estimators": 0})
    assert problem.message == "The 'n_estimators' parameter must be an int of at least 1. Got 0 instead."


def test_grid_values_are_checked_one_by_one():
    problems = _check(type="knn", grid={"n_neighbors": (1, "many", 0), "neighbours": (1,)})
    assert [problem.path for problem in problems] == [
        ("grid", "n_neighbors", 1),
        ("grid", "n_neighbors", 2),
        ("grid", "neighbours"),
    ]


def test_both_estimators_of_a_mixed_suite_are_checked():
    (problem,) = _check(CLASSES | VALUES, type="rf", params={"criterion": "gini"})
    assert "RandomForestRegressor" in problem.message
    assert _check(type="rf", params={"criterion": "gini"}) == []


@pytest.mark.parametrize(
    ("type_", "target_types", "message"),
    [
        ("svc", VALUES, "'svc' is a classifier, the target is continuous"),
        ("lasso", CLASSES, "'lasso' is a regressor, the target holds classes"),
        ("sklearn.linear_model.RidgeCV", CLASSES, "'sklearn.linear_model.RidgeCV' is a regressor"),
        ("sklearn.linear_model.RidgeClassifier", VALUES, "is a classifier"),
    ],
)
def test_classifier_for_values_or_the_reverse(type_, target_types, message):
    (problem,) = _check(target_types, type=type_)
    assert message in problem.message


def test_unknown_targets_leave_the_benefit_of_the_doubt():
    assert _check(frozenset(), type="rf", params={"criterion": "gini"}) == []
    (problem,) = _check(frozenset(), type="rf", params={"n_estimators": 0})
    assert problem.path == ("n_estimators",)
    (problem,) = _check(frozenset(), type="rf", params={"trees": 0})
    assert problem.on_key


def test_modules_are_those_of_trusted_classes():
    assert "xgboost" in learners.modules("xgb")
    assert not any("trap" in one for one in learners.modules("trap.Model"))


def test_svm_serves_both():
    assert _check(CLASSES | VALUES, type="svm", params={"C": 2.0, "probability": True}) == []


def test_calibration_needs_classes():
    (problem,) = _check(VALUES, type="ridge", calibrate="sigmoid")
    assert problem.path == ("calibrate",)


@pytest.mark.parametrize(
    ("type_", "message"),
    [
        ("os.system", "outside scikit-learn"),
        ("a b.c", "not the dotted path"),
        ("sklearn.linear_model.RidgeClasifier", "has no 'RidgeClasifier'"),
        ("sklearn.metrics.accuracy_score", "is not a class"),
        ("sklearn.preprocessing.StandardScaler", "not an estimator"),
        ("sklearn.nothing.Thing", "cannot import"),
        ("sklearn.base.inspect.os.PathLike", "cannot import"),
    ],
)
def test_dotted_paths_that_do_not_work(type_, message):
    (problem,) = _check(type=type_)
    assert message in problem.message


def test_untrusted_path_is_never_imported(tmp_path, monkeypatch):
    (tmp_path / "trap.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    assert _check(type="trap.Model", params={"a": 1}, allow_import=True) == []
    spec = LearnerSpec(type="trap.Model")
    assert learners.predicts(spec, "binary")
    assert learners.predicts(spec, "continuous")
    before = learners.code_digest(spec)
    assert len(before) == 128
    learners._digest_of_type.cache_clear()
    (tmp_path / "trap.py").write_text("raise SystemExit('changed')")
    assert learners.code_digest(spec) != before
    (problem,) = _check(type="trap.Model")
    assert "--allow-import" in problem.hint


def test_missing_extra_names_the_command(monkeypatch):
    monkeypatch.setattr("fusebench.learners.base.find_spec", lambda name: None)
    (problem,) = _check(type="catboost")
    assert "pip install 'fusebench[catboost]'" in problem.message


@pytest.mark.parametrize(
    ("specs", "imported"),
    [
        ("dict(type='lr'), dict(type='xgb'), dict(type='rf'), dict(type='sklearn.linear_model.RidgeClassifier')", []),
        ("dict(type='xgb', params={'eta': 1}),", ["sklearn", "xgboost"]),
        ("dict(type='lr', params={'C': 1}),", ["sklearn"]),
    ],
)
def test_only_what_is_named_is_imported(specs, imported):
    code = f"""
import sys
from fusebench import learners
from fusebench.spec.model import LearnerSpec
for spec in [{specs}]:
    assert learners.check(LearnerSpec(**spec), frozenset({{"binary"}})) == []
    learners.auto_encoder(LearnerSpec(**spec), "binary")
print([name for name in ("sklearn", "xgboost", "lightgbm") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(imported)
