"""Starts the reconciliation service."""

from services.reconciliation.bootstrap import build
from services.reconciliation.settings import ReconciliationSettings
from shared.runtime.service import main

if __name__ == "__main__":
    main(ReconciliationSettings, build)
