/* What a token says. Nothing here trusts it: the signature is checked by verify.c, after the
 * header is read and before the claims are. */
#ifndef NIGHTJAR_TOKEN_H
#define NIGHTJAR_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "acl.h"
#include "verify.h"

#define KID_MAX 64
#define TOKEN_MAX 65535 /* bytes; an MQTT password cannot be longer either */
#define CLOCK_SKEW_MS 30000

struct claims {
	char *subject;
	char *client_id;
	int64_t expires_s;
	int64_t issued_ms;
	struct acl *acl;
};

/* Find what is signed, the first bytes of the token up to its second dot, and the signature. False when there is no
 * signature of the right length. */
bool token_read_signature(const char *token, size_t *signed_size, unsigned char signature[SIGNATURE_BYTES]);

/* Read the key id out of a header that says ES256 and nothing unheard of. False when it cannot be used; `why` says so. */
bool token_read_kid(const char *token, char kid[KID_MAX + 1], const char **why);

/* Read the claims of a token whose signature is good, and check those that need no knowledge of the connection:
 * issuer, audience, times, form. `now_ms` is the time, in Unix milliseconds. On success the claims are the caller's
 * to clear; on failure there is nothing to clear and `why` says what was wrong. */
bool token_read_claims(const char *token, int64_t now_ms, struct claims *claims, const char **why);
void claims_clear(struct claims *claims);

/* Whether the text may be a key id: letters, digits, '-' and '_', at most KID_MAX. */
bool kid_is_valid(const char *kid);

#endif
