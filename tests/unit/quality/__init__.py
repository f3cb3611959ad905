"""The data quality checks, each by itself on a made market."""
