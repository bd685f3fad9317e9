"""Every format: golden files, hostile names, sizes."""

import csv
import html.parser
import io
import json
import time
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from fusebench import api, judge, report

GOLDEN = Path(__file__).parent / "golden"
SUFFIX = {"html": "html", "json": "json", "latex": "tex"}
HOSTILE = [
    "<script>alert(1)</script>", "[/]", "[bold red]x", "=cmd()", "+1", "@SUM(A1)", "a\x1b[31mred", "x\r\ny", "long" * 75,
    "\u202etxet", "עברית", "a&b\"'", "\\end{table}%$_#", "|a|`b`", "</style><img src=x onerror=alert(1)>", "{{ 7*7 }}",
    "::error::x", "%0A::error::x",
]  # fmt: skip
FORMATS = report.REGISTRY.names()


def rendered(results, name):
    return api.render(results, api.compare(results), name)


@pytest.mark.parametrize("name", SUFFIX)
def test_golden_files(name, make_suite):
    """To renew them after a change that is meant: write what `rendered` returns to the file."""
    assert rendered(make_suite(), name) == (GOLDEN / f"suite.{SUFFIX[name]}").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_renders_the_same_bytes_twice_and_without_scores(name, make_suite):
    results = make_suite()
    assert rendered(results, name) == rendered(results, name)
    nothing = replace(results, scores=(), costs=(), totals={}, contributions=(), diagnoses=(), explanations={})
    assert isinstance(rendered(nothing, name), str)


class _Tags(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes


def test_names_are_never_markup(make_suite):
    results = make_suite(learners=("lr", *HOSTILE), fusions=("vote",), datasets=HOSTILE[:6])
    verdicts = api.compare(results)
    texts = {name: api.render(results, verdicts, name) for name in FORMATS}
    for text in texts.values():
        assert not {"\x1b", "\u202e"} & set(text)
    page = _Tags()
    page.feed(texts["html"])
    assert page.tags.count("script") == 1
    assert not {"img", "iframe", "object"} & set(page.tags)
    assert not [key for key, _ in page.attributes if key.startswith("on") or key == "style"]
    cells = [cell for row in csv.reader(io.StringIO(texts["csv"])) for cell in row]
    assert not [cell for cell in cells if cell[:1] in "=+@\t" and cell]
    ET.fromstring(texts["junit"].encode())
    commands = [line for line in texts["github"].splitlines() if not line.startswith(("::notice", "::warning"))]
    assert commands == []
    assert json.loads(texts["json"])["name"] == "suite"


@pytest.mark.parametrize("columns", ["80", "100", "140", "nonsense", "-5"])
def test_the_terminal_table_fits_its_window(columns, make_suite, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    results = make_suite(learners=("lr", "a_rather_long_name_of_a_learner", *HOSTILE), datasets=["[/]data", "b"])
    text = rendered(results, "table")
    width = int(columns) if columns.isdecimal() else 100
    assert max(map(len, text.splitlines())) <= width
    assert ("1 row" in text) == (columns == "140")
    assert "[/]data" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("plain", [True, False])
def test_no_color_means_no_colour(plain, make_suite, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if plain:
        monkeypatch.setenv("NO_COLOR", "1")
    assert ("\x1b[" in rendered(make_suite(), "table")) != plain


@pytest.mark.parametrize(("n_models", "metrics"), [(8, ("accuracy", "roc_auc")), (40, ("accuracy", "f1", "recall"))])
def test_fifty_datasets_stay_small_and_quick(n_models, metrics, make_suite):
    learners, fusions = (tuple(f"{kind}{at}" for at in range(n_models)) for kind in ("learner", "fusion"))
    results = make_suite(50, learners, fusions[:8], metrics=metrics)
    found = judge.compare(make_suite(1, learners, fusions[:8], metrics=metrics))
    verdicts = replace(found, per_dataset={f"data{at}": found.per_dataset["data0"] for at in range(50)})
    begun = time.process_time()
    page = api.render(results, verdicts, "html")
    assert time.process_time() - begun < 10
    assert len(page.encode()) < 1_000_000
    assert page.count("<rect") >= 50 * n_models


def test_the_page_says_the_verdict_first_and_loads_nothing(make_suite):
    text = rendered(make_suite(), "html")
    order = [
        "verdict",
        "leaderboard",
        "ranks",
        "datasets",
        "costs",
        "contributions",
        "calibration",
        "failures",
        "environment",
    ]
    places = [text.index(f'<section id="{one}"') for one in order]
    assert places == sorted(places)
    assert "http" not in text.replace("http-equiv", "").replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "too &lt;b&gt;few&lt;/b&gt; rows" in text


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_plots_have_the_same_bytes_twice(kind, make_suite, tmp_path):
    from fusebench.report import _drawing, _figures

    results = make_suite()
    drawing = _figures.heat_map(api.compare(results), "accuracy")
    for name in "ab":
        _drawing.save(drawing, tmp_path / f"{name}.{kind}")
    assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()
    assert (tmp_path / f"a.{kind}").stat().st_size > 1000


def test_all_figures_are_made(make_suite):
    from fusebench.report import _figures

    results = make_suite(6)
    names = {name for name, _ in _figures.figures(results, api.compare(results))}
    assert {
        "intervals_accuracy",
        "critical_difference_accuracy",
        "datasets_accuracy",
        "contributions",
        "calibration",
    } < names
    assert {f"pareto_{cost}_accuracy" for cost in ("fit_seconds_total", "latency_us", "bytes")} < names


def test_report_renders_a_folder_again(fusebench, make_suite, tmp_path):
    results = make_suite()
    api.write_run(results, api.compare(results), tmp_path / "run")
    done = fusebench("report", "run", "--html", "page.html", "--format", "latex")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "page.html").read_bytes() == (tmp_path / "run" / "report.html").read_bytes()
    assert r"\toprule" in done.stdout
    assert fusebench("report", "run").stdout.startswith("\naccuracy on 3 datasets")
    (tmp_path / "run" / "summary.json").unlink()
    broken = fusebench("report", "run")
    assert (broken.returncode, "half written" in broken.stderr) == (3, True)
    for arguments in (
        ["report", "."],
        ["report", "absent"],
        ["report", "run", "--format", "pdf"],
        ["report", "run", "--plot-format", "gif"],
    ):
        assert fusebench(*arguments).returncode == 2
