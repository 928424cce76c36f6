/* Where in a table of ours a text belongs (FNV-1a). */
#ifndef NIGHTJAR_HASH_H
#define NIGHTJAR_HASH_H

#include <stdint.h>

#define HASH_START UINT64_C(0xcbf29ce484222325)

/* Go on from `hash` with a text. */
static inline uint64_t hash_text(uint64_t hash, const char *text)
{
	for(; *text; text++) hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return hash;
}

/* The number of a bucket; how many there are is a power of two. */
static inline uint64_t hash_bucket(uint64_t hash, uint64_t buckets)
{
	return (hash ^ hash >> 32) & (buckets - 1);
}

#endif
