"""Says which broker this machine would get: `python -m sandbox.broker [BROKER]`.

The first word is the kind, so that a script can read it; the rest is for a person.
"""

from __future__ import annotations

import sys

from sandbox.broker import BrokerError, choose

try:
    chosen = choose(sys.argv[1] if len(sys.argv) > 1 else "auto")
except BrokerError as error:
    sys.exit(str(error))
print(chosen.kind, chosen.why)
