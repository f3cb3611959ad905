"""The data quality monitor: checks, the sweep, alerts, the daily summary."""
