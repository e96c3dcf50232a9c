"""`python -m gridserve`, the same as the `gridserve` command."""

from gridserve.cli import main

main()
