"""The IPO monitor: which securities there are, what they were called when, and which universes they are in."""
