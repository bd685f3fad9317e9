"""Compressions: one a file, from a fused model to a smaller one."""

from __future__ import annotations

from fusebench.compressions.base import REGISTRY, Compression, compressed, label, make

__all__ = ["REGISTRY", "Compression", "compressed", "label", "make"]
