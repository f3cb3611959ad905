"""Repairs of single bars: the vendor's other endpoint asked, what was decided applied, marked, undone (docs/repairs.md)."""
