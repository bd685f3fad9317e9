"""Plan, store and execution."""
