"""The verbs of a benchmark: load, plan, execute, collect, compare, render, and what there is around them."""

from __future__ import annotations

from fusebench.api.caching import cache_clear, cache_gc, cache_info, cache_verify
from fusebench.api.comparing import comparison_spec, save_spec
from fusebench.api.executors import Executor, choose_executor, local_executor, unenforced_limits
from fusebench.api.fusing import (
    check_rows_format,
    fuse_directly,
    fuse_spec,
    fused_rows,
    read_elsewhere,
    rows_text,
    write_table,
)
from fusebench.api.judging import (
    baseline_spec,
    compare,
    difference,
    gate,
    gate_text,
    read_baseline,
    statistics,
    write_baseline,
)
from fusebench.api.loading import LoadedSpec, load_spec, spec_from, unreleased_learners
from fusebench.api.places import Settings, open_store, settings
from fusebench.api.planning import PreparedRun, data_notes, describe_plan, make_plan
from fusebench.api.running import SilentProgress, collect, damage, execute, explain, is_explained, n_failed_fits, run
from fusebench.api.showing import diagnose, json_schema, list_names, show
from fusebench.api.writing import (
    check_format,
    check_output,
    check_output_file,
    check_plot_format,
    read_run,
    render,
    write_plots,
    write_run,
    write_text,
)
from fusebench.engine.defaults import worker_imports

__all__ = [
    "Executor",
    "LoadedSpec",
    "PreparedRun",
    "Settings",
    "SilentProgress",
    "baseline_spec",
    "cache_clear",
    "cache_gc",
    "cache_info",
    "cache_verify",
    "check_format",
    "check_output",
    "check_output_file",
    "check_plot_format",
    "check_rows_format",
    "choose_executor",
    "collect",
    "compare",
    "comparison_spec",
    "damage",
    "data_notes",
    "describe_plan",
    "diagnose",
    "difference",
    "execute",
    "explain",
    "fuse_directly",
    "fuse_spec",
    "fused_rows",
    "gate",
    "gate_text",
    "is_explained",
    "json_schema",
    "list_names",
    "load_spec",
    "local_executor",
    "make_plan",
    "n_failed_fits",
    "open_store",
    "read_baseline",
    "read_elsewhere",
    "read_run",
    "render",
    "rows_text",
    "run",
    "save_spec",
    "settings",
    "show",
    "spec_from",
    "statistics",
    "unenforced_limits",
    "unreleased_learners",
    "worker_imports",
    "write_baseline",
    "write_plots",
    "write_run",
    "write_table",
    "write_text",
]
