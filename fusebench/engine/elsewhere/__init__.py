"""A table of predictions made elsewhere as a benchmark: its spec, and what its fusions say row by row."""

from __future__ import annotations

from fusebench.engine.elsewhere.rows import fuse_directly, fused_rows
from fusebench.engine.elsewhere.spec import spec_of
from fusebench.engine.elsewhere.table import Elsewhere, read

__all__ = ["Elsewhere", "fuse_directly", "fused_rows", "read", "spec_of"]
