"""``fusebench init``: a commented starter spec."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fusebench.cli import say
from fusebench.errors import UsageError

STARTER = """\
# Run with: fusebench run {name}
# Editors complete this file once `fusebench schema > fusebench.schema.json` has made the schema:
# yaml-language-server: $schema=./fusebench.schema.json
name: {stem}
datasets:                       # `fusebench list datasets`
  - iris
  - wine
  # - {{name: mine, source: file, path: mine.csv, target: y, drop: [id]}}
learners:                       # `fusebench list learners`; id: type, or a mapping with the estimator's parameters
  lr: logistic_regression
  svm: {{type: svc, C: 2.0}}
  rf: {{type: random_forest, n_estimators: 200}}
  xgb: xgboost
  lgbm: lightgbm
fusions:                        # `fusebench list fusions`, `fusebench show stacking`
  vote: {{type: voting, voting: soft}}
  stack: {{type: stacking, final_estimator: logistic_regression}}
cv: {{n_splits: 5, n_repeats: 1}}
scoring: [accuracy, neg_log_loss] # the first one ranks
random_state: 0
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(init)


def init(file: Annotated[Path, typer.Argument(help="The spec to write.")] = Path("spec.yaml")) -> None:
    """Write a commented starter spec."""
    if file.exists():
        raise UsageError(f"{file} exists and is left as it is; name another file")
    stem = "".join(one if one.isalnum() or one in "_.-" else "-" for one in file.stem).strip(".-") or "spec"
    file.write_text(STARTER.format(name=file.name, stem=stem), encoding="utf-8")
    say(f"wrote {file}; run it with: fusebench run {file}")
