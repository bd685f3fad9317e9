"""Broken specs: no traceback, no waiting, and the line that was broken. 10,000 of them: see docs/reliability.md."""

import mutations


def test_500_broken_specs(tmp_path):
    tally = mutations.run(500, tmp_path, derandomize=True)
    assert tally.n >= 500
    assert tally.refused > 400
    assert tally.tracebacks == []
    assert tally.share_right >= 0.99, tally.wrong_lines
    assert tally.slowest < 5  # a guard against hanging on a busy machine; the figure itself is in the docs


def test_a_wrong_line_would_be_noticed(tmp_path):
    tally = mutations.Tally()
    tally.judge(mutations.Broken("datasets: [iris]\nlearners: {a: nbx}\n", "off by one", frozenset({1})), tmp_path)
    assert (tally.refused, tally.lines_known, tally.lines_right) == (1, 1, 0)
    assert len(tally.wrong_lines) == 1
