"""Reading YAML: what is understood, and every mistake with its place."""

import time

import pytest

from fusebench import spec as specs
from fusebench.errors import SpecError
from fusebench.spec._scalars import scalar

GOOD = "datasets: [iris]\nlearners: {nb: gaussian_nb}\n"


def problems_of(tmp_path, text):
    path = tmp_path / "spec.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    try:
        source = specs.read(path)
    except SpecError as error:
        return error.problems
    _, problems = specs.parse(source)
    assert problems, "the spec is fine"
    return source.arrange(problems)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3), ("no", "no"), ("yes", "yes"), ("on", "on"), ("true", True), ("~", None), ("", None),
        ("0o17", 15), ("0x1F", 31), ("017", 17), ("1_000", "1_000"), ("12:30", "12:30"), ("2024-01-02", "2024-01-02"),
        (".5", 0.5), ("5.", 5.0), ("+3", 3), ("1.5e3", 1500.0), (".inf", float("inf")), ("null", None),
    ],
)  # fmt: skip
def test_scalars_of_yaml_1_2(text, value):
    assert scalar(text) == value
    assert type(scalar(text)) is type(value)


def test_quoted_scalars_stay_text(tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_text(GOOD + "name: '007'\n")
    assert specs.read(path).data["name"] == "007"


MISTAKES = [
    ("", "is empty", None),
    ("# only a comment\n", "is empty", None),
    ("- a\n", "got a list", (1, 1)),
    ("just text\n", "got a single value", (1, 1)),
    (GOOD + "---\n" + GOOD, "a second document begins here", (3, 1)),
    (b"\xff\xfe\n", "not UTF-8", None),
    (GOOD + "name: a\x00b\n", "NUL bytes", (3, 8)),
    ("datasets:\n\t- iris\n", "a tab indents this line", (2, 1)),
    ('datasets: "iris\n', "a quote is opened and never closed", (1, 11)),
    ("datasets: [iris]\nlearners:\n  nb: a\n  nb: b\n", "duplicate key 'nb', first on line 3", (4, 3)),
    ("a: &x [*x]\n", "stands inside what it names", (1, 8)),
    ("a: {<<: 1}\n", "merge keys", (1, 5)),
    ("a: !!python/object/apply:os.system [ls]\n", "the tag '!!python/object/apply:os.system' is not allowed", (1, 4)),
    ("a: !mine 1\n", "the tag '!mine' is not allowed", (1, 4)),
    ("a: *nothing\n", "has no anchor before it", (1, 4)),
    ("a: " + "[" * 60 + "\n", "nested deeper than 50 levels", (1, 53)),
    ("a: 1e400\n", "too large for a number", (1, 4)),
    ("? [1, 2]\n: 3\n", "a key must be a single value", (1, 3)),
    ("datasets: [iris\nlearners:\n  nb: nb\n", "a bracket is opened and never closed", (1, 11)),
    ("cv: {n_splits: 5\nname: a\n", "a bracket is opened and never closed", (1, 5)),
    ("a:\n  b 1\n  c: 2\n", "this line has no ':'", (2, 3)),
    ("name demo\ndatasets: [iris]\n", "this line has no ':'", (1, 1)),
    ("a: 1\nb 2\n", "this line has no ':'", (2, 1)),
    (GOOD + "name: a\x07b\n", "the character U+0007 is not allowed", (3, 8)),
    (GOOD + "name: a: b\n", "mapping values", (3, 8)),
]


@pytest.mark.parametrize(("text", "message", "place"), MISTAKES, ids=[str(n) for n in range(len(MISTAKES))])
def test_mistakes_of_yaml(tmp_path, text, message, place):
    (problem,) = problems_of(tmp_path, text)
    assert message in problem.message
    if place is not None:
        assert (problem.location.line, problem.location.column) == place


STRUCTURAL = [
    ("datasets: [iris]\nlearners: null\n", "a spec needs `learners`", (2, 11)),
    ("datasets: [iris]\nlearners:\n  nb:\n    C: 5\n", "a learner needs a `type`", (3, 3)),
    ("learners: [nb]\n", "a spec needs `datasets`", None),
    ("datasets: [iris]\n", "a spec needs `learners`", None),
    (GOOD + "fusion_s: {}\n", "unknown key 'fusion_s'", (3, 1)),
    (GOOD + "cv: {n_splits: 1}\n", "got 1, expected at least 2", (3, 16)),
    (GOOD + "cv: {n_splits: five}\n", "got 'five', expected a whole number", (3, 16)),
    (GOOD + "cv: {folds: 5}\n", "unknown key 'folds'", (3, 6)),
    (GOOD + "cv: {type: bogus}\n", "expected 'kfold'", (3, 12)),
    (GOOD + "random_state: -1\n", "expected a whole number from 0", (3, 15)),
    (GOOD + "random_state: true\n", "expected a whole number from 0", (3, 15)),
    (GOOD + "resources: {timeout: 0}\n", "expected a time above 0", (3, 22)),
    (GOOD + "resources: {timeout: -1}\n", "expected a time above 0", (3, 22)),
    (GOOD + "resources: {timeout: soon}\n", "expected a time above 0", (3, 22)),
    (GOOD + "resources: {memory: lots}\n", "expected a size above 0", (3, 21)),
    (GOOD + "name: ../../etc\n", "name '../../etc' is not allowed", (3, 7)),
    (GOOD + "name: /etc/passwd\n", "is not allowed", (3, 7)),
    (GOOD + f"name: {'x' * 101}\n", "has 101 characters", (3, 7)),
    (GOOD + "name: 2024-01-02\nscoring: 5\n", "expected a metric", (4, 10)),
    ("datasets: iris\nlearners: {nb: {type: nb, var_smoothing: .nan}}\n", "expected a finite number", (2, 42)),
    ("datasets: [iris]\nlearners: {nb: 5}\n", "got 5, expected a learner's type", (2, 16)),
    ("datasets: [iris]\nlearners: {nb: {C: 5}}\n", "a learner needs a `type`", (2, 16)),
    ("datasets: [iris, iris]\nlearners: [nb]\n", "duplicate dataset 'iris'", (1, 18)),
    ("datasets: [iris]\nlearners: [nb, nb]\n", "duplicate id 'nb'", (2, 16)),
    ("datasets: [iris]\nlearners: {oracle: nb}\n", "reserved for a reference", (2, 12)),
    ("datasets: [iris]\nlearners: {'a\\tb': nb}\n", "is not allowed", None),
    (GOOD + "fusions: {nb: voting}\n", "duplicate id 'nb'", (3, 11)),
    (GOOD + "fusions: {v: {type: voting, members: [nb, zz]}}\n", "no learner or fusion is called 'zz'", (3, 43)),
    (GOOD + "fusions: {v: {type: voting, members: [nb, nb]}}\n", "duplicate member 'nb'", (3, 43)),
    (GOOD + "fusions: {v: {type: voting, members: []}}\n", "the list of members is empty", (3, 38)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message", "place"), STRUCTURAL, ids=[str(n) for n in range(len(STRUCTURAL))])
def test_structural_mistakes(tmp_path, text, message, place):
    (problem,) = problems_of(tmp_path, text)
    assert message in problem.message
    if place is not None:
        assert (problem.location.line, problem.location.column) == place


def test_the_message_is_the_documented_one(tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_text("datasets: [iris]\nlearners:\n  xgb: {type: xgboost}\nfusoins: {}\n")
    source = specs.read(path)
    _, problems = specs.parse(source)
    assert str(SpecError(source.arrange(problems))) == (
        f"{path}:4:1: fusoins: unknown key 'fusoins'\n"
        "  4 | fusoins: {}\n"
        "    | ^^^^^^^ did you mean 'fusions'?\n"
        "1 error, nothing was run"
    )


def test_all_mistakes_at_once_in_the_order_of_the_file(tmp_path):
    text = (
        "datasets: [iris, iris]\nlearners: {nb: 5, lr: lr}\ncv: {n_splits: 1, n_repeats: 0}\nresources: {timeout: x}\n"
    )
    lines = [problem.location.line for problem in problems_of(tmp_path, text)]
    assert lines == [1, 2, 3, 3, 4]


def test_a_cycle_is_named(tmp_path):
    text = GOOD + "fusions:\n  a: {type: voting, members: [b]}\n  b: {type: voting, members: [c]}\n"
    text += "  c: {type: voting, members: [a, nb]}\n"
    (problem,) = problems_of(tmp_path, text)
    assert "a -> b -> c -> a" in problem.message


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "a: " * 100_000,
        "{a: " * 50_000,
        "- " * 100_000,
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"k{n}: &k{n} [{','.join(['*a' if n == 0 else f'*k{n - 1}'] * 9)}]\n" for n in range(9)),
        "x" * 2_000_000,
        "a: '" + "\\" * 500_000,
        "\n".join(f"k{n}: [1, 2, {{a: b}}]" for n in range(30_000)),
    ],
    ids=["depth", "colons", "maps", "dashes", "aliases", "size", "escapes", "keys"],
)
def test_hostile_text_is_refused_within_a_second(tmp_path, text):
    begun = time.process_time()  # of this process alone: a busy machine changes nothing
    assert problems_of(tmp_path, text)
    assert time.process_time() - begun < 3  # a guard against hanging, not a measurement


def test_control_characters_do_not_reach_the_terminal(tmp_path):
    (problem,) = problems_of(tmp_path, GOOD + 'na"me\u202e: 1\n')
    assert "\u202e" not in str(SpecError([problem]))


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(SpecError, match="there is no such file"):
        specs.read(tmp_path / "absent.yaml")
    with pytest.raises(SpecError, match="is a folder"):
        specs.read(tmp_path)
