import pytest

from space.errors import TooFastError
from space.state.rate_limits import RateLimit, address_of


@pytest.fixture
def now():
    return [0.0]


@pytest.fixture
def limit(now):
    """Two photos a minute for a visitor, three for an address."""
    return RateLimit(2, per_address=3, clock=lambda: now[0])


def test_the_limit_of_a_visitor_slides_and_forgets(limit, now):
    limit.spend("ada")
    limit.spend("ada")
    now[0] = 59.0
    with pytest.raises(TooFastError, match="2 photos a minute for each visitor: try again in 2 se"):
        limit.spend("ada")
    limit.spend("bob")
    now[0] = 60.5
    limit.spend("ada")


def test_new_sessions_do_not_lift_the_limit_of_an_address(limit):
    for session in ("a", "b", "c"):
        limit.spend(session, "8.8.8.8")
    with pytest.raises(TooFastError, match="3 photos a minute for each address"):
        limit.spend("d", "8.8.8.8")
    limit.spend("d", "8.8.4.4")


def test_clients_without_requests_in_the_last_minute_are_forgotten(limit, now):
    limit.spend("ada", "8.8.8.8")
    now[0] = 30.0
    limit.spend("bob", "8.8.4.4")
    now[0] = 61.0
    limit.sweep()
    assert set(limit._seen) == {("visitor", "bob"), ("address", "8.8.4.4")}
    now[0] = 91.0
    limit.spend("eve")
    assert set(limit._seen) == {("visitor", "eve")}


def test_refused_requests_are_not_counted(limit, now):
    limit.spend("a", "8.8.8.8")
    now[0] = 30.0
    limit.spend("a", "8.8.8.8")
    for _ in range(5):
        with pytest.raises(TooFastError):
            limit.spend("a", "8.8.8.8")
    limit.spend("b", "8.8.8.8")


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        ("8.8.8.8", "8.8.8.8"),
        ("1.1.1.1, 8.8.8.8", "8.8.8.8"),
        ("8.8.8.8, 10.16.3.80", "8.8.8.8"),
        ("invented, 8.8.8.8, 127.0.0.1", "8.8.8.8"),
        ("2001:4860:4860:1:2:3:4:5", "2001:4860:4860:1::/64"),
        ("::ffff:8.8.8.8", "8.8.8.8"),
        (None, "10.16.3.80"),
        ("192.168.0.4", "10.16.3.80"),
    ],
)
def test_on_a_space_the_last_public_address_of_the_proxy_counts(forwarded, expected):
    assert address_of("10.16.3.80", forwarded, behind_proxy=True) == expected


def test_off_a_space_forwarded_addresses_are_ignored():
    assert address_of("127.0.0.1", "8.8.8.8", behind_proxy=False) == "127.0.0.1"
    assert address_of(None, "8.8.8.8", behind_proxy=False) == ""
