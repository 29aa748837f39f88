"""Says in plain words where a transmission stands, for a practice assistant."""

from __future__ import annotations

from services.debident_gateway.domain.manual import AWAITS_PERSON
from services.debident_gateway.domain.transmission import TransmissionState

_STATES = {
    TransmissionState.INTENDED: "The order waits to be sent.",
    TransmissionState.SENDING: "The order is being sent.",
    TransmissionState.UNKNOWN: "It is not known whether the order reached the portal; it is asked.",
    TransmissionState.SENT: "The portal has the order; it has not arrived at the factor yet.",
    TransmissionState.ARRIVED: "The order has arrived at the factor.",
    TransmissionState.REFUSED: "The factor refused the whole order.",
    TransmissionState.WITHDRAWN: "The order was withdrawn before anything of it left.",
}
_REASONS = {
    "portal-credentials-missing": "The practice's access to the portal is missing. Enter it.",
    "portal-credentials-unreadable": "The practice's access cannot be read. Enter it again.",
    "portal-refused-credentials": "The portal does not accept the practice's access. Check it.",
    "portal-refused-token": "The portal refused an access that it had just given.",
    "portal-host-key-changed": "The portal's server is not the one that was entered. Call the"
    " factor, and enter its new key only if they confirm it.",
    "portal-opens-another-account": "The practice's access opens another account. Check it.",
    "portal-folder-missing": "A folder is missing on the portal's server. Call the factor.",
    "portal-refused-file": "The portal's server does not let its files be used. Call the factor.",
    "upload-incomplete": "Not all of the order reached the portal's server.",
    "portal-shows-nothing-yet": "The portal does not show the order that was put down there.",
    "portal-lacks-the-file": "A DEB file that was listed is not there any more.",
    "listing-too-large": "A folder on the portal's server holds too many files. Call the factor.",
    "contract-uses-manual": "A person hands this contract's orders over on the portal's site.",
    "sender-too-slow": "The preparation took too long; nothing left.",
    "portal-unreachable": "The portal is out of reach; it is tried again from time to time.",
    "not-listed": "The portal does not list the file.",
    AWAITS_PERSON: "A person looks on the portal's site whether it has arrived, and confirms it.",
    "could-not-connect": "The portal could not be reached.",
    "portal-limits-account": "The portal takes no more requests of this account for the moment.",
    "portal-unavailable": "The portal is not available for the moment.",
    "connection-lost": "The connection was lost before the portal's answer came.",
    "time-out": "The portal did not answer in time.",
    "sender-did-not-return": "The sending was interrupted here.",
    "portal-does-not-have-it": "The portal does not have the order; it is sent again.",
    "portal-has-other-content": "The portal has other content under this order. Call the factor.",
    "portal-lost-the-order": "The portal no longer knows the order. Call the factor.",
    "answer-names-an-invoice-twice": "The portal's answer names an invoice twice.",
    "answer-lacks-an-invoice": "The portal's answer lacks an invoice of the order.",
    "answer-names-a-foreign-invoice": "The portal's answer names an invoice of another order.",
    "package-damaged": "The order's package is not what was prepared. Call the support.",
    "package-not-available": "The order's package could not be read for the moment.",
    "storage-not-available": "The storage was not available for the moment.",
    "object-store-not-available": "The storage was not available for the moment.",
    "order-lines-damaged": "The order's lines are not what was prepared. Call the support.",
    "answer-too-large": "The portal's answer was too large to be right.",
    "unreadable-answer": "The portal's answer could not be read.",
    "answer-about-another-order": "The portal answered about another order.",
    "deb-file-too-large": "A DEB file is larger than the operator allows, so it was not fetched.",
    "deb-file-of-other-size": "A DEB file does not have the size that the portal announced.",
    "deb-file-of-other-content": "A DEB file is not what the portal announced.",
}
_OUTCOMES = {
    "accepted": "The portal took the order.",
    "already-have-it": "The portal has the order already.",
    "refused": "The portal refused the order.",
    "not-sent": "Nothing left.",
    "unknown": "It is not known whether the order left.",
}
_ANSWERS = {
    "received": "The portal has the order; it has not arrived yet.",
    "arrived": "The order has arrived.",
    "refused": "The factor refused the order.",
    "unknown-to-portal": "The portal does not know the order.",
    "no-usable-answer": "There was no usable answer.",
}


def say_state(state: TransmissionState, reason_code: str | None) -> str:
    """Say where the transmission stands, and why it is not further on."""
    return _with_reason(_STATES[state], reason_code)


def say_attempt(outcome: str | None, reason_code: str | None) -> str:
    """Say how an attempt to send ended."""
    if outcome is None:
        return "The attempt began; its end is not recorded."
    return _with_reason(_OUTCOMES[outcome], reason_code)


def say_poll(answer: str, reason_code: str | None) -> str:
    """Say what the portal answered when it was asked about the order."""
    return _with_reason(_ANSWERS[answer], reason_code)


def say_reason(reason_code: str) -> str:
    """Say a reason; the portal's own codes are quoted."""
    return _REASONS.get(reason_code, f"Reason given: {reason_code}.")


def _with_reason(sentence: str, reason_code: str | None) -> str:
    return sentence if reason_code is None else f"{sentence} {say_reason(reason_code)}"
