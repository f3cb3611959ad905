"""What a vendor has really sent at its worst, to be switched on for a market day: one object per fault.

`every.FAULTS` are all of them, `switch.Faults` those that are on.
"""
