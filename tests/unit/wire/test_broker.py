"""Broker URLs."""

import pytest

from wire.broker import BrokerAddress, checked_broker_url, parse_broker_url


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("mqtt://broker", BrokerAddress("broker", 1883, tls=False)),
        ("mqtts://broker.example", BrokerAddress("broker.example", 8883, tls=True)),
        ("mqtt://[::1]:2883/", BrokerAddress("::1", 2883, tls=False)),
    ],
)
def test_a_broker_url_has_a_port_of_its_own_or_the_usual_one(url: str, address: BrokerAddress) -> None:
    assert parse_broker_url(url) == address
    assert checked_broker_url(url) == url


@pytest.mark.parametrize(
    "url",
    ["", "broker", "tcp://broker", "mqtt://", "mqtt://a@b", "mqtt://a/b", "mqtt://a?b", "mqtt://a#b", "mqtt://a:b"],
)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"must be mqtt|Port could not be cast"):
        checked_broker_url(url)
