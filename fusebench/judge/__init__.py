"""Verdicts over score tables: comparisons, leaderboard, gate and diff."""

from fusebench.judge.analyse import analyse
from fusebench.judge.baseline import Baseline, baseline_of, dump, provenance, read_baseline
from fusebench.judge.compare import compare
from fusebench.judge.diff import diff
from fusebench.judge.gate import gate
from fusebench.judge.gatereport import GateReport, GateRow, gate_sentence
from fusebench.judge.margins import margin_of, parse_margins
from fusebench.judge.read import read_scores
from fusebench.judge.scoretable import Block, ScoreTable
from fusebench.judge.sides import Side, read_side, side_of
from fusebench.judge.verdicts import Comparison, LeaderboardRow, Verdict, Verdicts

__all__ = [
    "Baseline",
    "Block",
    "Comparison",
    "GateReport",
    "GateRow",
    "LeaderboardRow",
    "ScoreTable",
    "Side",
    "Verdict",
    "Verdicts",
    "analyse",
    "baseline_of",
    "compare",
    "diff",
    "dump",
    "gate",
    "gate_sentence",
    "margin_of",
    "parse_margins",
    "provenance",
    "read_baseline",
    "read_scores",
    "read_side",
    "side_of",
]
