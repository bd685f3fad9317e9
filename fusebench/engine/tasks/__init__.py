"""What a worker runs: the work items, and the workbench that turns one into arrays.

A work item names things; the workbench finds their data in the store. Nothing here writes: the process that owns
the run does.
"""
