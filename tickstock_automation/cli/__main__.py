"""`python -m tickstock_automation.cli`."""

from tickstock_automation.cli.main import main

main()
