/* What a token says. Nothing here trusts it: the signature is checked by verify.c, after the header is read and before
 * the claims are. */
#ifndef NIGHTJAR_TOKEN_H
#define NIGHTJAR_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "acl.h"
#include "verify.h"

#define KID_MAX 64
#define TOKEN_MAX 65535 /* bytes; an MQTT password cannot be longer either */
#define CLOCK_SKEW_MS 30000

/* Nobody changes them any more once they are read, so that any number of records may share them. */
struct claims {
	char *subject;
	char *client_id;
	int64_t expires_s;
	int64_t issued_ms;
	int64_t issued_s;     /* 0 when the token does not say it */
	int64_t not_before_s; /* the same */
	struct acl *acl;
	unsigned holders;
};

/* Find what is signed, the first bytes of the token up to its second dot, and the signature. False when there is no
 * signature of the right length. */
bool token_read_signature(const char *token, size_t *signed_size, unsigned char signature[SIGNATURE_BYTES]);

/* Read the key id out of a header that says ES256 and nothing unheard of. False when it cannot be used; `why` says so. */
bool token_read_kid(const char *token, char kid[KID_MAX + 1], const char **why);

/* Read the claims of a token whose signature is good, and check all in them that is the same at any time and for any
 * connection: issuer, audience, form. Takes less memory than the token. On success the claims have one holder, the
 * caller; NULL on failure, and `why` says what was wrong. */
struct claims *token_read_claims(const char *token, const char **why);
/* NULL when the token is good at this time, in Unix milliseconds, else why not. */
const char *claims_check_times(const struct claims *claims, int64_t now_ms);

/* One holder more; returns the claims. The last who lets go frees them. */
struct claims *claims_hold(struct claims *claims);
void claims_release(struct claims *claims);

/* Whether the text may be a key id: letters, digits, '-' and '_', at most KID_MAX. */
bool kid_is_valid(const char *kid);

#endif
