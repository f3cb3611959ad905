"""`make faults`: writers, relays, a worker and consumers under a seeded rain of faults, and a checker of what came out."""
