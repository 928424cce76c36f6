"""What people are told when TLS does not come about."""

import ssl

import pytest

from wire.trust import tls_trouble

NOT_KNOWN = "its certificate is not trusted: no authority that is known here has signed it"


def distrust(code: int, message: str = "") -> ssl.SSLCertVerificationError:
    """Make an error as OpenSSL's verification does."""
    error = ssl.SSLCertVerificationError(1, f"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {message}")
    error.verify_code, error.verify_message = code, message
    return error


def failure(reason: str | None, message: str) -> ssl.SSLError:
    """Make another error of TLS."""
    error = ssl.SSLError(1, message)
    error.reason = reason  # type: ignore[assignment]  # it may well be None
    return error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (distrust(10), "its certificate is not trusted: it has expired"),
        (distrust(62), "its certificate is not trusted: it is for another name"),
        (distrust(92, "CA cert does not include key usage extension"), "CA cert does not include key usage extension"),
        (distrust(20), f"{NOT_KNOWN} (one of your own goes into SSL_CERT_FILE)"),
        (failure("WRONG_VERSION_NUMBER", "[SSL: WRONG_VERSION_NUMBER]"), "it does not speak TLS there"),
        (failure("TLSV1_ALERT_PROTOCOL_VERSION", "[SSL]"), "TLS fails: tlsv1 alert protocol version"),
        (ssl.SSLError(1, "bad"), "TLS fails: bad"),
        (ssl.SSLEOFError(8, "EOF"), "TLS fails: EOF"),
        (ssl.SSLCertVerificationError(1, "bad"), "its certificate is not trusted: bad"),
        (failure(None, "EOF occurred in violation of protocol"), "TLS fails: EOF occurred in violation of protocol"),
    ],
)
def test_an_error_of_tls_is_said_in_plain_words(error: ssl.SSLError, said: str) -> None:
    assert (tls_trouble(error, {}) or "").endswith(said)


def test_it_is_found_beneath_the_errors_of_libraries() -> None:
    """httpx and what it uses wrap it twice."""
    outer = OSError("[SSL: CERTIFICATE_VERIFY_FAILED]")
    outer.__cause__ = ValueError()
    outer.__cause__.__cause__ = distrust(20)
    hint = "is it in SSL_CERT_FILE, /ca.pem?"
    assert tls_trouble(outer, {"SSL_CERT_FILE": "/ca.pem"}) == f"{NOT_KNOWN} ({hint})"


def test_an_error_of_something_else_is_none_of_tls() -> None:
    assert tls_trouble(ConnectionRefusedError(111, "Connection refused"), {}) is None
