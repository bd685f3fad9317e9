"""Training fusions inside a run: how many fits they cost, and what they refuse before anything is fitted."""

import pytest

from fusebench import api, learners
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
    workbench = api.Workbench(planned.plan.blueprint, planned.store, api.DataFolders(planned.store.root))
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
