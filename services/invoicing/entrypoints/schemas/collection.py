"""Bodies about collecting: how far it has come with an invoice, and what the factor was told."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from services.invoicing.domain.collection import CollectionStage
from shared.web.endpoints import ApiModel

Stage: TypeAlias = Literal[
    "not-ordered",
    "in-order",
    "with-factor",
    "reminded",
    "instalments",
    "deferred",
    "disputed",
    "debt-enforcement",
    "given-back",
    "written-off",
    "closed",
    "cancelled",
]
StageFilter: TypeAlias = Annotated[
    list[Stage],
    Field(
        default_factory=list,
        max_length=len(CollectionStage),
        description="At one of these collection stages; none: at whichever",
    ),
]


class CollectionAnswer(ApiModel):
    """How far collecting has come. That the debtor paid is another fact, and moves no stage."""

    stage: Stage
    reminder_level: Annotated[
        int, Field(description="The last reminder of the factor; 0: it sent none")
    ]
    since: Annotated[date, Field(description="First day of the stage, or of the reminder level")]
    notices: Annotated[
        list[str],
        Field(description="Codes of what its order told the factor of it, or of all its invoices"),
    ]


COLLECTION_CSV_HEADER = ("collection_stage", "reminder_level", "collection_since", "notices")


def collection_answer(row: Any) -> CollectionAnswer:
    """Write how far collecting has come."""
    return CollectionAnswer(
        stage=row["collection_stage"],
        reminder_level=row["reminder_level"],
        since=row["collection_since"] or row["issued_on"],
        notices=row["notices"] or [],
    )


def collection_csv(answer: CollectionAnswer) -> list[str]:
    """Write it in the columns of COLLECTION_CSV_HEADER; notices with a space in between."""
    return [
        answer.stage,
        str(answer.reminder_level),
        answer.since.isoformat(),
        " ".join(answer.notices),
    ]
