/* The one place that asks libjwt: is this token signed by this key. */
#ifndef NIGHTJAR_VERIFY_H
#define NIGHTJAR_VERIFY_H

#include <stdbool.h>

/* Whether the token's signature is an ES256 signature by the owner of the PEM public key. */
bool token_is_signed_by(const char *token, const char *pem);

#endif
