#include "verified.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"

/* The tokens that were used last come first. */
struct set {
	struct verified_token places[VERIFIED_PLACES];
};

struct verified {
	EVP_MD *sha256;
	struct set *sets;
};

struct verified *verified_new(void)
{
	struct verified *verified = calloc(1, sizeof *verified);
	if(!verified) return NULL;
	verified->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	verified->sets = calloc(VERIFIED_SETS, sizeof *verified->sets);
	if(!verified->sha256 || !verified->sets){
		verified_free(verified);
		return NULL;
	}
	return verified;
}

void verified_free(struct verified *verified)
{
	if(!verified) return;
	for(size_t i = 0; verified->sets && i < VERIFIED_SETS; i++){
		for(size_t j = 0; j < VERIFIED_PLACES; j++) claims_release(verified->sets[i].places[j].claims);
	}
	free(verified->sets);
	EVP_MD_free(verified->sha256);
	free(verified);
}

bool verified_digest(const struct verified *verified, const char *token, struct digest *digest)
{
	size_t size = strnlen(token, VERIFIED_TOKEN_MAX + 1);
	if(size > VERIFIED_TOKEN_MAX) return false;
	ERR_set_mark();
	bool done = EVP_Digest(token, size, digest->bytes, NULL, verified->sha256, NULL) == 1;
	ERR_pop_to_mark();
	return done;
}

static struct set *set_of(struct verified *verified, const char *client_id)
{
	return &verified->sets[hash_bucket(hash_text(HASH_START, client_id), VERIFIED_SETS)];
}

static bool is_of(const struct verified_token *token, const char *client_id)
{
	return token->claims && !strcmp(token->claims->client_id, client_id);
}

/* Put the client's token in front of those that were used later, and return where it is then. A client that has none
 * gets the place of the one that was not used for the longest time. */
static struct verified_token *move_first(struct set *set, const char *client_id)
{
	size_t place = 0;
	while(place < VERIFIED_PLACES - 1 && !is_of(&set->places[place], client_id)) place++;
	struct verified_token token = set->places[place];
	memmove(&set->places[1], &set->places[0], place * sizeof token);
	set->places[0] = token;
	return &set->places[0];
}

const struct verified_token *verified_find(struct verified *verified, const char *client_id, const struct digest *digest)
{
	struct set *set = set_of(verified, client_id);
	for(size_t place = 0; place < VERIFIED_PLACES; place++){
		const struct verified_token *token = &set->places[place];
		if(is_of(token, client_id)) return memcmp(&token->digest, digest, sizeof *digest) ? NULL : move_first(set, client_id);
	}
	return NULL;
}

void verified_add(struct verified *verified, const struct digest *digest, uint64_t key, struct claims *claims)
{
	struct verified_token *token = move_first(set_of(verified, claims->client_id), claims->client_id);
	claims_hold(claims);
	claims_release(token->claims);
	*token = (struct verified_token){.digest = *digest, .key = key, .claims = claims};
}
