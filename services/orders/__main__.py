"""Starts the orders service; with a command word, checks a package instead."""

import sys

from services.orders.bootstrap import build
from services.orders.entrypoints import cli
from services.orders.settings import OrdersSettings
from shared.runtime.service import main

if __name__ == "__main__":
    if cli.COMMANDS.intersection(sys.argv[1:2]):
        raise SystemExit(cli.run(sys.argv[1:]))
    main(OrdersSettings, build)
