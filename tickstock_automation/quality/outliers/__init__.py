"""The ways in which a bar, or one of its prices, stands apart from its neighbours: one file each. Pure."""
