#include "token.h"

#include <stdlib.h>
#include <string.h>

#include "base64url.h"

#define HEADER_MAX 1024                    /* characters; ours has some 80 */
#define NAME_MAX_BYTES 255                 /* of a subject or a client id */
#define TIME_MAX_S INT64_C(253402300799)   /* the end of the year 9999 */

static bool refuse(const char **why, const char *reason)
{
	*why = reason;
	return false;
}

bool kid_is_valid(const char *kid)
{
	size_t length = strspn(kid, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
	return length > 0 && length <= KID_MAX && !kid[length];
}

/* Decode one part of a token into the JSON object that it must be. A member that stands there twice is refused. */
static json_t *decode_object(const char *part, size_t length)
{
	size_t size;
	char *text = base64url_decode(part, length, &size);
	if(!text) return NULL;
	json_t *value = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	if(value && !json_is_object(value)){
		json_decref(value);
		return NULL;
	}
	return value;
}

/* Find the two dots of a token; false when there are fewer or more, or it is too long. */
static bool split(const char *token, const char **payload, const char **signature)
{
	if(strnlen(token, TOKEN_MAX + 1) > TOKEN_MAX) return false;
	const char *first = strchr(token, '.');
	const char *second = first ? strchr(first + 1, '.') : NULL;
	if(!second || strchr(second + 1, '.')) return false;
	*payload = first + 1;
	*signature = second + 1;
	return true;
}

bool token_read_signature(const char *token, size_t *signed_size, unsigned char signature[SIGNATURE_BYTES])
{
	const char *payload, *encoded;
	size_t size;
	if(!split(token, &payload, &encoded)) return false;
	char *decoded = base64url_decode(encoded, strlen(encoded), &size);
	bool read = decoded && size == SIGNATURE_BYTES;
	if(read) memcpy(signature, decoded, SIGNATURE_BYTES);
	*signed_size = (size_t)(encoded - token) - 1;
	free(decoded);
	return read;
}

static bool read_header(const json_t *header, char kid[KID_MAX + 1], const char **why)
{
	const char *alg = json_string_value(json_object_get(header, "alg"));
	const char *id = json_string_value(json_object_get(header, "kid"));
	const char *type = json_string_value(json_object_get(header, "typ"));
	if(!alg || strcmp(alg, "ES256")) return refuse(why, "the algorithm of the token is not ES256");
	if(type && strcasecmp(type, "JWT")) return refuse(why, "the type of the token is not JWT");
	if(json_object_get(header, "crit")) return refuse(why, "the token has critical extensions");
	if(!id || !kid_is_valid(id)) return refuse(why, "the token names no key");
	strcpy(kid, id);
	return true;
}

bool token_read_kid(const char *token, char kid[KID_MAX + 1], const char **why)
{
	const char *payload, *signature;
	if(!split(token, &payload, &signature)) return refuse(why, "the password is no token");
	size_t length = (size_t)(payload - token) - 1;
	json_t *header = length <= HEADER_MAX ? decode_object(token, length) : NULL;
	if(!header) return refuse(why, "the header of the token cannot be read");
	bool read = read_header(header, kid, why);
	json_decref(header);
	return read;
}

static bool is_audience(const json_t *audience)
{
	size_t index;
	const json_t *item;
	bool found = false;
	if(json_is_string(audience)) return !strcmp(json_string_value(audience), "mqtt");
	json_array_foreach(audience, index, item){
		if(!json_is_string(item)) return false;
		found = found || !strcmp(json_string_value(item), "mqtt");
	}
	return found;
}

static bool read_integer(const json_t *value, int64_t max, int64_t *number)
{
	*number = json_integer_value(value);
	return json_is_integer(value) && *number >= 0 && *number <= max;
}

/* Read a claim in seconds that may be absent, which is the same as 0. */
static bool read_moment(const json_t *value, int64_t *seconds)
{
	*seconds = 0;
	return !value || read_integer(value, TIME_MAX_S, seconds);
}

static bool read_times(const json_t *payload, struct claims *claims, const char **why)
{
	if(!read_integer(json_object_get(payload, "exp"), TIME_MAX_S, &claims->expires_s)) return refuse(why, "the token has no expiry");
	if(!read_integer(json_object_get(payload, "iat_ms"), TIME_MAX_S * 1000, &claims->issued_ms)) return refuse(why, "the token has no iat_ms");
	if(!read_moment(json_object_get(payload, "iat"), &claims->issued_s)) return refuse(why, "the iat of the token is no time");
	if(!read_moment(json_object_get(payload, "nbf"), &claims->not_before_s)) return refuse(why, "the nbf of the token is no time");
	return true;
}

const char *claims_check_times(const struct claims *claims, int64_t now_ms)
{
	int64_t soon_ms = now_ms + CLOCK_SKEW_MS;
	if(claims->expires_s * 1000 <= now_ms) return "the token has expired";
	if(claims->issued_ms > soon_ms) return "the iat_ms of the token is still to come";
	if(claims->issued_s * 1000 > soon_ms) return "the iat of the token is still to come";
	if(claims->not_before_s * 1000 > soon_ms) return "the nbf of the token is still to come";
	return NULL;
}

static char *copy_name(const json_t *name)
{
	size_t length = json_string_length(name);
	return json_is_string(name) && length > 0 && length <= NAME_MAX_BYTES ? strdup(json_string_value(name)) : NULL;
}

static bool read_payload(const json_t *payload, struct claims *claims, const char **why)
{
	const char *issuer = json_string_value(json_object_get(payload, "iss"));
	if(!issuer || strcmp(issuer, "nightjar")) return refuse(why, "the issuer of the token is not nightjar");
	if(!is_audience(json_object_get(payload, "aud"))) return refuse(why, "the token is not for mqtt");
	if(!read_times(payload, claims, why)) return false;
	claims->subject = copy_name(json_object_get(payload, "sub"));
	if(!claims->subject) return refuse(why, "the token has no subject");
	claims->client_id = copy_name(json_object_get(payload, "client_id"));
	if(!claims->client_id) return refuse(why, "the token has no client_id");
	claims->acl = acl_from_json(json_object_get(payload, "acl"), why);
	return claims->acl != NULL;
}

struct claims *token_read_claims(const char *token, const char **why)
{
	const char *part, *signature;
	*why = "the password is no token";
	if(!split(token, &part, &signature)) return NULL;
	json_t *payload = decode_object(part, (size_t)(signature - part) - 1);
	*why = "the claims of the token cannot be read";
	if(!payload) return NULL;
	struct claims *claims = calloc(1, sizeof *claims);
	*why = "out of memory";
	if(claims){
		claims->holders = 1;
		if(!read_payload(payload, claims, why)){
			claims_release(claims);
			claims = NULL;
		}
	}
	json_decref(payload);
	return claims;
}

struct claims *claims_hold(struct claims *claims)
{
	claims->holders++;
	return claims;
}

void claims_release(struct claims *claims)
{
	if(!claims || --claims->holders) return;
	free(claims->subject);
	free(claims->client_id);
	acl_free(claims->acl);
	free(claims);
}
