"""Runs the invoicing service: `python -m services.invoicing`; with `import`, its import command."""

import sys

from services.invoicing.bootstrap import build
from services.invoicing.settings import InvoicingSettings
from shared.runtime.service import main

if __name__ == "__main__":
    if sys.argv[1:2] == ["import"]:
        from services.invoicing.entrypoints.cli import main as import_files

        raise SystemExit(import_files(sys.argv[2:]))
    main(InvoicingSettings, build)
