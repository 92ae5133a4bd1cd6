"""How many requests one client may send."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from facecog.acting import Role
from facecog.config import Settings
from facecog.errors import InvalidSetting, TooManyRequests
from facecog.service import Facecog
from facecog.web.app import create_app
from facecog.web.throttle import Rate, Throttle, _key

THERE = "203.0.113.9"


class Clock:
    """A time that passes when told to."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def asked(throttle: Throttle, client: str = "a") -> bool:
    """Whether a request was let through."""
    try:
        throttle.check(client)
    except TooManyRequests:
        return False
    throttle.take(client)
    return True


def test_so_many_at_once_and_then_one_after_the_other(clock: Clock) -> None:
    throttle = Throttle(Rate(60, 60), clock)

    assert [asked(throttle) for _ in range(61)] == [True] * 60 + [False]
    clock.now += 1
    assert [asked(throttle) for _ in range(2)] == [True, False]
    clock.now += 3600
    assert [asked(throttle) for _ in range(61)] == [True] * 60 + [False]


@pytest.mark.parametrize("rate", [Rate(3000, 60), Rate(7, 3600), Rate(1, 1), Rate(10_000, 1)])
def test_whoever_waits_as_long_as_is_said_is_let_through(clock: Clock, rate: Rate) -> None:
    throttle = Throttle(rate, clock)
    for _ in range(rate.requests):
        assert asked(throttle)
    with pytest.raises(TooManyRequests) as refusal:
        throttle.check("a")
    clock.now += refusal.value.seconds

    assert asked(throttle)


def test_whoever_goes_on_asking_too_often_still_gets_what_is_allowed(clock: Clock) -> None:
    throttle = Throttle(Rate(2, 2), clock)
    let_through = 0
    for _ in range(100):  # in ten seconds
        clock.now += 0.1
        try:
            throttle.check("a")
            let_through += 1
        except TooManyRequests:
            pass
        throttle.take("a")  # of the app, what was refused is counted too

    assert 10 <= let_through <= 12


def test_a_client_costs_no_other_anything(clock: Clock) -> None:
    throttle = Throttle(Rate(1, 60), clock)

    assert asked(throttle, "a") and not asked(throttle, "a")
    assert asked(throttle, "b")


def test_a_million_addresses_take_no_more_memory_than_ten_thousand(clock: Clock) -> None:
    throttle = Throttle(Rate(10, 60), clock)
    for number in range(Throttle.CLIENTS + 5):
        throttle.take(str(number))

    assert len(throttle) == Throttle.CLIENTS
    assert not throttle.knows("4") and throttle.knows("5")


def test_a_rate_is_a_number_and_a_time() -> None:
    assert Rate.of_setting("600/minute") == Rate(600, 60)
    assert Rate.of_setting("5/second") == Rate(5, 1)
    assert Rate.of_setting("1000/hour") == Rate(1000, 3600)
    assert Rate.of_setting("off") is None
    for text in ("0/minute", "600", "600/day", "-1/minute", "1.5/second", "600 / minute", "Off"):
        with pytest.raises(InvalidSetting, match="FACECOG_RATE"):
            Rate.of_setting(text)


# -- over HTTP --------------------------------------------------------------------------------


@pytest.fixture
def limited(facecog: Facecog, settings: Settings) -> FlaskClient:
    """A facecog that takes three requests a minute."""
    app = create_app(facecog, replace(settings, rate="3/minute"))
    app.testing = False
    return app.test_client()


def get(client: FlaskClient, address: str = THERE, **headers: str):
    return client.get(
        "/api/health",
        headers=headers,
        environ_base={"REMOTE_ADDR": address},
    )


def statuses(client: FlaskClient, times: int, address: str = THERE, **headers: str) -> list[int]:
    return [get(client, address, **headers).status_code for _ in range(times)]


def test_too_many_are_refused_and_told_how_long_to_wait(limited: FlaskClient) -> None:
    first = get(limited)
    assert statuses(limited, 2) == [200, 200]
    refusal = get(limited)

    assert first.headers["RateLimit-Policy"] == '"client";q=3;w=60'
    assert first.headers["RateLimit"] == '"client";r=2;t=20'
    assert (refusal.status_code, refusal.json["code"]) == (429, "too_many_requests")
    assert 1 <= int(refusal.headers["Retry-After"]) <= 20
    assert refusal.headers["RateLimit"].startswith('"client";r=0;')


def test_it_is_said_on_a_page_too(limited: FlaskClient) -> None:
    statuses(limited, 3)

    page = limited.get("/", headers={"Accept": "text/html"}, environ_base={"REMOTE_ADDR": THERE})
    assert page.status_code == 429 and "too many requests" in page.text


def test_a_refused_request_is_refused_before_its_body_is_looked_at(limited: FlaskClient) -> None:
    statuses(limited, 3)

    answer = limited.post(
        "/api/register",
        data=b"{no json",
        content_type="application/json",
        environ_base={"REMOTE_ADDR": THERE},
    )
    assert answer.status_code == 429


def test_neighbours_of_an_ipv6_network_are_one_client(limited: FlaskClient) -> None:
    addresses = [f"2001:db8::{number}" for number in range(4)]

    assert [get(limited, one).status_code for one in addresses] == [200, 200, 200, 429]
    assert get(limited, "2001:db8:0:1::1").status_code == 200
    assert statuses(limited, 4, "::ffff:203.0.113.9")[-1] == 429
    assert get(limited).status_code == 429  # the same in IPv4


def test_this_machine_is_not_limited(limited: FlaskClient) -> None:
    for address in ("127.0.0.1", "::1"):
        assert statuses(limited, 10, address) == [200] * 10
    assert "RateLimit" not in get(limited, "127.0.0.1").headers


def test_it_can_be_off(facecog: Facecog, settings: Settings) -> None:
    client = create_app(facecog, replace(settings, rate="off")).test_client()

    assert statuses(client, 10) == [200] * 10


def test_a_client_cannot_take_another_address_by_saying_so(limited: FlaskClient) -> None:
    said = [get(limited, **{"X-Forwarded-For": f"198.51.100.{n}"}).status_code for n in range(4)]

    assert said == [200, 200, 200, 429]


def test_behind_a_named_proxy_each_client_is_one(facecog: Facecog, settings: Settings) -> None:
    named = replace(settings, rate="3/minute", proxies="127.0.0.1")
    client = create_app(facecog, named).test_client()

    def through(said: str) -> list[int]:
        return statuses(client, 4, "127.0.0.1", **{"X-Forwarded-For": said})

    assert through("198.51.100.1") == [200, 200, 200, 429]
    assert through("198.51.100.2") == [200, 200, 200, 429]
    # What the client says before the proxy's word counts for nothing.
    assert through("198.51.100.77, 198.51.100.1") == [429] * 4


def test_a_made_up_key_is_no_way_round(limited: FlaskClient) -> None:
    said = [get(limited, Authorization=f"Bearer {number}").status_code for number in range(4)]

    assert said == [401, 401, 401, 429]


def test_a_key_has_a_bucket_of_its_own_from_wherever_it_is_used(
    limited: FlaskClient, facecog: Facecog
) -> None:
    good, other = (facecog.keys.add("door", Role.RECOGNISER)[1] for _ in range(2))
    for address in (THERE, "198.51.100.1", "127.0.0.1"):
        assert get(limited, address, **{"X-Api-Key": good}).status_code == 200
    assert get(limited, "198.51.100.2", Authorization=f"Bearer {good}").status_code == 429
    assert get(limited, THERE, Authorization=f"Bearer {other}").status_code == 200
    assert statuses(limited, 3) == [200] * 3  # its address lost nothing


def test_what_is_remembered_of_a_key_is_not_the_key(limited: FlaskClient) -> None:
    asking = limited.application.request_class(
        {"HTTP_AUTHORIZATION": "Bearer very-secret", "wsgi.url_scheme": "http"}
    )
    assert len(key := str(_key(asking))) == 64 and "very-secret" not in key
