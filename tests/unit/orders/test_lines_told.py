"""The line list of an order tells of each invoice what the factor is told, in codes."""

from __future__ import annotations

import json
from dataclasses import replace
from uuid import uuid4

from services.orders.domain.notices import Notice, NoticeCode
from services.orders.domain.telling import with_notices_of_order
from services.orders.translate import lines_document
from shared.kernel.ids import OrderId, PracticeId
from tests.unit.orders.builders import a_line


def test_a_line_tells_its_own_notices_and_those_of_the_whole_order_once() -> None:
    own = (Notice(NoticeCode.DECEASED), Notice(NoticeCode.DO_NOT_REMIND))
    lines = (replace(a_line(1, "A-1"), notices=own), a_line(2, "A-2"))
    of_order = (Notice(NoticeCode.DO_NOT_REMIND), Notice(NoticeCode.SOCIAL_SERVICES))
    told = with_notices_of_order(lines, of_order)
    document = json.loads(lines_document(PracticeId(uuid4()), OrderId(uuid4()), told))
    assert [line["notices"] for line in document["lines"]] == [
        ["deceased", "do-not-remind", "social-services"],
        ["do-not-remind", "social-services"],
    ]
