/* The public keys in a directory: `{kid}.pem`. Any number of them is good at the same time. */
#ifndef NIGHTJAR_KEYS_H
#define NIGHTJAR_KEYS_H

#include <stdbool.h>

struct keys;

struct keys *keys_new(const char *directory);
void keys_free(struct keys *keys);

/* Read the directory again. False, with errno set and keeping the keys there were, when it or a key in it cannot be read. */
bool keys_load(struct keys *keys);
/* Whether the directory has changed since it was read, as far as its own time tells. */
bool keys_changed(const struct keys *keys);

/* The PEM of a key, or NULL. */
const char *keys_find(const struct keys *keys, const char *kid);
unsigned keys_count(const struct keys *keys);

#endif
