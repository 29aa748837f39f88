"""From where a request comes, whatever its caller writes into its headers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from shared.web.proxies import ProxyHeader, TrustedProxies, networks_in

PROXY, OUTER, CALLER = "10.0.0.5", "192.0.2.7", "203.0.113.9"
PROXIES = networks_in("10.0.0.0/8, 192.0.2.7, fd00::/8")
X, FORWARDED = ProxyHeader.X_FORWARDED_FOR, ProxyHeader.FORWARDED


def caller(remote: str | None, *written: str, header: ProxyHeader = X) -> str | None:
    """Return from where a request comes that arrives from `remote` with these headers."""
    headers = CIMultiDict[str]((header, one) for one in written)
    return TrustedProxies(PROXIES, header).caller_of(remote, headers)


def test_a_trusted_proxy_is_believed() -> None:
    assert caller(PROXY, CALLER) == CALLER
    assert caller(PROXY, f"for={CALLER};proto=https;by=10.0.0.5", header=FORWARDED) == CALLER
    assert caller(PROXY, f'For="{CALLER}:4711"', header=FORWARDED) == CALLER


def test_nobody_else_is() -> None:
    assert caller("198.51.100.1", CALLER) == "198.51.100.1"
    assert caller("198.51.100.1", f"for={CALLER}", header=FORWARDED) == "198.51.100.1"


def test_without_a_setting_no_header_counts() -> None:
    headers = CIMultiDict({"X-Forwarded-For": CALLER, "Forwarded": f"for={CALLER}"})
    assert TrustedProxies().caller_of(PROXY, headers) == PROXY


def test_the_header_that_the_proxies_do_not_write_does_not_count() -> None:
    """A caller may send it, and the proxy that does not know it passes it on."""
    headers = CIMultiDict({"X-Forwarded-For": CALLER, "Forwarded": "for=198.51.100.66"})
    assert TrustedProxies(PROXIES, X).caller_of(PROXY, headers) == CALLER
    assert TrustedProxies(PROXIES, FORWARDED).caller_of(PROXY, headers) == "198.51.100.66"


@pytest.mark.parametrize(
    "written",
    [
        (f"198.51.100.66, {CALLER}",),
        (f"{PROXY}, {CALLER}, {OUTER}",),
        (f"127.0.0.1,10.1.1.1,{CALLER}",),
        (PROXY, f"{CALLER}, {OUTER}"),
        (f"unknown, {CALLER}",),
    ],
)
def test_what_a_caller_puts_before_the_chain_is_not_believed(written: tuple[str, ...]) -> None:
    assert caller(PROXY, *written) == CALLER


@pytest.mark.parametrize(
    "written",
    [
        f"for=198.51.100.66, for={CALLER}",
        f'for="198.51.100.66, for={CALLER}',
        f'for="198.51.100.66, for={CALLER};host="example.org", for={OUTER}',
        f'for="\\", for={CALLER};proto=http',
    ],
)
def test_a_caller_cannot_quote_the_proxies_words_away(written: str) -> None:
    assert caller(PROXY, written, header=FORWARDED) == CALLER


def test_a_host_with_a_comma_is_not_taken_for_an_address() -> None:
    """The caller chooses the host that a proxy quotes."""
    written = f'for={CALLER};host="x, for=198.51.100.66;a="'
    assert caller(PROXY, written, header=FORWARDED) == PROXY


def test_a_way_through_trusted_proxies_only_begins_at_the_first_of_them() -> None:
    assert caller(PROXY, f"10.9.9.9, {OUTER}") == "10.9.9.9"
    assert caller(PROXY) == PROXY


@pytest.mark.parametrize(
    ("node", "address"),
    [
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:DB8:0::1]", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("::ffff:203.0.113.9", CALLER),
        (f"{CALLER}:4711", CALLER),
    ],
)
def test_addresses_have_one_form(node: str, address: str) -> None:
    assert caller(PROXY, node) == address
    assert caller("fd00::5", node) == address
    assert caller("::ffff:10.0.0.5", f'for="{node}"', header=FORWARDED) == address


def test_a_proxy_of_a_zone_is_known_by_its_address() -> None:
    assert TrustedProxies(networks_in("fe80::/10")).caller_of(
        "fe80::1%eth0", CIMultiDict({X: CALLER})
    ) == (CALLER)


@pytest.mark.parametrize(
    "garbage",
    ["", "unknown", "_hidden", "999.1.1.1", "fe80::1%<b>", "1.2.3.4:5:6", "[::1", "for=", "\x00"],
)
def test_garbage_ends_the_chain_at_the_proxy_that_passed_it_on(garbage: str) -> None:
    assert caller(PROXY, f"{CALLER}, {garbage}, {OUTER}") == OUTER
    assert caller(PROXY, f"{CALLER}, {garbage}") == PROXY
    assert caller(PROXY, f'for={CALLER}, for="{garbage}"', header=FORWARDED) == PROXY
    assert caller(PROXY, f"for={CALLER}, {garbage}", header=FORWARDED) == PROXY


def test_an_element_that_names_two_callers_names_none() -> None:
    assert caller(PROXY, f"for={CALLER};for=198.51.100.66", header=FORWARDED) == PROXY
    assert caller(PROXY, f"proto=https;host=for;x-for={CALLER}", header=FORWARDED) == PROXY


def test_a_connection_without_an_address_stays_without() -> None:
    assert caller(None, CALLER) is None
    assert caller("/run/socket", CALLER) == "/run/socket"


@given(st.text(max_size=60), st.sampled_from(ProxyHeader))
def test_whatever_is_written_an_address_comes_out(written: str, header: ProxyHeader) -> None:
    told = caller(PROXY, written, header=header)
    assert told is not None
    assert set(told) <= set("0123456789abcdef.:")


@pytest.mark.parametrize("text", ["10.0.0.0/99", "10.0.0.1/8", "proxy.example"])
def test_what_is_no_network_is_no_setting(text: str) -> None:
    with pytest.raises(ValueError, match=r"network|host bits|does not appear"):
        networks_in(text)
