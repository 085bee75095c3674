"""``python -m steepest``: the command line."""

from .cli.parser import main

raise SystemExit(main())
