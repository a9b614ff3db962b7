"""`python -m goalscope`: the `goalscope` command."""

import sys

from goalscope.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
