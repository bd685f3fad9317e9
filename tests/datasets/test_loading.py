"""What a table becomes: kinds of columns, targets, fields of an entry, fingerprints, saving and opening."""

import numpy as np
import pandas as pd
import pytest

from fusebench import datasets
from fusebench import spec as specs
from fusebench.errors import DataError
from fusebench.spec.model import DatasetSpec

N = 60


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "number": rng.normal(size=N),
            "count": np.arange(N) % 7,
            "flag": rng.random(N) < 0.5,
            "colour": rng.choice(["red", "green", "NA"], N),
            "day": pd.date_range("2024-01-01", periods=N).strftime("%Y-%m-%d"),
            "story": [f"a long story about number {n} that nobody has told in quite these words" for n in range(N)],
            "odd [name] {\u00fc}": rng.normal(size=N),
            "y": rng.choice(["yes", "no"], N),
        }
    )


def load(tmp_path, frame, suffix="csv", **entry):
    path = tmp_path / f"t.{suffix}"
    if "parquet" in suffix:
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="\t" if "tsv" in suffix else ",")
    return datasets.load(specs.dataset({"name": "t", "path": path.name, "target": "y", **entry}), tmp_path)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "csv.gz", "csv.bz2", "csv.xz", "csv.zip", "parquet"])
def test_kinds_of_columns_survive(tmp_path, frame, suffix):
    found = load(tmp_path, frame, suffix)
    kinds = {
        name: dtype.kind if not isinstance(dtype, pd.CategoricalDtype) else "c"
        for name, dtype in found.X.dtypes.items()
    }
    assert kinds == {
        "number": "f", "count": "i", "flag": "b", "colour": "c", "day": "M", "story": "O", "odd [name] {\u00fc}": "f",
    }  # fmt: skip
    assert found.text == ("story",)
    assert list(found.X["colour"].cat.categories) == ["NA", "green", "red"]
    (target,) = found.targets
    assert (target.target_type, list(target.classes)) == ("binary", ["no", "yes"])
    np.testing.assert_array_equal(target.classes[target.y], frame.y)


def test_missing_cells_stay_missing(tmp_path, frame):
    frame.loc[:4, ["number", "count", "colour"]] = None
    found = load(tmp_path, frame)
    assert found.X[["number", "count", "colour"]].isna().sum().tolist() == [5, 5, 5]
    assert any("missing" in note for note in found.notes)


def test_the_fingerprint_is_of_the_content(tmp_path, frame):
    one = load(tmp_path, frame).fingerprint
    assert load(tmp_path, frame, "parquet").fingerprint == one
    assert load(tmp_path, frame, "csv.gz").fingerprint == one
    changed = frame.copy()
    changed.loc[3, "count"] += 1
    assert load(tmp_path, changed).fingerprint != one
    assert load(tmp_path, frame.rename(columns={"count": "n"})).fingerprint != one
    assert load(tmp_path, frame, drop="flag").fingerprint != one


def test_saving_and_opening_gives_the_same_dataset(tmp_path, frame):
    frame.loc[:4, ["number", "colour"]] = None
    frame["g"] = np.arange(N) // 6
    found = load(tmp_path, frame, group="g")
    datasets.save(found, tmp_path / "saved")
    again = datasets.open_saved(tmp_path / "saved")
    pd.testing.assert_frame_equal(found.X, again.X, check_column_type=False)
    np.testing.assert_array_equal(found.groups, again.groups)
    np.testing.assert_array_equal(found.targets[0].y, again.targets[0].y)
    assert list(found.targets[0].classes) == list(again.targets[0].classes)
    assert (found.fingerprint, found.notes, found.text) == (again.fingerprint, again.notes, again.text)
    assert not list((tmp_path / "saved").glob("*.pkl"))


def test_fields_of_an_entry(tmp_path, frame):
    kept = load(tmp_path, frame, exclude={"colour": ["red", "green"]})
    assert len(kept.X) == (frame.colour == "NA").sum()
    assert (
        len(load(tmp_path, frame.assign(colour=frame.colour.where(frame.colour != "red")), exclude={"colour": None}).X)
        == (frame.colour != "red").sum()
    )
    some, again = (load(tmp_path, frame, sample=20) for _ in range(2))
    assert len(some.X) == 20
    assert some.fingerprint == again.fingerprint
    assert some.preprocessing != load(tmp_path, frame).preprocessing
    assert len(load(tmp_path, frame, sample=10_000).X) == N
    doubled = pd.concat([frame, frame.iloc[:10]])
    assert len(load(tmp_path, doubled, dedupe=True).X) == N
    assert "number" not in load(tmp_path, frame, drop="number").X
    assert load(tmp_path, frame, na_values="red").X["colour"].isna().sum() == (frame.colour == "red").sum()
    assert isinstance(load(tmp_path, frame, categorical="count").X["count"].dtype, pd.CategoricalDtype)
    frame["w"] = 2.0
    assert load(tmp_path, frame, weights="w").weights.tolist() == [2.0] * N
    frame.loc[0, "number"] = np.inf
    assert np.isnan(load(tmp_path, frame, inf="nan").X["number"].iloc[0])


def test_a_time_column_orders_the_rows(tmp_path, frame):
    shuffled = frame.sample(frac=1, random_state=0)
    found = load(tmp_path, shuffled, time="day")
    assert "day" not in found.X
    np.testing.assert_allclose(found.X["number"], frame.number)
    assert any("sorted by their time column 'day'" in note for note in found.notes)
    assert not any("sorted" in note for note in load(tmp_path, frame, time="day").notes)
    assert any("share a time" in note for note in load(tmp_path, frame, time="count").notes)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.arange(N) * 1.5, "continuous"), (np.arange(N) % 3, "multiclass"), (np.arange(N) % 2, "binary"),
        (np.arange(N), "continuous"), (["a", "b", "c"] * 20, "multiclass"), ([True, False] * 30, "binary"),
    ],
)  # fmt: skip
def test_target_types(tmp_path, frame, values, kind):
    frame["y"] = values
    assert load(tmp_path, frame).targets[0].target_type == kind
    if kind == "multiclass" and not isinstance(values, list):
        assert load(tmp_path, frame, target_type="continuous").targets[0].target_type == "continuous"


def test_several_targets_may_have_missing_values(tmp_path, frame):
    frame["z"] = np.arange(N) * 1.5
    frame.loc[:9, "z"] = None
    found = load(tmp_path, frame, target=["y", "z"])
    assert [one.target_type for one in found.targets] == ["binary", "continuous"]
    assert found.targets[1].missing.sum() == 10


def test_a_registry_beside_the_spec_wins(tmp_path, frame):
    frame.to_csv(tmp_path / "own.csv", index=False)
    (tmp_path / "datasets.yaml").write_text("iris: {source: file, path: own.csv, target: y}\n")
    spec = specs.parse(specs.from_mapping({"datasets": "iris", "learners": ["nb"]}))[0].datasets[0]
    assert len(datasets.load(datasets.resolve(spec, tmp_path), tmp_path).X) == N


def test_identity_follows_the_file(tmp_path, frame):
    frame.to_csv(tmp_path / "t.csv", index=False)
    spec = specs.dataset({"name": "t", "path": "t.csv", "target": "y"})
    one = datasets.identity(spec, tmp_path)
    assert datasets.identity(spec, tmp_path) == one
    frame.iloc[1:].to_csv(tmp_path / "t.csv", index=False)
    assert datasets.identity(spec, tmp_path) != one


def test_products_make_a_second_target_of_bundled_columns(tmp_path):
    found = datasets.load(datasets.resolve(DatasetSpec(name="iris_petals"), tmp_path), tmp_path)
    species, area = found.targets
    assert (species.target_type, area.target_type, found.X.shape) == ("multiclass", "continuous", (150, 4))
    np.testing.assert_allclose(area.y, found.X["petal length (cm)"] * found.X["petal width (cm)"])
    wrong = DatasetSpec(name="iris", source="sklearn", options={"products": {"area": ["length"]}})
    with pytest.raises(DataError, match=r"iris: products: 'area' is of 'length'; the columns are sepal length \(cm\),"):
        datasets.load(wrong, tmp_path)
