"""`python -m gateway api`."""

from libs.common.run import main

from gateway.app import build, migrate
from gateway.settings import Settings

if __name__ == "__main__":
    main("gateway", Settings, build, migrate)
