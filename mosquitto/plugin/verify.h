/* ES256 signatures (ECDSA over P-256 with SHA-256, RFC 7518, section 3.4), by a public key that is parsed once. */
#ifndef NIGHTJAR_VERIFY_H
#define NIGHTJAR_VERIFY_H

#include <stdbool.h>
#include <stddef.h>

#define SIGNATURE_BYTES 64 /* r and s, each 32 bytes, big-endian */

struct verifier;

/* Read a PEM public key. NULL when it is no key of P-256, or there is no memory. */
struct verifier *verifier_new(const char *pem);
void verifier_free(struct verifier *verifier);

/* Whether the signature of these bytes is by the key's owner. Not for two threads at once. */
bool verifier_accepts(struct verifier *verifier, const char *signed_bytes, size_t size,
		const unsigned char signature[SIGNATURE_BYTES]);

#endif
