"""Why TLS did not come about, in words for people. Pure."""

import ssl
from collections.abc import Mapping

_WORDS = {
    9: "it is not valid yet",
    10: "it has expired",
    62: "it is for another name",
    64: "it is for another address",
}
"""What OpenSSL's codes mean."""
_UNKNOWN_AUTHORITY = frozenset({2, 18, 19, 20, 21})
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"})


def tls_trouble(error: BaseException, environment: Mapping[str, str]) -> str | None:
    """Say what is wrong if an error, or one that it was raised from, is of TLS; None when none is.

    The environment says where Python looks for authorities.
    """
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {_distrust(found, environment.get('SSL_CERT_FILE'))}"
        if isinstance(found, ssl.SSLError):
            return _failure(found)
        found = found.__cause__ or found.__context__
    return None


def _distrust(error: ssl.SSLCertVerificationError, authorities: str | None) -> str:
    code = getattr(error, "verify_code", 0)  # Python's own TLS sets it, and what else it says, not the class
    if code not in _UNKNOWN_AUTHORITY:
        return _WORDS.get(code) or str(getattr(error, "verify_message", error))
    hint = f"is it in SSL_CERT_FILE, {authorities}?" if authorities else "one of your own goes into SSL_CERT_FILE"
    return f"no authority that is known here has signed it ({hint})"


def _failure(error: ssl.SSLError) -> str:
    reason = getattr(error, "reason", None)
    if reason in _NO_TLS:
        return "it does not speak TLS there"
    return f"TLS fails: {reason.replace('_', ' ').lower() if reason else error.strerror or error}"
