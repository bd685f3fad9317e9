"""Training fusions inside a run: how many fits they cost, and what they refuse before anything is fitted."""

import numpy as np
import pytest

from fusebench import api, learners
from fusebench.engine.fusing import fuse_context
from fusebench.engine.tasks.data import DataFolders
from fusebench.engine.tasks.fuse import asking
from fusebench.engine.tasks.items import FitItem
from fusebench.engine.tasks.workbench import Workbench
from fusebench.errors import SpecError

LEARNERS = {"nb": "nb", "dt": {"type": "dt", "max_depth": 2}, "knn": "knn"}
TEACHER = {"type": "voting", "members": ["nb", "knn"]}


def fits_in(data, tmp_path, monkeypatch):
    """Run a benchmark in this process; return how many learners were fitted."""
    counted = []
    fit = learners.fit
    monkeypatch.setattr(learners, "fit", lambda *given, **named: (counted.append(1), fit(*given, **named))[1])
    loaded = api.spec_from({"name": "t", "datasets": ["iris"], **data}, base=tmp_path)
    place = api.settings(store=tmp_path / "store", n_jobs=1)
    planned = api.make_plan(loaded, place)
    workbench = Workbench(planned.plan.blueprint, planned.store, DataFolders(planned.store.root))
    for key, task in planned.missing.items():
        if task.item is not None:
            planned.store.put(key, workbench.run(task.item))
    monkeypatch.undo()
    return len(counted)


def test_distillation_adds_one_fit_per_split(tmp_path, monkeypatch):
    alone = {"learners": LEARNERS, "fusions": {"vote": TEACHER}}
    assert fits_in(alone, tmp_path, monkeypatch) == 3 * 15
    student = {"type": "distillation", "members": ["vote"], "student": {"type": "dt", "max_depth": 2}}
    more = {"learners": LEARNERS, "fusions": {"vote": TEACHER, "student": student}}
    assert fits_in(more, tmp_path, monkeypatch) == 5  # everything else is in the store


@pytest.mark.parametrize(
    ("fusions", "message"),
    [
        ({"a": {"type": "distillation", "members": ["a"]}}, r"a -> a"),
        (
            {
                "vote": {"type": "voting", "members": ["nb", "student"]},
                "student": {"type": "distillation", "members": ["vote"]},
            },
            r"vote -> student -> vote",
        ),
        (
            {"b": {"type": "boosting", "members": ["knn"]}},
            "'knn' takes no sample_weight; remove, or set resample: true",
        ),
    ],
)
def test_what_is_refused_before_anything_is_fitted(bench, fusions, message):
    with pytest.raises(SpecError, match=message):
        bench({"datasets": ["iris"], "learners": LEARNERS, "fusions": fusions})


def test_a_member_without_weights_is_resampled_when_asked(bench):
    boosted = {"type": "boosting", "members": ["knn"], "resample": True, "n_estimators": 3}
    results = bench({"datasets": ["iris"], "learners": LEARNERS, "fusions": {"b": boosted}})
    assert not results.failures
    assert sum(one.model == "b" for one in results.scores) == 5


def test_training_fusions_are_not_charged_with_members_they_do_not_read(bench):
    bag = {"type": "bagging", "members": ["dt"], "n_estimators": 2}
    student = {"type": "distillation", "members": ["nb"], "student": {"type": "dt", "max_depth": 2}}
    results = bench({"datasets": ["iris"], "learners": LEARNERS, "fusions": {"bag": bag, "student": student}})
    fits = {model: total[0] for (_, _, model), total in results.totals.items()}
    assert (fits["bag"], fits["student"]) == (5, 5 + 15)
    alone = {one.id: one.alone for one in results.models}
    assert alone["bag"]
    assert alone["student"]
    assert not alone["uniform_average"]


STACK = {"type": "stacking", "members": ["nb", "knn"], "final_estimator": "lr"}


def test_augmentation_asks_what_stands_behind_the_teacher_once_per_split(tmp_path, monkeypatch):
    alone = {"learners": LEARNERS, "fusions": {"stack": STACK}}
    fits_in(alone, tmp_path, monkeypatch)
    student = {
        "type": "distillation", "members": ["stack"], "student": {"type": "dt", "max_depth": 2}, "augmentation": 2,
    }  # fmt: skip
    more = {"learners": LEARNERS, "fusions": {"stack": STACK, "student": student}}
    # Per outer split: nb and knn on its training rows, the stacking's final estimator again, and the student; and as for
    # any fusion that is a member, the stacking's final estimator per inner fold.
    assert fits_in(more, tmp_path, monkeypatch) == 5 * (4 + 4)


def test_members_asked_for_new_rows_answer_as_scikit_learn_would(tmp_path):
    from sklearn.datasets import load_iris
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.preprocessing import StandardScaler

    data = {"name": "t", "datasets": ["iris"], "learners": LEARNERS, "fusions": {"vote": {**TEACHER, "voting": "soft"}}}
    loaded = api.spec_from(data, base=tmp_path)
    place = api.settings(store=tmp_path / "store", n_jobs=1)
    planned = api.make_plan(loaded, place)
    workbench = Workbench(planned.plan.blueprint, planned.store, DataFolders(planned.store.root))
    for key, task in planned.missing.items():
        if isinstance(task.item, FitItem):
            planned.store.put(key, workbench.run(task.item))
    problem = planned.plan.blueprint.problems[0]
    rows = workbench.data(problem)
    train = rows.splits.outer[0, 0].train
    some = train[10:]  # as after some inner fold was taken away
    ask = asking(workbench, problem, ("vote",), (0, 0))
    context = fuse_context(planned.plan.blueprint, problem, rows, ("vote",), some, np.zeros((len(some), 1)), None)
    new = rows.X.iloc[:7] + 0.01
    P = ask(context, rows.y[some], new)
    X, y = load_iris(return_X_y=True)
    scaler = StandardScaler().fit(X[some])
    models = [one.fit(scaler.transform(X[some]), y[some]) for one in (GaussianNB(), KNeighborsClassifier())]
    expected = np.mean([one.predict_proba(scaler.transform(new.to_numpy())) for one in models], axis=0)
    np.testing.assert_allclose(P[:, 0], expected, atol=1e-12)


@pytest.mark.parametrize(
    ("dataset", "student"),
    [("iris", {"type": "dt", "max_depth": 3}), ("iris", "lr"), ("diabetes", {"type": "dt", "max_depth": 3})],
)
def test_students_learn_from_made_up_rows(bench, dataset, student):
    learners_ = {"dt": {"type": "dt", "max_depth": 3}, "knn": "knn"}
    kept = {"type": "distillation", "members": ["mean"], "student": student, "augmentation": 2, "hard_weight": 0.2}
    fusions = {
        "mean": {"type": "averaging"},
        "student": kept,
        "both": {"type": "averaging", "members": ["student", "dt"]},
    }
    results = bench({"datasets": [dataset], "learners": learners_, "fusions": fusions})
    assert not results.failures
    scores = [one.score for one in results.scores if one.model == "student"]
    assert np.mean(scores) > (0.9 if dataset == "iris" else 0.2)
