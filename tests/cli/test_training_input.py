"""What training learners and fusions refuse, with the exit code and the message that a user gets."""

import numpy as np
import pandas as pd
import pytest
import yaml

from fusebench.errors import SpecError

NET = "{type: torch_mlp, hidden_layer_sizes: [4], max_epochs: 2}"
HEAD = "name: t\ndatasets: [iris_petals]\nscoring: {classification: [accuracy], regression: [r2]}\n"


def spec(tmp_path, text):
    path = tmp_path / "spec.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "learners: {nb: nb, dt: dt}\nfusions: {a: {type: distillation, members: [b]}, b: {type: voting, members: [a, nb]}}",
            "a fusion cannot be its own member: a -> b -> a",
        ),
        ("learners: {knn: knn}\nfusions: {b: {type: boosting}}", "'knn' takes no sample_weight"),
        ("learners: {nb: nb}\nfusions: {d: {type: distillation, augmentation: -1}}", "greater than or equal to 0"),
    ],
)
def test_refused_before_anything_is_fitted(fusebench, tmp_path, text, message):
    done = fusebench("run", spec(tmp_path, f"name: t\ndatasets: [iris]\n{text}\n"))
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "nothing was run" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("learners: {m: {type: torch_multitask, lambdas: [1, -2]}}", "each must be a finite number of at least 0"),
        ("learners: {m: {type: torch_multitask, lambdas: [1, 1, 1]}}", "lambdas: got 3, expected 2"),
        ("learners: {m: {type: torch_multitask, lambdas: much}}", "expected a list of numbers, one per target"),
        ("learners: {m: {type: torch_multitask, weighting: equal}}", "weighting"),
        ("learners: {m: {type: torch_mlp, device: cuda}}", "PyTorch finds no GPU here; use device: cpu"),
        ("learners: {m: {type: torch_multitask, device: cuda}}", "PyTorch finds no GPU here; use device: cpu"),
        (
            f"learners: {{a: {NET}, b: {NET.replace('[4]', '[5]')}}}\nfusions: {{s: {{type: soup}}}}",
            "'b' has another architecture than 'a'",
        ),
        (
            f"learners: {{dt: dt}}\nfusions: {{s: {{type: soup, estimator: {NET}, n_seeds: 1}}}}",
            "a soup needs at least 2",
        ),
        ("learners: {dt: dt}\nfusions: {s: {type: soup}}", "'dt' is no torch_mlp"),
        ("learners: {dt: dt}\nfusions: {s: {type: merge, method: mean}}", "'average', 'task_arithmetic'"),
        (
            "learners: {dt: dt}\nfusions: {s: {type: transfer, sources: [moon]}}",
            "'moon' is no dataset of this benchmark",
        ),
    ],
)
def test_networks_refused_before_anything_is_fitted(bench, text, message):
    """In this process, because each start of another imports PyTorch; the exit code of a SpecError is 2."""
    torch = pytest.importorskip("torch")
    if "cuda" in text and torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(SpecError) as error:
        bench(yaml.safe_load(f"{HEAD}{text}\n"))
    assert message in str(error.value)
    assert error.value.exit_code == 2


@pytest.mark.slow
def test_a_loss_that_is_not_finite_names_the_epoch_and_the_learning_rate(fusebench, tmp_path):
    pytest.importorskip("torch")
    net = "{type: torch_multitask, optimizer: sgd, learning_rate: 1e30}"
    done = fusebench(
        "run",
        spec(tmp_path, f"{HEAD}cv: {{n_splits: 2, inner: 2}}\nlearners: {{net: {net}, dt: dt}}\n"),
        "--out",
        "out",
    )
    assert done.returncode == 4, done.stderr
    failures = pd.read_csv(tmp_path / "out" / "failures.csv").query("model == 'net'")
    assert set(failures["target"]) == {"target", "petal area (cm2)"}
    assert failures["detail"].str.contains(r"in epoch \d+ with learning_rate=1e\+30; lower learning_rate").all()
    assert set(pd.read_csv(tmp_path / "out" / "scores.csv").query("target == 'target'")["model"]) >= {
        "dt",
        "best_single",
    }


@pytest.mark.slow
def test_targets_of_which_one_is_constant_in_a_fold(fusebench, tmp_path):
    pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(80, 2)), columns=["a", "b"])
    frame["main"] = np.where(frame["a"] > 0, "up", "down")
    frame["rare"] = np.where(np.arange(80) < 60, "never", np.where(frame["b"] > 0, "some", "never"))
    frame["amount"] = np.where(np.arange(80) < 60, 3.0, frame["a"])
    frame.to_csv(tmp_path / "blocks.csv", index=False)
    done = fusebench(
        "run",
        spec(
            tmp_path,
            "name: t\ndatasets: [{name: blocks, source: file, path: blocks.csv, target: [main, rare, amount]}]\n"
            f"learners: {{net: {NET.replace('torch_mlp', 'torch_multitask')}, one: {NET}, dt: dt}}\n"
            "fusions: {mean: averaging}\ncv: {type: time_series, n_splits: 3, inner: 2}\n"
            "scoring: {classification: [accuracy], regression: [neg_mean_squared_error]}\n",
        ),
        "--out",
        "out",
    )
    assert done.returncode == 0, done.stderr
    scores = pd.read_csv(tmp_path / "out" / "scores.csv")
    assert scores.groupby(["target", "model"]).size().eq(3).all()
    assert {"net", "one", "dt", "mean"} <= set(scores["model"])
    first = scores.query("target == 'rare' and fold == 0").set_index("model")["score"]
    assert first["net"] == first["one"] == first["dt"] == 1.0
