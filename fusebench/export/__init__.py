"""Export a fitted fusion to ONNX, verified against the original before anything is written."""

from __future__ import annotations

from fusebench.export._learners import ABLE
from fusebench.export.onnx import LIBRARIES, dumps, feeds, require, save, unable, verify
from fusebench.export.reading import Exported, read

__all__ = ["ABLE", "LIBRARIES", "Exported", "dumps", "feeds", "read", "require", "save", "unable", "verify"]
