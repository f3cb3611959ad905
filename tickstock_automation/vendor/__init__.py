"""The market-data vendor behind one small interface."""
