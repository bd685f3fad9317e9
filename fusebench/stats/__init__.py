"""Statistical methods, one a file; numpy and scipy only."""
