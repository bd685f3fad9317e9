"""Verdicts over score tables: comparisons, leaderboard, gate and diff."""

from fusebench.judge.analyse import analyse
from fusebench.judge.compare import compare
from fusebench.judge.read import read_scores
from fusebench.judge.scoretable import Block, ScoreTable
from fusebench.judge.verdicts import Comparison, LeaderboardRow, Verdict, Verdicts

__all__ = [
    "Block",
    "Comparison",
    "LeaderboardRow",
    "ScoreTable",
    "Verdict",
    "Verdicts",
    "analyse",
    "compare",
    "read_scores",
]
