"""Verdicts over score tables: comparisons, leaderboard, gate and diff."""

from fusebench.judge.compare import compare
from fusebench.judge.verdicts import Comparison, LeaderboardRow, Verdict, Verdicts

__all__ = ["Comparison", "LeaderboardRow", "Verdict", "Verdicts", "compare"]
