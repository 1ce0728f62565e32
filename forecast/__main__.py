"""`python -m forecast`."""

from forecast.cli import main

main()
