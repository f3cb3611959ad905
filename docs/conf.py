"""Sphinx's settings: `make docs`."""

project = "tickstock_automation"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["build"]
html_theme = "alabaster"
myst_heading_anchors = 3
