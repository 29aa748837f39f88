"""The portal as a whole: accounts, orders, DEB files and the clock, without HTTP.

Nothing happens in the background. Whenever it is asked something, it first catches up with its
clock: orders arrive, scheduled DEB files are written. So the same questions at the same simulated
times always find the same portal.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sandbox.debident.clock import ClockState, PortalClock, RealTime, real_time
from sandbox.debident.deb_files import DebDesk, OfferedFile
from sandbox.debident.fate_desk import FateDesk
from sandbox.debident.misbehaviour import Misbehaviour
from sandbox.debident.mischief import ARRIVAL, FILE, ORDER, Draw
from sandbox.debident.mischief_desk import MischiefDesk
from sandbox.debident.orders import OrderDesk, Receipt, UploadAnswer
from sandbox.debident.package import Package, PackageError
from sandbox.debident.settings import PortalSettings
from sandbox.debident.store import Store
from sandbox.debident.stored_file import StoredFile
from sandbox.debident.terms import AccountTerms, ClientRegistration

_CLOCK = "clock"
_LATE_DAYS = 2.0
_REFUSED_BY_PLAN = "address-unknown"
_ORDER_REFUSED_BY_PLAN = "order-limit-reached"
_REFUSED_ON_ARRIVAL = "refused-by-clerk"


class UnknownAccountError(Exception):
    """No client is registered for this account."""


class AccountTakenError(Exception):
    """Another client has this account."""


class Portal:
    """The stand-in; one thread at a time may use it."""

    def __init__(self, settings: PortalSettings, *, real: RealTime = real_time) -> None:
        self._settings = settings
        self._store = Store(settings.state_dir)
        self._fates = FateDesk(self._store, seed=settings.seed, every_kind=settings.every_kind)
        self._orders = OrderDesk(
            self._store,
            self._fates,
            seed=settings.seed,
            delay_days=(settings.arrival_days_min, settings.arrival_days_max),
        )
        self._deb_files = DebDesk(self._store)
        self._tokens: dict[str, tuple[str, datetime]] = {}
        self._clock = self._remembered_clock(real)
        self._mischief = MischiefDesk(
            self._store,
            settings.plan,
            at_first=Misbehaviour(refuse_lines=settings.refuse_lines),
            real=real,
        )

    @property
    def store(self) -> Store:
        """The portal's memory."""
        return self._store

    def close(self) -> None:
        """Close the state file."""
        self._store.close()

    # The clock.

    def _remembered_clock(self, real: RealTime) -> PortalClock:
        note = self._store.read_note(_CLOCK)
        if isinstance(note, dict):
            state = ClockState(
                real=datetime.fromisoformat(note["real"]),
                simulated=datetime.fromisoformat(note["simulated"]),
                speed=float(note["speed"]),
            )
        else:
            begin = real()
            state = ClockState(
                real=begin,
                simulated=(self._settings.start or begin).astimezone(UTC),
                speed=self._settings.speed,
            )
        clock = PortalClock(state, real=real)
        clock.run_at(self._settings.speed)
        self._keep(clock.state)
        return clock

    def _keep(self, state: ClockState) -> None:
        self._store.write_note(
            _CLOCK,
            {
                "real": state.real.isoformat(),
                "simulated": state.simulated.isoformat(),
                "speed": state.speed,
            },
        )

    def now(self) -> datetime:
        """Return the simulated instant."""
        return self._clock.now()

    def advance(self, days: float) -> datetime:
        """Move simulated time on, with everything that is scheduled in between; return the new."""
        with self._store.transaction():
            self._clock.advance(timedelta(days=days))
            self._keep(self._clock.state)
            self._catch_up()
        return self.now()

    def _catch_up(self) -> None:
        self._let_arrive()
        self._write_scheduled_files()
        self._deb_files.catch_up(self.now())

    def _let_arrive(self) -> None:
        self._orders.let_arrive(self.now(), self._terms(), self._refused_lines)

    def _refused_lines(self, package: Package) -> Mapping[str, str]:
        """Judge an arriving package.

        Raises:
            PackageError: it is refused as a whole.
        """
        draw = self._mischief.draw(ARRIVAL, at=self.now())
        if draw.has("refuse_arrival"):
            raise PackageError(_REFUSED_ON_ARRIVAL, "the portal was told to refuse this order")
        refused = self.misbehaviour().refuse_lines
        if draw.has("refuse_line"):
            unlucky = package.invoices[draw.number % len(package.invoices)].invoice_number
            return {unlucky: _REFUSED_BY_PLAN, **refused}
        return refused

    def _write_scheduled_files(self) -> None:
        if not self._settings.deb_every_days:
            return
        step = timedelta(days=self._settings.deb_every_days)
        now = self.now()
        for client in self._store.rows("SELECT account_number, next_file_at FROM client"):
            due = datetime.fromisoformat(client["next_file_at"])
            while due <= now:
                self._publish(client["account_number"], due)
                due += step
            self._schedule(client["account_number"], due)

    def _schedule(self, account: str, next_file_at: datetime) -> None:
        self._store.run(
            "UPDATE client SET next_file_at = ? WHERE account_number = ? AND next_file_at <> ?",
            next_file_at.isoformat(),
            account,
            next_file_at.isoformat(),
        )

    # Clients and tokens.

    def register(self, client: ClientRegistration) -> None:
        """Register a client, or bring it to these values; its old tokens end.

        Raises:
            AccountTakenError: another client has the account.
        """
        with self._store.transaction():
            taken = self._store.row(
                "SELECT 1 FROM client WHERE account_number = ? AND client_id <> ?",
                client.account_number,
                client.client_id,
            )
            if taken is not None:
                raise AccountTakenError(client.account_number)
            self._store.run(
                "INSERT INTO client (client_id, secret_sha256, account_number, payout_term_days,"
                " payout_basis, factor_fee_permille, reminder_fee_beneficiary, next_file_at,"
                " loss_cover) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (client_id)"
                " DO UPDATE SET secret_sha256 = excluded.secret_sha256,"
                " account_number = excluded.account_number,"
                " payout_term_days = excluded.payout_term_days,"
                " payout_basis = excluded.payout_basis,"
                " factor_fee_permille = excluded.factor_fee_permille,"
                " reminder_fee_beneficiary = excluded.reminder_fee_beneficiary,"
                " loss_cover = excluded.loss_cover",
                client.client_id,
                _hashed(client.client_secret),
                client.account_number,
                client.terms.payout_term_days,
                client.terms.payout_basis,
                client.terms.factor_fee_permille,
                client.terms.reminder_fee_beneficiary,
                (self.now() + timedelta(days=self._settings.deb_every_days)).isoformat(),
                int(client.terms.loss_cover),
            )
        self._tokens = {
            token: (account, end)
            for token, (account, end) in self._tokens.items()
            if account != client.account_number
        }

    def _terms(self) -> dict[str, AccountTerms]:
        return {
            row["account_number"]: AccountTerms(
                payout_term_days=row["payout_term_days"],
                payout_basis=row["payout_basis"],
                factor_fee_permille=row["factor_fee_permille"],
                reminder_fee_beneficiary=row["reminder_fee_beneficiary"],
                loss_cover=bool(row["loss_cover"]),
            )
            for row in self._store.rows("SELECT * FROM client")
        }

    def issue_token(self, client_id: str, client_secret: str) -> str | None:
        """Return a token for the client's account, or None for wrong credentials."""
        account = self.account_for(client_id, client_secret)
        if account is None:
            return None
        now = self._clock.real_now()
        self._tokens = {token: kept for token, kept in self._tokens.items() if kept[1] > now}
        token = secrets.token_urlsafe(32)
        end = now + timedelta(seconds=self._settings.token_lifetime_seconds)
        self._tokens[token] = (account, end)
        return token

    def account_for(self, client_id: str, client_secret: str) -> str | None:
        """Return the account that these credentials open, or None."""
        client = self._store.row(
            "SELECT secret_sha256, account_number FROM client WHERE client_id = ?", client_id
        )
        expected = client["secret_sha256"] if client else _hashed("nobody")
        if not hmac.compare_digest(expected, _hashed(client_secret)) or client is None:
            return None
        return str(client["account_number"])

    def account_of(self, token: str) -> str | None:
        """Return the account that a token opens, or None; tokens do not survive a restart."""
        account, end = self._tokens.get(token, (None, None))
        if account is None or end is None or end <= self._clock.real_now():
            return None
        return account

    # Orders and DEB files.

    def receive_order(
        self, account: str, order_id: str, package: bytes, *, say_known: bool = False
    ) -> UploadAnswer:
        """Take an upload; see OrderDesk.receive. `say_known`: say that a new one is here already.

        A new order may be drawn to be late, or to be refused.
        """
        switches = self.misbehaviour()
        if switches.refuse_orders:
            text = "the portal was told to refuse"
            return UploadAnswer(Receipt.REFUSED, code=switches.refuse_orders, text=text)
        with self._store.transaction():
            self._catch_up()
            late_days = switches.late_days
            if not self._orders.has(account, order_id):
                draw = self._mischief.draw(ORDER, at=self.now())
                if draw.has("refuse_order"):
                    return UploadAnswer(
                        Receipt.REFUSED, code=_ORDER_REFUSED_BY_PLAN, text="the plan refuses it"
                    )
                late_days += _LATE_DAYS if draw.has("late") else 0.0
            answer = self._orders.receive(
                account, order_id, package, now=self.now(), late_days=late_days
            )
        if say_known and answer.receipt is Receipt.ACCEPTED:
            return replace(answer, receipt=Receipt.ALREADY_HAVE_IT)
        return answer

    def order_status(self, account: str, order_id: str) -> dict[str, object] | None:
        """Return what is known of an order of this account, or None."""
        with self._store.transaction():
            self._catch_up()
            return self._orders.status(account, order_id)

    def list_deb_files(self, account: str, *, after: int, limit: int) -> list[OfferedFile]:
        """Return the account's files behind a position."""
        with self._store.transaction():
            self._catch_up()
            return self._deb_files.list_files(account, after=after, limit=limit)

    def deb_file(self, account: str, file_id: str) -> StoredFile | None:
        """Return one of the account's files, to be read; or None."""
        with self._store.transaction():
            self._catch_up()
            return self._deb_files.find(account, file_id)

    def publish(self, account: str, *, advance_days: float) -> OfferedFile | None:
        """Move time on and write everything up to then into one file; None: nothing new.

        Raises:
            UnknownAccountError: no client has this account.
        """
        with self._store.transaction():
            if account not in self._terms():
                raise UnknownAccountError(account)
            self._clock.advance(timedelta(days=advance_days))
            self._keep(self._clock.state)
            self._let_arrive()
            now = self.now()
            offered = self._publish(account, now)
            self._schedule(account, now + timedelta(days=max(self._settings.deb_every_days, 1)))
            self._catch_up()
        return offered

    def _publish(self, account: str, at: datetime) -> OfferedFile | None:
        if not self._deb_files.has_news(account, at):
            return None
        draw = self._mischief.draw(FILE, at=at)
        return self._deb_files.publish(account, at=at, flaws=draw.names)

    # Misbehaviour, fates and overviews.

    def misbehaviour(self) -> Misbehaviour:
        """Return the switches as they stand."""
        return self._mischief.switches()

    def down(self) -> str | None:
        """Return how nothing answers just now; None: the portal answers."""
        return self._mischief.down()

    def misbehave(self, switches: Misbehaviour) -> None:
        """Set all switches."""
        self._mischief.switch(switches)

    def draw(self, event: str) -> Draw:
        """Count an event, and return how the portal misbehaves at it."""
        return self._mischief.draw(event, at=self.now())

    def planned(self) -> dict[str, list[str]]:
        """Return what the next events of each kind meet by the plan."""
        return self._mischief.preview()

    def order_fate(self, account: str, invoice_number: str, fate: str) -> bool:
        """Order an invoice's fate; return whether the invoice is here already.

        Raises:
            UnknownAccountError: no client has this account.
            FateBegunError: money of the invoice has been told already.
        """
        with self._store.transaction():
            self._catch_up()
            terms = self._terms().get(account)
            if terms is None:
                raise UnknownAccountError(account)
            return self._fates.order_fate(account, invoice_number, fate, terms)

    def ordered_fates(self) -> list[dict[str, object]]:
        """Return the fates that were ordered."""
        return self._fates.ordered()

    def orders_of(self, account: str, *, limit: int, offset: int) -> list[dict[str, object]]:
        """Return orders of an account, the newest first."""
        with self._store.transaction():
            self._catch_up()
            return self._orders.of_account(account, limit=limit, offset=offset)

    def order_page(self, account: str, order_id: str) -> dict[str, object] | None:
        """Return an order of this account with its lines and credit notes, or None."""
        with self._store.transaction():
            self._catch_up()
            return self._orders.page(account, order_id)

    def deb_files_of(self, account: str, *, limit: int, offset: int) -> list[OfferedFile]:
        """Return the account's DEB files, the newest first."""
        with self._store.transaction():
            self._catch_up()
            return self._deb_files.newest(account, limit=limit, offset=offset)

    def overview(self) -> dict[str, object]:
        """Return everything that is known here, for demos and checks."""
        with self._store.transaction():
            self._catch_up()
            accounts = self._store.rows(
                "SELECT client_id, account_number, payout_term_days, payout_basis,"
                " factor_fee_permille, reminder_fee_beneficiary, loss_cover FROM client"
                " ORDER BY account_number"
            )
            return {
                "simulated_now": self.now().isoformat(),
                "accounts": [dict(row) for row in accounts],
                "orders": self._orders.overview(),
                "credit_notes": self._orders.credit_notes(),
                "deb_files": self._deb_files.overview(),
                "fates": self._fates.ordered(),
                "misbehaviour": self._mischief.overview(),
            }


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
