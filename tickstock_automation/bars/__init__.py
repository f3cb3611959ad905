"""Daily bars: planning the fewest vendor calls, validating and storing what comes, end of day, backfills."""
