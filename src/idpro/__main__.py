"""``python -m idpro``."""

from .cli import main

main()
