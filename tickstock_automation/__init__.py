"""Keeps a stock-market database complete, correct and current, and tells other programs what changed."""

__version__ = "0.1.0"
