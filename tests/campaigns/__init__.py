"""Long tries of the whole system, each a make target; `make test` runs a short version of each."""
