"""``compress:`` in a spec: what it adds to a benchmark, and what it refuses."""

import csv
import json
from io import StringIO

import pytest

from fusebench import api
from fusebench.engine.check import resolve_fusion
from fusebench.engine.expansion import blueprint_of
from fusebench.errors import SpecError

pytestmark = pytest.mark.usefixtures("in_this_process")

LEARNERS = {
    "rf": {"type": "random_forest", "n_estimators": 10},
    "mlp": {"type": "mlp", "hidden_layer_sizes": [16], "max_iter": 40},
    "tree": {"type": "decision_tree", "max_depth": 3},
    "knn": {"type": "knn", "grid": {"n_neighbors": [3, 5]}},
}


def spec(compress, learners=LEARNERS, **fusions):
    main = {"type": "voting", "voting": "soft", "members": ["rf", "mlp", "tree"], "compress": compress}
    return {"datasets": ["iris"], "learners": learners, "fusions": {**fusions, "vote": main}}


def problems(data):
    with pytest.raises(SpecError) as caught:
        api.spec_from({"name": "test", **data})
    return [one.message for one in caught.value.problems]


def blueprint(data):
    loaded = api.spec_from({"name": "test", **data}).spec
    return blueprint_of(
        loaded.model_copy(update={"fusions": {n: resolve_fusion(f) for n, f in loaded.fusions.items()}})
    )


def test_every_compression_is_a_model_beside_the_full_fusion():
    student = {"type": "distillation", "student": {"type": "decision_tree", "max_depth": 3}}
    found = blueprint(spec(["int8", "half", {"type": "trees", "keep": 0.3}, "pruned", student]))
    assert found.variant_of == dict.fromkeys(
        ["vote+int8", "vote+half", "vote+trees[keep=0.3]", "vote+pruned", "vote+distillation[student=decision_tree]"],
        "vote",
    )
    assert found.fusions["vote+int8"].members == ("rf", "mlp+int8", "tree")
    assert found.fusions["vote+trees[keep=0.3]"].members == ("rf+trees[keep=0.3]", "mlp", "tree")
    assert found.learners["rf+trees[keep=0.3]"].params == {"n_estimators": 3}
    assert found.fusions["vote+pruned"].members == ("rf", "mlp", "tree")
    assert found.fusions["vote+distillation[student=decision_tree]"].members == ("vote",)
    assert "vote" in found.oof_of
    for reference in ("best_single", "uniform_average", "oracle"):
        assert found.fusions[reference].members == ("rf", "mlp", "tree", "knn[n_neighbors=3]", "knn[n_neighbors=5]")


def test_members_that_are_fusions_are_compressed_too():
    data = spec(["half"], inner={"type": "averaging", "members": ["mlp", "tree"]})
    data["fusions"]["vote"]["members"] = ["rf", "inner"]
    found = blueprint(data)
    assert found.fusions["vote+half"].members == ("rf", "inner+half")
    assert found.fusions["inner+half"].members == ("mlp+half", "tree")
    assert found.variant_of == {"vote+half": "vote"}


@pytest.mark.parametrize(
    ("compress", "message"),
    [
        (["int9"], "unknown compression 'int9'"),
        ([{"type": "trees", "keep": 1.0}], "got 1.0, expected less than 1"),
        ([{"type": "trees", "kept": 0.5}], "unknown parameter 'kept'"),
        ([{"type": "magnitude", "amount": "much"}], "expected a valid number"),
        ([{"type": "distillation", "student": "forest"}], "unknown learner 'forest'"),
        (["half", "half"], "duplicate compression 'half'"),
        ([], "the list is empty"),
        (3, "got 3, expected a compression's type"),
    ],
)
def test_parameters_are_checked_before_anything_is_fitted(compress, message):
    assert any(message in one for one in problems(spec(compress)))


def test_what_does_not_apply_is_refused_with_what_does():
    data = spec(["int8"])
    data["fusions"]["vote"]["members"] = ["rf", "tree"]
    (message,) = problems(data)
    assert message.startswith("int8 does not apply to 'vote': none of its members (rf, tree) is one of mlp, torch_mlp,")
    assert message.endswith("what applies is distillation, pruned, trees")
    bagged = {"type": "bagging", "estimator": "decision_tree", "compress": ["trees"]}
    (message,) = problems({**spec(["half"], bag=bagged)})
    assert "'bagging' trains models of its own" in message
    assert message.endswith("what applies is distillation")
    alone = {"type": "averaging", "members": ["mlp"], "compress": "pruned"}
    assert problems(spec(["half"], alone=alone))[0].startswith("pruned does not apply to 'alone': it has 1 member;")


def test_a_learner_can_be_compressed_by_itself():
    data = spec(["half"])
    data["learners"] = {**LEARNERS, "small": {**LEARNERS["rf"], "compress": {"type": "trees", "keep": 0.2}}}
    assert blueprint(data).learners["small"].params["n_estimators"] == 2
    data["learners"]["small"] = {**LEARNERS["rf"], "compress": "int8"}
    assert problems(data) == ["int8 does not apply to 'random_forest', only to mlp, torch_mlp, transformer"]
    data["learners"]["small"] = {**LEARNERS["mlp"], "calibrate": "sigmoid", "compress": "int8"}
    assert problems(data)[0].startswith("int8 does not apply to a calibrated 'mlp'")
    data["learners"]["small"] = {**LEARNERS["mlp"], "compress": "pruned"}
    assert problems(data) == ["pruned is a compression of fusions; write it under the fusion's `compress`"]


def test_an_id_that_is_taken():
    assert (
        "the id 'mlp+half' of what it adds is taken"
        in problems(spec(["half"], learners={**LEARNERS, "mlp+half": "decision_tree"}))[0]
    )


def test_the_spec_of_a_run_reads_back(tmp_path):
    from fusebench import spec as specs

    data = spec([{"type": "distillation", "student": {"type": "decision_tree"}}, "half"])
    data["learners"] = {**LEARNERS, "small": {**LEARNERS["mlp"], "compress": "half"}}
    loaded = api.spec_from({"name": "test", **data})
    path = tmp_path / "spec.yaml"
    path.write_text(specs.dump(loaded.spec))
    assert api.load_spec(path).spec == loaded.spec


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run with every kind of compression, by one worker, and what it wrote."""
    folder = tmp_path_factory.mktemp("compress")
    tree = {"type": "decision_tree", "max_depth": 3}
    data = spec(["half", {"type": "trees", "keep": 0.2}, "pruned", {"type": "distillation", "student": tree}])
    del data["learners"]["knn"]
    loaded = api.spec_from({"name": "test", "cv": {"n_splits": 3, "inner": 3}, **data}, base=folder)
    place = api.settings(store=folder / "store", n_jobs=1)
    planned = api.make_plan(loaded, place)
    results = api.collect(planned, api.execute(planned, place, api.SilentProgress()), place)
    verdicts = api.compare(results)
    api.write_run(results, verdicts, folder / "run")
    return results, verdicts, folder


def test_scores_and_costs_of_all_forms(finished):
    results, verdicts, folder = finished
    assert not results.failures
    rows = {row.model: row for row in verdicts.compressed}
    assert list(rows) == [
        "vote", "vote+half", "vote+trees[keep=0.2]", "vote+pruned", "vote+distillation[student=decision_tree]",
    ]  # fmt: skip
    board = {row.model: row for row in verdicts.leaderboard}
    assert all(rows[name].mean_score == board[name].mean_score for name in rows)
    assert rows["vote"].bytes_ratio == rows["vote"].cpu_ratio == 1
    assert rows["vote+trees[keep=0.2]"].bytes_ratio < 0.6
    assert rows["vote+distillation[student=decision_tree]"].bytes_ratio < 0.2
    assert rows["vote+pruned"].bytes <= rows["vote"].bytes + 2000
    assert rows["vote+half"].cpu_seconds >= board["mlp"].fit_seconds_total
    written = list(csv.DictReader(StringIO((folder / "run" / "compressed.csv").read_text())))
    assert [row["model"] for row in written] == list(rows)
    assert len(json.loads((folder / "run" / "summary.json").read_text())["compressed"]) == len(rows)


def test_pruned_is_the_fusion_of_the_members_that_it_kept(finished):
    results, _, _ = finished
    kept = {key[3:]: told["members_used"] for key, told in results.explanations.items() if key[2] == "vote+pruned"}
    assert len(kept) == 3
    assert all(set(names) <= {"rf", "mlp", "tree"} and names for names in kept.values())


def test_reports_show_the_compressed_forms(finished):
    results, verdicts, _ = finished
    for name in ("table", "markdown"):
        text = api.render(results, verdicts, name)
        assert "vote, compressed" in text
        assert "pruned" in text.split("vote, compressed")[1]


def test_the_run_folder_reads_back(finished):
    _, verdicts, folder = finished
    from fusebench import report

    again = report.read_run(folder / "run")
    assert api.compare(again).compressed == verdicts.compressed


def test_what_is_shared_with_the_full_fit_changes_nothing(finished, tmp_path):
    """A worker that fitted the plain network just before compresses that; another one fits it anew."""
    results, _, _ = finished
    learners = {name: one for name, one in LEARNERS.items() if name != "knn"}
    alone = {**learners["mlp"], "compress": "half"}
    data = {"datasets": ["iris"], "learners": {"small": alone}, "cv": {"n_splits": 3, "inner": 3}}
    loaded = api.spec_from({"name": "test", **data}, base=tmp_path)
    place = api.settings(store=tmp_path / "store", n_jobs=1)
    planned = api.make_plan(loaded, place)
    single = api.collect(planned, api.execute(planned, place, api.SilentProgress()), place)
    assert [row.score for row in single.scores if row.model == "small"] == [
        row.score for row in results.scores if row.model == "mlp+half"
    ]


def test_pareto_front_by_hand():
    from fusebench.judge.compressed import dominated

    points = {"a": (0.9, 10.0), "b": (0.9, 5.0), "c": (0.8, 5.0), "d": (0.7, 1.0), "e": (0.7, 1.0)}
    assert [name for name in points if not dominated(name, points)] == ["b", "d", "e"]


def test_a_distilled_student_is_set_against_the_same_learner_alone(finished):
    _, verdicts, _ = finished
    (row,) = [one for one in verdicts.distilled if one.metric == "accuracy"]
    assert (row.model, row.teacher, row.alone) == ("vote+distillation[student=decision_tree]", "vote", "tree")
    assert row.alone_score is not None
