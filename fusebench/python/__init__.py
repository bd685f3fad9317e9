"""The Python side: benchmarks from data in memory, and their results as frames."""
