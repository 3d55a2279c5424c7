"""Tejun: written monitoring procedures, run so that every figure can be trusted."""

__version__ = "0.1.0"
