"""The settings of scripts/up."""

from pathlib import Path

import pytest

from scripts.stack.config import ROOT, Endpoint, QueueLimits, read_config
from scripts.stack.errors import StackError


def test_without_settings_everything_listens_on_loopback_and_lives_in_the_project(tmp_path: Path) -> None:
    """The defaults are those of the README."""
    config = read_config({}, tmp_path)
    assert (config.api, config.mqtt) == (Endpoint("127.0.0.1", 8080), Endpoint("127.0.0.1", 1883))
    assert config.state == tmp_path / ".nightjar"
    assert config.database_url is None


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    """What .env says holds unless the environment says otherwise."""
    (tmp_path / ".env").write_text(
        "NIGHTJAR_API_BIND=127.0.0.1:9000\nNIGHTJAR_MQTT_BIND=127.0.0.1:9001\nSSL_CERT_FILE=/file.pem\n"
    )
    environment = {"NIGHTJAR_API_BIND": "127.0.0.1:9002", "SSL_CERT_FILE": "/environment.pem", "HOME": "/"}
    config = read_config(environment, tmp_path)
    assert (config.api.port, config.mqtt.port) == (9002, 9001)
    assert config.settings["SSL_CERT_FILE"] == "/environment.pem"
    assert set(config.settings) == {"NIGHTJAR_API_BIND", "NIGHTJAR_MQTT_BIND", "SSL_CERT_FILE"}


@pytest.mark.parametrize("text", ["8080", "127.0.0.1:", ":8080", "127.0.0.1:http", "127.0.0.1:0", "127.0.0.1:65536"])
def test_a_bad_endpoint_is_named(text: str, tmp_path: Path) -> None:
    """One line names the setting and shows a right one."""
    with pytest.raises(StackError, match=r"^NIGHTJAR_API_BIND: .* such as 127\.0\.0\.1:8080$"):
        read_config({"NIGHTJAR_API_BIND": text}, tmp_path)


def test_limits_of_the_broker_and_the_number_of_archivers_are_settings(tmp_path: Path) -> None:
    """Without them one archiver runs, and the limits are those of mosquitto.conf."""
    default = read_config({}, tmp_path)
    assert (default.archivers, default.queue) == (1, QueueLimits())
    conf = (ROOT / "mosquitto" / "mosquitto.conf").read_text().splitlines()
    assert f"max_queued_messages {default.queue.messages}" in conf
    assert f"max_queued_bytes {default.queue.bytes}" in conf
    changed = read_config({"NIGHTJAR_ARCHIVERS": "3", "NIGHTJAR_BROKER_QUEUE_MESSAGES": "5000"}, tmp_path)
    assert (changed.archivers, changed.queue.messages) == (3, 5000)


@pytest.mark.parametrize("text", ["0", "-1", "many", "65", "1.5", "٣"])
def test_a_number_of_archivers_that_is_none_is_named(text: str, tmp_path: Path) -> None:
    """One line names the setting and what it may be."""
    with pytest.raises(StackError, match=r"^NIGHTJAR_ARCHIVERS: .* is no number from 1 to 64$"):
        _ = read_config({"NIGHTJAR_ARCHIVERS": text}, tmp_path).archivers


def test_a_server_on_all_addresses_is_reached_on_loopback() -> None:
    """No program connects to 0.0.0.0."""
    assert Endpoint("0.0.0.0", 1883).reachable == "127.0.0.1"  # noqa: S104  # nothing listens here
