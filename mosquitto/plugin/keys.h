/* The public keys in a directory: `{kid}.pem`. Any number of them is good at the same time. */
#ifndef NIGHTJAR_KEYS_H
#define NIGHTJAR_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "token.h"
#include "verify.h"

struct key {
	char kid[KID_MAX + 1];
	uint64_t number;           /* of this key and no other, in whatever file: never given again */
	struct verifier *verifier;
};

struct keys;

struct keys *keys_new(const char *directory);
void keys_free(struct keys *keys);

/* Read the directory again. A file that says what it said before is not parsed again, and stays the same key.
 * False, with errno set and keeping the keys there were, when the directory or a key in it cannot be read. */
bool keys_load(struct keys *keys);
/* Whether the directory has changed since it was read, as far as its own time tells. */
bool keys_changed(const struct keys *keys);

/* The key of this id, or NULL; good until the next `keys_load`. */
const struct key *keys_find(const struct keys *keys, const char *kid);
/* Whether the key of this number is still there. */
bool keys_hold(const struct keys *keys, uint64_t number);
unsigned keys_count(const struct keys *keys);
/* How many of the files read last look like public keys but are none of P-256. */
unsigned keys_unusable(const struct keys *keys);

#endif
