"""Predictions made elsewhere as learners: joined by id, whatever the order, and never fitted."""

import numpy as np
import pandas as pd
import pytest

from fusebench.errors import DataError, SpecError

N = 30
ANSWERS = [("yes", "no")[n % 3 == 0] for n in range(N)]
IDS = [f"q{n}" for n in range(N)]


def wrong(answer):
    return "no" if answer == "yes" else "yes"


@pytest.fixture
def tables(tmp_path):
    """Write questions and answers of three models; `a` is wrong on 3 of 30, `b` on 6, `c` silent on 10."""
    rng = np.random.default_rng(0)
    questions = pd.DataFrame({"id": IDS, "x": rng.normal(size=N), "y": ANSWERS})
    votes = pd.DataFrame({"id": IDS})
    votes["a"] = [wrong(one) if n % 10 == 0 else one for n, one in enumerate(ANSWERS)]
    votes["b"] = [wrong(one) if n % 5 == 1 else one for n, one in enumerate(ANSWERS)]
    votes["c"] = ["" if n < 10 else one for n, one in enumerate(ANSWERS)]

    def write(votes=votes, questions=questions):
        questions.to_csv(tmp_path / "questions.csv", index=False)
        votes.sample(frac=1, random_state=1).to_csv(tmp_path / "votes.csv", index=False)

    write()
    write.votes, write.questions = votes, questions
    return write


DATASET = {"name": "q", "source": "file", "path": "questions.csv", "target": "y", "id": "id"}
ABC = {name: {"type": "predictions", "path": "votes.csv"} for name in "abc"}
VOTES = {"datasets": [DATASET], "learners": ABC, "fusions": {"vote": "voting"}}


def means(results, metric="accuracy"):
    scores = pd.DataFrame(results.scores)
    return scores[scores.metric == metric].groupby("model").score.mean().to_dict()


def test_scores_are_those_of_the_answers_and_an_abstention_is_wrong(bench, tables):
    found = means(bench(VOTES))
    assert (found["a"], found["b"]) == pytest.approx((27 / 30, 24 / 30))
    assert found["c"] == pytest.approx(20 / 30)


def test_the_majority_counts_no_vote_of_an_abstention(bench, tables):
    """Rows under 10: a against b alone, ties to the smaller label 'no'; from 10 on c is right, one more is enough."""
    right = 0
    for n, answer in enumerate(ANSWERS):
        a, b, c = (tables.votes[one][n] for one in "abc")
        counts = {label: [a, b, c].count(label) for label in ("no", "yes")}
        right += max(counts, key=lambda label: counts[label]) == answer
    assert means(bench(VOTES))["vote"] == pytest.approx(right / N)


def test_they_take_part_beside_a_trained_learner_whose_numbers_do_not_change(bench, tables):
    both = bench({**VOTES, "learners": {**ABC, "nb": "nb"}, "fusions": {"stack": "stacking", "ad": "adaptive"}})
    alone = bench({"datasets": [DATASET], "learners": {"nb": "nb"}})
    assert means(both)["nb"] == means(alone)["nb"]
    assert not both.failures


def test_one_abstention_among_all_rows(bench, tables):
    """In most parts nothing is negative: the codes of all parts together must still hold -1."""
    tables(tables.votes.assign(c=["", *ANSWERS[1:]]))
    results = bench({**VOTES, "fusions": {"vote": "voting", "stack": "stacking", "adaptive": "adaptive"}})
    assert not results.failures
    assert means(results)["c"] == pytest.approx(29 / 30)


def test_where_every_member_abstains_so_does_the_fusion(bench, tables):
    """Row 0 is lost to all; elsewhere the one that answers decides, and of two that differ the smaller label."""
    b, c = (["", *tables.votes[one][1:]] for one in "bc")
    tables(tables.votes.assign(b=b, c=c))
    learners = {name: ABC[name] for name in "bc"}
    scores = means(bench({**VOTES, "learners": learners, "fusions": {"vote": "voting", "soft": "averaging"}}))
    right = [min(filter(None, pair), default="") == y for pair, y in zip(zip(b, c, strict=True), ANSWERS, strict=True)]
    assert not right[0]
    assert scores["vote"] == scores["soft"] == pytest.approx(np.mean(right))


def test_another_file_gives_other_scores_and_the_same_file_is_not_read_again(bench, tables, monkeypatch):
    before = means(bench(VOTES))
    tables(tables.votes.assign(a=ANSWERS))
    assert means(bench(VOTES))["a"] == 1 > before["a"]
    monkeypatch.setattr("fusebench.datasets.read_predictions", None)
    assert means(bench(VOTES))["a"] == 1


def test_probabilities_rank_and_are_scored(bench, tables):
    p = np.linspace(0.05, 0.95, N)
    votes = pd.DataFrame({"id": IDS, "m:yes": p.round(3), "m:no": (1 - p).round(3)})
    tables(votes)
    results = bench({**VOTES, "learners": {"m": ABC["a"], "m2": {**ABC["a"], "model": "m"}}, "scoring": "neg_log_loss"})
    y = np.array([one == "yes" for one in ANSWERS])
    losses = np.log(np.where(y, votes["m:yes"], votes["m:no"]))
    assert means(results, "neg_log_loss")["m"] == pytest.approx(losses.mean(), abs=1e-3)


def test_values_of_a_regression(bench, tmp_path):
    rng = np.random.default_rng(0)
    y = rng.normal(size=40)
    pd.DataFrame({"row": range(40), "y": y}).to_csv(tmp_path / "data.csv", index=False)
    pd.DataFrame({"row": range(40), "near": y + 0.1, "far": y - 1}).to_csv(tmp_path / "p.csv", index=False)
    learners = {name: {"type": "predictions", "path": "p.csv", "id": "row"} for name in ("near", "far")}
    data = {"name": "d", "source": "file", "path": "data.csv", "target": "y", "id": "row"}
    results = bench({
        "datasets": [data], "learners": learners, "scoring": "neg_mean_absolute_error",
        "fusions": {"mean": "averaging", "nnls": {"type": "weighted", "weights": "nnls"}},
    })  # fmt: skip
    found = means(results, "neg_mean_absolute_error")
    assert (found["near"], found["far"], found["mean"]) == pytest.approx((-0.1, -1, -0.45))


def test_the_same_model_by_a_grid_and_by_a_path_for_the_dataset(bench, tables, tmp_path):
    (tmp_path / "q.csv").write_bytes((tmp_path / "votes.csv").read_bytes())
    learners = {"llm": {"type": "predictions", "path": "{dataset}.csv", "grid": {"model": ["a", "b"]}}}
    found = means(bench({**VOTES, "learners": learners}))
    assert found["llm[model=a]"] == pytest.approx(27 / 30)
    assert found["llm:tuned"] == pytest.approx(27 / 30)


def test_folds_of_their_own_must_be_those_of_the_run(bench, tables):
    folds = [n % 5 for n in range(N)]
    tables(tables.votes.assign(fold=folds), tables.questions.assign(part=folds))
    with pytest.raises(DataError, match="other folds than this run"):
        bench(VOTES)
    results = bench({**VOTES, "datasets": [{**DATASET, "fold": "part"}], "cv": "predefined"})
    assert any("out of fold" in note for note in results.datasets[0].notes)


def test_that_they_saw_no_answers_is_said_to_be_trust(bench, tables):
    notes = bench(VOTES).datasets[0].notes
    assert next(note for note in notes if "did not see the answers" in note).startswith("a, b, c: ")
    assert "c: 10 empty answers count as abstentions" in notes


def test_an_unknown_answer_abstains_and_a_declared_class_has_its_votes(bench, tables):
    tables(tables.votes.assign(a=["maybe", *tables.votes.a[1:]]))
    known = bench(VOTES)
    assert "a: 1 answers outside the known classes count as abstentions: 'maybe'" in known.datasets[0].notes
    declared = bench({**VOTES, "datasets": [{**DATASET, "classes": ["yes", "no", "maybe"]}]})
    assert declared.datasets[0].n_classes == 3
    assert means(declared)["a"] == means(known)["a"]


BAD = {
    "no id": ({}, lambda v, q: (v, q), {"id": None}, "say `id: COLUMN`"),
    "lost ids": ({}, lambda v, q: (v.iloc[2:], q), {}, r"2 of 30 rows of the dataset have no prediction \(ids 'q0', 'q1'\)"),
    "empty id": ({}, lambda v, q: (v.assign(id=["", *IDS[1:]]), q), {}, "1 rows have no 'id'"),
    "repeated ids": ({}, lambda v, q: (v.assign(id=["q1", *IDS[1:]]), q), {}, "column 'id' repeats 'q1'"),
    "repeated in the data": ({}, lambda v, q: (v, q.assign(id=["q1", *IDS[1:]])), {}, "repeats 'q1'"),
    "other classes": ({}, lambda v, q: (v.assign(a="perhaps"), q), {}, "none of its answers is a class, such as 'perhaps'"),
    "no answers": ({}, lambda v, q: (v.assign(a=""), q), {}, "it has no answers; the classes are 'no', 'yes'"),
    "unknown model": ({"model": "d"}, lambda v, q: (v, q), {}, "there is no model 'd'; the table has 'a', 'b', 'c'"),
    "no file": ({"path": "none.csv"}, lambda v, q: (v, q), {}, "there is no file"),
    "no id column": ({"id": "idd"}, lambda v, q: (v, q), {}, "there is no column 'idd'; did you mean 'id'"),
    "one fold": ({}, lambda v, q: (v.assign(fold=1), q), {}, "holds one fold only"),
    "lost fold": ({}, lambda v, q: (v.assign(fold=["", *"1" * 14, *"2" * 15]), q), {}, "column 'fold' is empty for id 'q0'"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_joined_is_said_before_anything_runs(case, bench, tables):
    params, change, dataset, message = BAD[case]
    tables(*change(tables.votes, tables.questions))
    with pytest.raises(DataError, match=message):
        bench({**VOTES, "datasets": [{**DATASET, **dataset}], "learners": {**ABC, "a": {**ABC["a"], **params}}})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learners": {"a": "predictions"}}, "needs a `path`"),
        ({"learners": {"a": {**ABC["a"], "encode": "linear"}}}, "no features to encode"),
        ({"learners": {"a": {**ABC["a"], "calibrate": "sigmoid"}}}, "are not fitted"),
        ({"learners": {"a": {**ABC["a"], "model": 3}}}, "'model' parameter"),
        ({"learners": {"a": {**ABC["a"], "modle": "x"}}}, "unknown parameter 'modle'"),
        ({"fusions": {"s": {"type": "stacking", "final_estimator": ABC["a"]}}}, "cannot be fitted"),
        ({"fusions": {"bag": "bagging"}}, "members"),
    ],
)
def test_what_predictions_cannot_do_is_an_error_of_the_spec(changes, message, bench, tables):
    with pytest.raises(SpecError, match=message):
        bench({**VOTES, **changes})


def test_ids_and_answers_alone_are_enough_unless_something_needs_features(bench, tables):
    tables(questions=tables.questions.drop(columns="x"))
    assert means(bench(VOTES))["a"] == pytest.approx(27 / 30)
    with pytest.raises(DataError, match="learner 'nb' needs some"):
        bench({**VOTES, "learners": {**ABC, "nb": "nb"}})
    with pytest.raises(SpecError, match="stacking needs features, 'q' has none"):
        bench({**VOTES, "fusions": {"s": {"type": "stacking", "passthrough": True}}})
