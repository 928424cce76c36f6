/* Tokens whose signature was found to be good, so that a device that connects again with the same one need not wait for
 * that: one check of a signature takes longer than all the rest of a CONNECT. What is remembered is what time cannot
 * change: which key the signature is by, and what the token says. Whether that key still counts, whether the token has
 * expired or is revoked, and for whom and which connection it is, has to be checked each time.
 *
 * Each client id has one place at most, so whoever fetches many tokens takes no more than one place for each device. */
#ifndef NIGHTJAR_VERIFIED_H
#define NIGHTJAR_VERIFIED_H

#include <stdbool.h>
#include <stdint.h>

#include "token.h"

#ifndef VERIFIED_SETS /* the fuzzers have fewer */
#define VERIFIED_SETS 2048 /* a power of two. A client id can be in one of them only */
#endif
#define VERIFIED_PLACES 8       /* in each set; the token that was not used for the longest time makes room */
#define VERIFIED_TOKEN_MAX 4096 /* bytes; longer tokens are not remembered. Claims take less, so in all 64 MiB at most */
#define DIGEST_BYTES 32

struct digest {
	unsigned char bytes[DIGEST_BYTES];
};

struct verified_token {
	struct digest digest;  /* SHA-256 of all of its text, the signature too */
	uint64_t key;          /* the number of the one that the signature is by */
	struct claims *claims; /* NULL: the place is free */
};

struct verified;

struct verified *verified_new(void);
void verified_free(struct verified *verified);

/* False when the token is too long to be remembered, or there is no memory. */
bool verified_digest(const struct verified *verified, const char *token, struct digest *digest);
/* The token of this digest that was added for this client id, or NULL; good until the next call. */
const struct verified_token *verified_find(struct verified *verified, const char *client_id, const struct digest *digest);
/* Remember a token, in place of any other of the same client id; what it says is held. */
void verified_add(struct verified *verified, const struct digest *digest, uint64_t key, struct claims *claims);

#endif
