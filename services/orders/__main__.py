"""Starts the orders service."""

from services.orders.bootstrap import build
from services.orders.settings import OrdersSettings
from shared.runtime.service import main

if __name__ == "__main__":
    main(OrdersSettings, build)
