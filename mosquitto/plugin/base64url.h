/* base64url without padding (RFC 4648, section 5), in its one canonical spelling. */
#ifndef NIGHTJAR_BASE64URL_H
#define NIGHTJAR_BASE64URL_H

#include <stddef.h>

/* Decode `length` characters. Returns a block to free and its size; NULL when the text is not canonical base64url. */
char *base64url_decode(const char *text, size_t length, size_t *size);

#endif
