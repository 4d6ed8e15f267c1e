"""`python -m gateway`."""

import sys

from libs.common.run import main

if __name__ == "__main__":
    sys.exit(main("gateway", sys.argv[1:] or ["api"]))
