"""What a student keeps of its teacher, by hand."""

from dataclasses import replace

import pytest

from fusebench.judge import compare
from fusebench.judge.costs import costs_of
from fusebench.judge.distilled import gain_kept, student_alone

SPEC = {
    "learners": {
        "deep": {"type": "decision_tree", "encode": "auto", "max_depth": 9},
        "tree": {"type": "decision_tree", "encode": "auto", "calibrate": None, "grid": {}, "max_depth": 3},
        "lr": {"type": "lr"},
    },
    "fusions": {
        "fuse_student": {"type": "distillation", "student": {"type": "dt", "max_depth": 3}},
        "fuse_default": {"type": "distillation"},
        "fuse_other": {"type": "distillation", "student": "knn"},
    },
}


@pytest.mark.parametrize(
    ("scores", "kept"),
    [((0.85, 0.9, 0.8), 0.5), ((0.95, 0.9, 0.8), 1.5), ((0.75, 0.9, 0.8), -0.5), ((0.8, 0.8, 0.8), None)],
)
def test_the_share_of_the_gain_by_hand(scores, kept):
    assert gain_kept(*scores) == (None if kept is None else pytest.approx(kept))


def test_the_student_alone_is_the_learner_of_the_same_recipe():
    assert student_alone(SPEC, "fuse_student") == "tree"
    assert student_alone(SPEC, "fuse_default") == "lr"
    assert student_alone(SPEC, "fuse_other") == ""


def distilling(results, exact=(True, True)):
    """Return results whose fusion `fuse_student` learns from `fuse_teacher`, of 1000 bytes and two learners."""
    models = {one.id: one for one in results.models}
    models["fuse_student"] = replace(models["fuse_student"], type="distillation", members=("fuse_teacher",), alone=True)
    models["fuse_teacher"] = replace(models["fuse_teacher"], members=("tree", "lr"))
    told = {("d", "y", "fuse_student", 0, fold): {"exact": one} for fold, one in enumerate(exact)}
    return replace(results, models=tuple(models.values()), spec=SPEC, explanations=told)


def test_a_row_and_a_sentence_say_what_was_kept(make_results):
    columns = {"tree": [0.8, 0.8], "lr": [0.7, 0.7], "fuse_teacher": [0.9, 0.9], "fuse_student": [0.86, 0.88]}
    verdicts = compare(distilling(make_results(columns)))
    (row,) = verdicts.distilled
    assert (row.dataset, row.teacher, row.alone, row.exact) == ("d", "fuse_teacher", "tree", True)
    assert row.gain_kept == pytest.approx(0.7)
    # The teacher is 1000 bytes and its two members; the student needs no member.
    assert (row.size_ratio, row.latency_ratio) == pytest.approx((1 / 3, 1 / 3))
    assert any(
        "fuse_student keeps 70% of the gain of fuse_teacher over tree alone (+10.00 pts) on d (accuracy), "
        "at 0.333x of its bytes and 0.333x of its latency, exactly distilled." in said
        for said in verdicts.sentences
    )


def test_approximate_on_one_split_is_approximate(make_results):
    columns = {"lr": [0.7, 0.7], "tree": [0.95, 0.95], "fuse_teacher": [0.9, 0.9], "fuse_student": [0.86, 0.88]}
    verdicts = compare(distilling(make_results(columns), exact=(True, False)))
    (row,) = verdicts.distilled
    assert row.exact is False
    assert row.gain_kept is None
    assert any("had no gain to keep: fuse_teacher is no better than tree alone" in said for said in verdicts.sentences)


def test_a_model_that_predicts_alone_is_not_charged_with_its_members(make_results):
    columns = {"lr": [0.7, 0.7], "tree": [0.9, 0.9], "fuse_teacher": [0.9, 0.9], "fuse_student": [0.8, 0.9]}
    costs = costs_of(distilling(make_results(columns)), {"d"})
    assert (costs["fuse_teacher"].bytes, costs["fuse_student"].bytes) == (3000, 1000)
