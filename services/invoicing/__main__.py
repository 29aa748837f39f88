"""Starts the invoicing service."""

from services.invoicing.bootstrap import build
from services.invoicing.settings import InvoicingSettings
from shared.runtime.service import main

if __name__ == "__main__":
    main(InvoicingSettings, build)
