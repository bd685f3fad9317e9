"""From plain data to the spec's models, and back."""

import pytest

from fusebench import spec as specs
from fusebench.spec._values import duration, size

DATA = {
    "name": "demo",
    "datasets": [
        "iris",
        "./data/my file.csv",
        {"name": "mine", "path": "a.csv", "target": "y", "drop": "id", "sep": ";"},
    ],
    "learners": {
        "lr": "logistic_regression",
        "svm": {"type": "svc", "C": 2.0, "calibrate": "sigmoid", "timeout": "10m", "cost": 3},
        "knn": {"type": "knn", "grid": {"n_neighbors": [3, 5]}},
    },
    "fusions": {"stack": {"type": "stacking", "members": ["lr", "svm"], "final_estimator": {"type": "lr", "C": 0.1}}},
    "cv": {"n_splits": 4, "inner": 3},
    "scoring": {"classification": ["accuracy", "neg_log_loss"], "regression": "r2"},
    "resources": {"timeout": "1h30m", "memory": "4GB"},
}


def parsed(data):
    spec, problems = specs.parse(specs.from_mapping(data))
    assert problems == []
    return spec


def test_flat_keys_are_split_from_parameters():
    spec = parsed(DATA)
    assert spec.learners["svm"].params == {"C": 2.0}
    assert spec.learners["svm"].timeout == 600
    assert spec.learners["knn"].grid == {"n_neighbors": (3, 5)}
    assert spec.fusions["stack"].members == ("lr", "svm")
    assert spec.fusions["stack"].params == {"final_estimator": {"type": "lr", "C": 0.1}}
    assert spec.resources.memory == 4_000_000_000


def test_datasets_by_name_by_path_and_in_place():
    by_name, by_path, in_place = parsed(DATA).datasets
    assert (by_name.name, by_name.source) == ("iris", None)
    assert (by_path.name, by_path.source, by_path.options) == ("my-file", "file", {"path": "./data/my file.csv"})
    assert (in_place.source, in_place.drop, in_place.options) == ("file", ("id",), {"path": "a.csv", "sep": ";"})


def test_shorthands():
    spec = parsed({"datasets": "iris", "learners": ["lr", "rf"], "fusion": "stacking", "scoring": "accuracy"})
    assert list(spec.learners) == ["lr", "rf"]
    assert list(spec.fusions) == ["stacking"]
    assert spec.scoring == ("accuracy",)
    assert (spec.random_state, spec.cv.n_splits, spec.name) == (0, 5, "benchmark")


def test_the_resolved_spec_reads_back_to_an_equal_one(tmp_path):
    spec = parsed(DATA)
    path = tmp_path / "resolved.yaml"
    path.write_text(specs.dump(spec))
    again, problems = specs.parse(specs.read(path))
    assert problems == []
    assert again == spec


def test_scoring_for():
    assert specs.scoring_for(parsed(DATA), "binary") == ("accuracy", "neg_log_loss")
    assert specs.scoring_for(parsed(DATA), "continuous") == ("r2",)
    bare = parsed({"datasets": "iris", "learners": ["lr"]})
    assert specs.scoring_for(bare, "multiclass") == ("accuracy",)
    assert specs.scoring_for(bare, "continuous") == ("r2",)


def test_override():
    source = specs.from_mapping(DATA).override("cv.n_repeats", "3").override("learners.lr.C", "0.5")
    spec, problems = specs.parse(source.override("resources.threads_per_fit", "2"))
    assert problems == []
    assert (spec.cv.n_repeats, spec.learners["lr"].params, spec.resources.threads_per_fit) == (3, {"C": 0.5}, 2)


def test_a_wrong_override_names_the_flag():
    source = specs.from_mapping(DATA).override("cv.n_repeats", "0")
    _, problems = specs.parse(source)
    assert "--set cv.n_repeats=0" in source.locate(problems[0]).message


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("1h30m", 5400), (5, 5), ("2.5s", 2.5), ("7", 7)]
)
def test_durations(text, seconds):
    assert duration(text) == seconds


@pytest.mark.parametrize(
    "text", [0, -1, "soon", "", True, None, float("nan"), float("inf"), "m", "-3s", 10**400, "9" * 400, "9" * 400 + "h"]
)
def test_wrong_durations(text):
    with pytest.raises(ValueError, match="expected a time above 0"):
        duration(text)


@pytest.mark.parametrize(("text", "n_bytes"), [("512MB", 512_000_000), ("2GiB", 2 << 30), ("1.5k", 1500), (7, 7)])
def test_sizes(text, n_bytes):
    assert size(text) == n_bytes


@pytest.mark.parametrize("text", [0, "", "GB", "-1MB", True, 10**400, "9" * 400, "9" * 400 + "GB", "0.0001"])
def test_wrong_sizes(text):
    with pytest.raises(ValueError, match="expected a size above 0"):
        size(text)


@pytest.mark.parametrize(
    ("cv", "field", "message"),
    [
        ({"type": "holdout", "inner": "paired"}, "inner", "'holdout' has none"),
        ({"type": "time_series", "inner": "paired"}, "inner", "'time_series' has none"),
        ({"n_splits": 2, "inner": "paired"}, "inner", "at least 3 folds, got 2"),
        ({"n_splits": 5, "inner": 3, "refit": False}, "refit", "write inner: paired"),
        ({"n_splits": 4, "refit": False}, "refit", "write inner: paired"),
        ({"type": "holdout", "refit": False}, "refit", "leave it out"),
    ],
)
def test_protocols_that_contradict_themselves(cv, field, message):
    _, [problem] = specs.parse(specs.from_mapping({**DATA, "cv": cv}))
    assert problem.path == ("cv", field)
    assert message in problem.message


@pytest.mark.parametrize("cv", [{"refit": False}, {"n_splits": 3, "inner": "paired", "refit": False}, "holdout"])
def test_protocols_that_hold_together(cv):
    parsed({**DATA, "cv": cv})
