"""The sanitisers watch the brokers of these tests; here: that their reports would not be overlooked."""

from tests.support.broker import sanitizer_reports

QUIET = "2026-01-01T00:00:00: New client connected from 127.0.0.1:1 as a.b (p5, c1, k60, u'a').\n"
LEAKS = """{log}
=================================================================
==1==ERROR: LeakSanitizer: detected memory leaks

Direct leak of 1760 byte(s) in 20 object(s) allocated from:
    #0 0x7fa2396b83b7 in __interceptor_calloc asan_malloc_linux.cpp:77
    #1 0x55f6990d4e60 in {caller}
    #2 0x55f6990d1279 in handle__connect (/usr/sbin/mosquitto+0x22279)

SUMMARY: AddressSanitizer: 1760 byte(s) leaked in 20 allocation(s).
"""


def test_a_quiet_log_has_no_report() -> None:
    """What the broker says of connections is no finding."""
    assert sanitizer_reports(QUIET) == []


def test_an_invalid_access_is_a_report() -> None:
    """AddressSanitizer's first line is enough."""
    assert sanitizer_reports(QUIET + "==1==ERROR: AddressSanitizer: heap-use-after-free on address 0x1\n" + QUIET)


def test_undefined_behaviour_is_a_report() -> None:
    """UndefinedBehaviorSanitizer names the line of the source."""
    assert sanitizer_reports("plugin/filter.c:12:3: runtime error: shift exponent 32 is too large\n")


def test_leaked_memory_of_the_plugin_is_a_report() -> None:
    """The plugin is gone when leaks are looked for, so its frame has no name."""
    assert sanitizer_reports(LEAKS.format(log=QUIET, caller="(<unknown module>)"))


def test_leaked_memory_of_the_broker_is_none() -> None:
    """Mosquitto 2.0.11 leaks the will of each CONNECT that is refused; that is not for us to repair."""
    assert sanitizer_reports(LEAKS.format(log=QUIET, caller="mosquitto__calloc (/usr/sbin/mosquitto+0x25e60)")) == []
