"""Says where a document breaks its contract, and never what it holds: that may be personal."""

from __future__ import annotations

from pydantic import ValidationError

_FAULTS_MAX = 5


def where_wrong(error: ValidationError, *, whole: str = "document") -> str:
    """Return fields and kinds of fault, such as "lines.0.amount: missing"; the first few only.

    Args:
        whole: what to call the value itself, where no field of it is at fault.
    """
    faults = error.errors(include_input=False, include_url=False, include_context=False)
    told = [
        f"{'.'.join(str(step)[:40] for step in fault['loc']) or whole}: {fault['type']}"
        for fault in faults[:_FAULTS_MAX]
    ]
    more = len(faults) - len(told)
    return "; ".join(told) + (f"; and {more} more" if more else "")
