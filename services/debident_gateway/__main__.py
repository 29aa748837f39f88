"""Starts the Debident gateway."""

from services.debident_gateway.bootstrap import build
from services.debident_gateway.settings import DebidentGatewaySettings
from shared.runtime.service import main

if __name__ == "__main__":
    main(DebidentGatewaySettings, build)
