"""Verdicts over score tables: comparisons, leaderboard, gate and diff."""
