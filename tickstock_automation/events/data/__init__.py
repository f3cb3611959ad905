"""What each event says: one model for each event type, with its channel, its senders, every field's meaning and examples.

Sessions are dates in New York, moments UTC, prices US dollars as traded (unadjusted), volumes shares.
"""
