"""``fusebench stats``: the statistics alone, on any score table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from fusebench.errors import UsageError

Scores = Annotated[Path, typer.Argument(metavar="SCORES.csv", help="Tidy or wide.", show_default=False)]
Rope = Annotated[float | None, typer.Option(help="Differences up to this one do not matter.")]
Alpha = Annotated[float, typer.Option(help="Level of the family-wise error.")]
Against = Annotated[str | None, typer.Option("--baseline", metavar="MODEL", help="Compare with this model only.")]
Impute = Annotated[bool, typer.Option("--impute", help="Give missing scores the worst of their fold, and say so.")]
Lower = Annotated[bool, typer.Option("--lower-is-better", help="The scores are losses.")]
Ratio = Annotated[float | None, typer.Option("--test-train-ratio", help="Test rows over training rows.")]
Metric = Annotated[str | None, typer.Option(help="Which one of several.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(stats)


def stats(
    scores: Scores,
    rope: Rope = None,
    alpha: Alpha = 0.05,
    baseline: Against = None,
    impute: Impute = False,
    lower_is_better: Lower = False,
    test_train_ratio: Ratio = None,
    metric: Metric = None,
    format: Annotated[str, typer.Option(metavar="table|json")] = "table",  # noqa: A002 - the flag is --format
) -> None:
    """Compare the models of a score table, also another tool's."""
    import json

    from fusebench import api

    if format not in {"table", "json"}:
        raise UsageError(f"--format: unknown format '{format}'; there is table and json")
    found = api.statistics(
        scores,
        rope=rope,
        alpha=alpha,
        baseline=baseline,
        impute=impute,
        metric=metric,
        lower_is_better=lower_is_better,
        test_train_ratio=test_train_ratio,
    )
    if format == "json":
        typer.echo(json.dumps(found, indent=1, allow_nan=False, ensure_ascii=False))
    else:
        _print(found)


def _print(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    datasets, models = found["n_datasets"], found["n_models"]
    console.print(Text(f"{models} models on {datasets} datasets, metric {found['metric'] or 'score'}", style="bold"))
    omnibus = found["omnibus"]
    if omnibus.get("p_F") is not None:
        test = f"Friedman (tie-corrected) chi2 {omnibus['chi2']:.3f}, Iman-Davenport F p {_p(omnibus['p_F'])}"
        console.print(Text(test))
    if found["ranks"]:
        ranked = sorted(found["ranks"].items(), key=lambda one: one[1])
        console.print(Text("mean ranks: " + ", ".join(f"{name} {rank:.2f}" for name, rank in ranked)))
    table = Table(box=None, pad_edge=False)
    for name in ("dataset", "a", "b", "mean a-b", "95% interval", "p", "p Holm", "verdict of a"):
        table.add_column(name, overflow="fold")
    for pair in found["pairs"]:
        interval = (
            "" if not pair["ci95"] or pair["ci95"][0] is None else f"{pair['ci95'][0]:.4f}, {pair['ci95'][1]:.4f}"
        )
        mean = "" if pair["mean"] is None else f"{pair['mean']:+.4f}"
        texts = (pair["dataset"] or "all", pair["a"], pair["b"], mean, interval, _p(pair["p"]), _p(pair["p_holm"]))
        table.add_row(*(Text(str(one)) for one in (*texts, pair["verdict"])))
    console.print(table)
    groups = ["{" + ", ".join(group) + "}" for group in found["groups"]]
    if groups:
        console.print(Text("cannot be told apart: " + " ".join(groups)))
    for warning in found["warnings"]:
        console.print(Text(f"! {warning}", style="yellow"))


def _p(value: float | None) -> str:
    if value is None:
        return "n/a"
    return "<0.001" if value < 0.001 else f"{value:.3f}"
