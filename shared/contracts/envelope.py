"""What every event shares: base model, money and content references on the wire."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared.kernel.money import Money


class WireModel(BaseModel):
    """A frozen value on the wire; consumers ignore fields that they do not know."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class WireMoney(WireModel):
    """An amount on the wire: a decimal string with two decimals, and the currency."""

    amount: Annotated[str, Field(pattern=r"^-?[0-9]{1,12}\.[0-9]{2}$", examples=["120.00"])]
    currency: Literal["CHF"] = "CHF"

    @classmethod
    def of(cls, money: Money) -> WireMoney:
        """Write a kernel amount in wire form."""
        return cls(amount=str(money))

    def to_money(self) -> Money:
        """Read the wire form into a kernel amount."""
        return Money.parse(self.amount)


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Code = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
"""A stable reason code: lower case, digits, hyphens or underscores."""
Gln = Annotated[str, Field(pattern=r"^[0-9]{13}$")]
Timestamp = AwareDatetime


class ContentRef(WireModel):
    """The claim check: where the bytes rest in the object store and what they must hash to."""

    key: Annotated[str, Field(max_length=300)]
    sha256: Sha256
    size_bytes: Annotated[int, Field(ge=0)]
    media_type: Annotated[str, Field(max_length=100)]


class EventPayload(WireModel):
    """Base of every event's data.

    Class attributes name the event on the wire; `SUBJECT` is the field whose value is the
    aggregate id, which is also the Kafka key.
    """

    TYPE: ClassVar[str]
    VERSION: ClassVar[int] = 1
    TOPIC: ClassVar[str]
    PRODUCER: ClassVar[str]
    SUBJECT: ClassVar[str]

    practice_id: UUID


class Document(WireModel):
    """Base of documents that rest in the object store and are named by events."""

    DOCUMENT: ClassVar[str]
    VERSION: ClassVar[int] = 1
