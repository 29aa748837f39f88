"""Only a token that our issuer signed for us, for now, and in our form proves anything."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from shared.testing.clock import FrozenClock
from shared.web.endpoints import UserRole
from shared.web.keys import (
    UNKNOWN_KEY_SECONDS,
    KeysUnavailableError,
    SigningKeys,
    fetch_from,
    parse_jwks,
)
from shared.web.local_issuer import LocalIssuer
from shared.web.problems import ProblemError
from shared.web.tokens import LEEWAY_SECONDS, InvalidTokenError, TokenVerifier, principal_of

ISSUER = "https://issuer.test"
PRACTICE = UUID("0b0d5a1c-0000-4000-8000-000000000001")
KEY = Ed25519PrivateKey.generate()


class Issuer:
    """Serves keys, counts how often it is asked, and can be away."""

    def __init__(self, *keys: dict[str, Any]) -> None:
        self.keys = list(keys)
        self.asked = 0
        self.away = False

    async def fetch(self) -> bytes:
        self.asked += 1
        if self.away:
            raise ConnectionRefusedError("away")
        return json.dumps({"keys": self.keys}).encode()


class Seconds:
    """A monotonic clock that is moved by hand."""

    def __init__(self) -> None:
        self.value = 1000.0

    def __call__(self) -> float:
        return self.value


def jwk_of(key: Any, algorithm: str, kid: str = "k1", **changes: object) -> dict[str, Any]:
    implementation = jwt.get_algorithm_by_name(algorithm)
    member = json.loads(implementation.to_jwk(key.public_key()))
    return {**member, "kid": kid, "use": "sig", "alg": algorithm, **changes}


def claims(clock: FrozenClock, **changes: object) -> dict[str, Any]:
    now = int(clock.now().timestamp())
    good = {
        "iss": ISSUER,
        "aud": "quittance",
        "sub": "anna",
        "iat": now,
        "nbf": now,
        "exp": now + 600,
        "roles": ["assistant"],
        "practices": [str(PRACTICE)],
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def a_verifier(
    clock: FrozenClock, *keys: dict[str, Any], issuer: Issuer | None = None
) -> TokenVerifier:
    issuer = issuer or Issuer(*(keys or (jwk_of(KEY, "EdDSA"),)))
    signing = SigningKeys(issuer.fetch, now=Seconds())
    return TokenVerifier(signing, issuer=ISSUER, audience="quittance", clock=clock)


def signed(
    payload: dict[str, Any], *, key: Any = KEY, algorithm: str = "EdDSA", **header: Any
) -> str:
    return jwt.encode(payload, key, algorithm=algorithm, headers={"kid": "k1", **header})


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


async def test_a_good_token_says_who_with_which_roles_for_which_practices(
    clock: FrozenClock,
) -> None:
    token = signed(claims(clock, roles=["assistant", "admin", "pope"]))

    principal = await a_verifier(clock).verify(token)

    assert principal.subject == "anna"
    assert principal.roles == {UserRole.ASSISTANT, UserRole.ADMIN}
    assert principal.practices == {PRACTICE}
    assert not principal.all_practices


async def test_a_star_opens_all_practices(clock: FrozenClock) -> None:
    principal = await a_verifier(clock).verify(signed(claims(clock, practices=["*"])))

    assert principal.all_practices
    assert principal.scope().system


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://other.test"},
        {"iss": None},
        {"aud": "other"},
        {"aud": None},
        {"aud": []},
        {"sub": None},
        {"sub": ""},
        {"sub": "a\x00b"},
        {"sub": "x" * 201},
        {"sub": 7},
        {"exp": None},
        {"exp": "tomorrow"},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"exp": True},
        {"nbf": float("nan")},
        {"roles": None},
        {"roles": "admin"},
        {"roles": [1]},
        {"practices": None},
        {"practices": "*"},
        {"practices": ["all"]},
        {"practices": [["*"]]},
        {"practices": ["*"] * 1001},
    ],
)
async def test_a_claim_that_is_missing_or_has_another_form_proves_nothing(
    clock: FrozenClock, changes: dict[str, object]
) -> None:
    with pytest.raises(InvalidTokenError):
        await a_verifier(clock).verify(signed(claims(clock, **changes)))


async def test_times_are_those_of_the_clock_with_a_little_leeway(clock: FrozenClock) -> None:
    verifier, token = a_verifier(clock), signed(claims(clock))
    leeway, second = timedelta(seconds=LEEWAY_SECONDS), timedelta(seconds=1)
    start, end = clock.now(), clock.now() + timedelta(seconds=600)

    for good in (start - leeway, start, end, end + leeway - second):
        clock.move_to(good)
        assert (await verifier.verify(token)).subject == "anna"
    for bad in (start - leeway - second, end + leeway):
        clock.move_to(bad)
        with pytest.raises(InvalidTokenError):
            await verifier.verify(token)


async def test_a_token_without_a_beginning_is_good_until_its_end(clock: FrozenClock) -> None:
    token = signed(claims(clock, nbf=None, iat=None))

    assert (await a_verifier(clock).verify(token)).subject == "anna"


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (Ed25519PrivateKey.generate(), "EdDSA"),
        (ec.generate_private_key(ec.SECP256R1()), "ES256"),
        (rsa.generate_private_key(65537, 2048), "RS256"),
    ],
)
async def test_the_three_algorithms_are_known(clock: FrozenClock, key: Any, algorithm: str) -> None:
    verifier = a_verifier(clock, jwk_of(key, algorithm))

    token = signed(claims(clock), key=key, algorithm=algorithm)

    assert (await verifier.verify(token)).subject == "anna"


async def test_a_key_is_used_with_its_own_algorithm_only(clock: FrozenClock) -> None:
    key = rsa.generate_private_key(65537, 2048)
    verifier = a_verifier(clock, jwk_of(key, "RS256"))

    for algorithm in ("PS256", "RS512"):
        with pytest.raises(InvalidTokenError):
            await verifier.verify(signed(claims(clock), key=key, algorithm=algorithm))


async def test_a_token_signed_with_the_public_key_as_a_password_is_refused(
    clock: FrozenClock,
) -> None:
    public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = b64({"alg": "HS256", "typ": "JWT", "kid": "k1"})
    body = b64(claims(clock))
    mac = hmac.new(public, f"{head}.{body}".encode(), hashlib.sha256).digest()

    with pytest.raises(InvalidTokenError):
        await a_verifier(clock).verify(f"{head}.{body}.{text_of(mac)}")


async def test_an_unsigned_token_is_refused(clock: FrozenClock) -> None:
    for algorithm in ("none", "None", "EdDSA"):
        token = f"{b64({'alg': algorithm, 'kid': 'k1'})}.{b64(claims(clock))}."
        with pytest.raises(InvalidTokenError):
            await a_verifier(clock).verify(token)


async def test_a_token_of_another_key_or_with_changed_claims_is_refused(
    clock: FrozenClock,
) -> None:
    verifier = a_verifier(clock)
    other = signed(claims(clock), key=Ed25519PrivateKey.generate())
    head, _, signature = signed(claims(clock)).split(".")
    changed = f"{head}.{b64(claims(clock, practices=['*']))}.{signature}"

    for token in (other, changed):
        with pytest.raises(InvalidTokenError):
            await verifier.verify(token)


@given(st.text(max_size=200))
async def test_no_text_is_taken_for_a_token(text: str) -> None:
    with pytest.raises(InvalidTokenError):
        await a_verifier(FrozenClock()).verify(text)


@given(st.dictionaries(st.text(max_size=10), st.recursive(st.none() | st.text(), st.lists)))
async def test_no_claims_of_another_form_make_a_principal(found: dict[str, Any]) -> None:
    with pytest.raises(InvalidTokenError):
        principal_of(found)


@pytest.mark.parametrize(
    ("header", "code", "challenge"),
    [
        (None, "authentication-required", "Bearer"),
        ("", "authentication-required", "Bearer"),
        ("Basic YTpi", "invalid-token", 'Bearer error="invalid_token"'),
        ("Bearer", "invalid-token", 'Bearer error="invalid_token"'),
        ("Bearer a b", "invalid-token", 'Bearer error="invalid_token"'),
        ("Bearer \udcff", "invalid-token", 'Bearer error="invalid_token"'),
    ],
)
async def test_without_a_good_bearer_token_the_answer_is_401(
    clock: FrozenClock, header: str | None, code: str, challenge: str
) -> None:
    with pytest.raises(ProblemError) as caught:
        await a_verifier(clock).authenticate(header)

    assert (caught.value.problem.status, caught.value.problem.code) == (401, code)
    assert caught.value.problem.headers["WWW-Authenticate"] == challenge


async def test_the_word_bearer_may_be_written_in_any_case(clock: FrozenClock) -> None:
    token = signed(claims(clock))

    assert (await a_verifier(clock).authenticate(f"bearer {token}")).subject == "anna"


async def test_until_a_key_was_seen_the_answer_is_503(clock: FrozenClock) -> None:
    issuer = Issuer(jwk_of(KEY, "EdDSA"))
    issuer.away = True

    with pytest.raises(ProblemError) as caught:
        await a_verifier(clock, issuer=issuer).authenticate(f"Bearer {signed(claims(clock))}")

    assert caught.value.problem.status == 503
    assert "Retry-After" in caught.value.problem.headers


async def test_a_known_key_stays_good_while_the_issuer_is_away() -> None:
    issuer, seconds = Issuer(jwk_of(KEY, "EdDSA")), Seconds()
    keys = SigningKeys(issuer.fetch, now=seconds)
    assert await keys.find("k1") is not None
    issuer.away = True
    seconds.value += 3600

    assert await keys.find("k1") is not None
    assert await keys.find("k2") is None
    assert await keys.find("k1") is not None


async def test_an_empty_key_set_locks_nobody_out() -> None:
    issuer, seconds = Issuer(jwk_of(KEY, "EdDSA")), Seconds()
    keys = SigningKeys(issuer.fetch, now=seconds)
    await keys.find("k1")
    issuer.keys = []
    seconds.value += UNKNOWN_KEY_SECONDS

    assert await keys.find("k2") is None
    assert await keys.find("k1") is not None


async def test_an_unknown_key_asks_the_issuer_at_most_every_ten_seconds() -> None:
    issuer, seconds = Issuer(jwk_of(KEY, "EdDSA")), Seconds()
    keys = SigningKeys(issuer.fetch, now=seconds)

    for number in range(50):
        await keys.find(f"invented-{number}")
    assert issuer.asked == 1

    issuer.keys.append(jwk_of(Ed25519PrivateKey.generate(), "EdDSA", kid="k2"))
    assert await keys.find("k2") is None
    seconds.value += UNKNOWN_KEY_SECONDS
    assert await keys.find("k2") is not None
    assert issuer.asked == 2


async def test_an_issuer_that_never_answered_is_asked_again_after_a_second() -> None:
    issuer, seconds = Issuer(jwk_of(KEY, "EdDSA")), Seconds()
    keys = SigningKeys(issuer.fetch, now=seconds)
    issuer.away = True
    for _ in range(5):
        with pytest.raises(KeysUnavailableError):
            await keys.find("k1")
    assert issuer.asked == 1

    issuer.away = False
    seconds.value += 1
    assert await keys.find("k1") is not None


async def test_a_key_that_the_issuer_withdrew_is_no_longer_known() -> None:
    issuer, seconds = Issuer(jwk_of(KEY, "EdDSA")), Seconds()
    keys = SigningKeys(issuer.fetch, now=seconds)
    await keys.find("k1")
    issuer.keys = [jwk_of(Ed25519PrivateKey.generate(), "EdDSA", kid="k2")]
    seconds.value += UNKNOWN_KEY_SECONDS

    assert await keys.find("k2") is not None
    assert await keys.find("k1") is None


@pytest.mark.parametrize(
    "member",
    [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "k1", "alg": "HS256"},
        jwk_of(KEY, "EdDSA", use="enc"),
        jwk_of(KEY, "EdDSA", alg="ES256"),
        {**jwk_of(KEY, "EdDSA"), "kid": 7},
        jwk_of(KEY, "EdDSA", x="AAAA"),
        jwk_of(rsa.generate_private_key(65537, 1024), "RS256"),  # noqa: S505 - must be refused
        jwk_of(ec.generate_private_key(ec.SECP384R1()), "ES384"),
        {"kid": "k1"},
        "k1",
    ],
)
def test_a_key_that_is_not_fit_for_signatures_is_passed_over(member: dict[str, Any]) -> None:
    document = json.dumps({"keys": [member, jwk_of(KEY, "EdDSA", kid="good")]}).encode()

    assert list(parse_jwks(document)) == ["good"]


@pytest.mark.parametrize("document", [b"", b"[]", b"{}", b'{"keys": 1}', b"\xff"])
def test_what_is_no_key_set_is_an_error(document: bytes) -> None:
    with pytest.raises(ValueError, match="not a JWKS"):
        parse_jwks(document)


def test_keys_come_from_http_or_a_file_and_nowhere_else() -> None:
    with pytest.raises(ValueError, match="http:, https: or file:"):
        fetch_from("ftp://issuer.test/jwks")


async def test_the_local_issuers_token_is_good(clock: FrozenClock) -> None:
    issuer = LocalIssuer.in_memory(issuer=ISSUER, clock=clock)
    verifier = a_verifier(clock, *issuer.jwks()["keys"])

    other = uuid4()
    principal = await verifier.verify(
        issuer.mint("anna", roles=[UserRole.CONTROLLER], practices=[PRACTICE, str(other)])
    )

    assert principal.roles == {UserRole.CONTROLLER}
    assert principal.practices == {PRACTICE, other}


def b64(value: object) -> str:
    return text_of(json.dumps(value).encode())


def text_of(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
