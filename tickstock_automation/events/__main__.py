"""`python -m tickstock_automation.events FOLDER` writes the published contract into a folder: `make contract`."""

import sys
from pathlib import Path

from tickstock_automation.events.asyncapi import asyncapi_document, asyncapi_yaml
from tickstock_automation.events.catalogue_page import catalogue_page


def write_contract(folder: Path) -> None:
    """The contract for programs and its page for people."""
    (folder / "asyncapi.yaml").write_text(asyncapi_yaml(), encoding="utf-8")
    (folder / "event-catalogue.md").write_text(catalogue_page(asyncapi_document()), encoding="utf-8")


if __name__ == "__main__":
    write_contract(Path(sys.argv[1]))
