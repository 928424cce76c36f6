/* Tokens: as they come, and as well-wrapped headers and claims so that the input reaches the parser behind base64. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base64url.h"
#include "token.h"

#define NOW_MS INT64_C(1800000000000)

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static char *encode(char *to, const uint8_t *data, size_t size)
{
	for(size_t i = 0; i < size; i += 3){
		size_t left = size - i < 3 ? size - i : 3;
		uint32_t bits = (uint32_t)data[i] << 16 | (left > 1 ? (uint32_t)data[i + 1] << 8 : 0) | (left > 2 ? data[i + 2] : 0);
		for(size_t digit = 0; digit <= left; digit++) *to++ = digits[bits >> (18 - 6 * digit) & 63];
	}
	*to = '\0';
	return to;
}

static void require(int truth)
{
	if(!truth) abort();
}

/* Good at this time is what has not expired, and does not say that it comes from the future. */
static void check_times(const struct claims *claims)
{
	bool good = claims->expires_s * 1000 > NOW_MS && claims->issued_ms <= NOW_MS + CLOCK_SKEW_MS
		&& claims->issued_s <= (NOW_MS + CLOCK_SKEW_MS) / 1000 && claims->not_before_s <= (NOW_MS + CLOCK_SKEW_MS) / 1000;
	require(good == !claims_check_times(claims, NOW_MS));
	require(claims_check_times(claims, claims->expires_s * 1000) != NULL);
}

static void check_claims(const char *token)
{
	const char *why = NULL;
	struct claims *claims = token_read_claims(token, &why);
	if(!claims){
		require(why != NULL);
		return;
	}
	require(claims->expires_s >= 0 && claims->issued_ms >= 0 && claims->issued_s >= 0 && claims->not_before_s >= 0);
	require(*claims->subject && *claims->client_id);
	check_times(claims);
	/* No list of rules gives away what no rule names. */
	require(!acl_may_subscribe(claims->acl, "$share/x/#") || strstr(token, "."));
	acl_may_publish(claims->acl, "users/a/inbox/b", true);
	acl_may_read(claims->acl, "users/a/inbox/b");
	claims_release(claims);
}

static void check_header(const char *token)
{
	char kid[KID_MAX + 1];
	const char *why = NULL;
	if(token_read_kid(token, kid, &why)) require(kid_is_valid(kid));
	else require(why != NULL);
}

/* A signature is read from its one spelling only. */
static void check_signature(const char *token)
{
	unsigned char signature[SIGNATURE_BYTES];
	char spelled[2 * SIGNATURE_BYTES];
	size_t size;
	if(!token_read_signature(token, &size, signature)) return;
	encode(spelled, signature, SIGNATURE_BYTES);
	require(size < strlen(token) && token[size] == '.' && !strcmp(token + size + 1, spelled));
	require(memchr(token, '.', size) != NULL);
}

static void check_decoding(const uint8_t *data, size_t size, const char *encoded)
{
	size_t got;
	char *decoded = base64url_decode(encoded, strlen(encoded), &got);
	require(decoded && got == size && !memcmp(decoded, data, size));
	free(decoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *raw = malloc(size + 1), *encoded = malloc(size * 2 + 8), *token = malloc(size * 4 + 32);
	if(!raw || !encoded || !token) abort();
	memcpy(raw, data, size);
	raw[size] = '\0';
	check_header(raw);
	check_claims(raw);
	check_signature(raw);
	encode(encoded, data, size);
	check_decoding(data, size, encoded);
	strcat(strcpy(token, encoded), ".e30.");
	check_header(token);
	strcat(strcat(strcpy(token, "e30."), encoded), ".");
	check_claims(token);
	strcat(strcpy(token, "e30.e30."), encoded);
	check_signature(token);
	free(raw);
	free(encoded);
	free(token);
	return 0;
}
