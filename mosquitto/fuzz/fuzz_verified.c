/* Remembered tokens: whatever is added and asked for, each answer must be that of a list which keeps everything in the
 * order of its last use. The client ids crowd into one set, but for the last ones. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "verified.h"

#define CROWDED 12
#define CLIENTS 16
#define TOKENS 4 /* that each client may have, one after the other */

/* A token in the list. Its text is made from both numbers. */
struct item {
	unsigned client, token;
	uint64_t key;
};

struct list {
	size_t count;
	struct item items[CLIENTS]; /* last used first */
};

static char client_ids[CLIENTS][16];

static void require(int truth)
{
	if(!truth) abort();
}

static uint64_t set_of(unsigned client)
{
	return hash_bucket(hash_text(HASH_START, client_ids[client]), VERIFIED_SETS);
}

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
	(void)count;
	(void)arguments;
	unsigned found = 0;
	for(unsigned number = 0; found < CLIENTS; number++){
		snprintf(client_ids[found], sizeof client_ids[found], "c.%u", number);
		found += (set_of(found) == set_of(0)) == (found < CROWDED);
	}
	return 0;
}

static struct digest digest_of(const struct verified *verified, unsigned client, unsigned token)
{
	char text[64];
	struct digest digest;
	snprintf(text, sizeof text, "%s.%u", client_ids[client], token);
	require(verified_digest(verified, text, &digest));
	return digest;
}

/* The client's place in the list; `count` when it has none. */
static size_t place_of(const struct list *list, unsigned client)
{
	size_t place = 0;
	while(place < list->count && list->items[place].client != client) place++;
	return place;
}

static void take_out(struct list *list, size_t place)
{
	list->count--;
	memmove(&list->items[place], &list->items[place + 1], (list->count - place) * sizeof list->items[0]);
}

static void put_first(struct list *list, struct item item)
{
	memmove(&list->items[1], &list->items[0], list->count * sizeof item);
	list->items[0] = item;
	list->count++;
}

/* Of a set that holds more than it can, leave out what was not used for the longest time. */
static void make_room(struct list *list)
{
	size_t held = 0;
	for(size_t place = 0; place < list->count; place++) held += set_of(list->items[place].client) == set_of(0);
	if(held <= VERIFIED_PLACES) return;
	size_t last = list->count - 1;
	while(set_of(list->items[last].client) != set_of(0)) last--;
	take_out(list, last);
}

static void add(struct verified *verified, struct list *list, struct item item)
{
	struct digest digest = digest_of(verified, item.client, item.token);
	struct claims *claims = calloc(1, sizeof *claims);
	require(claims != NULL);
	claims->holders = 1;
	claims->issued_ms = item.token;
	claims->client_id = strdup(client_ids[item.client]);
	verified_add(verified, &digest, item.key, claims);
	claims_release(claims);
	size_t place = place_of(list, item.client);
	if(place < list->count) take_out(list, place);
	put_first(list, item);
	make_room(list);
}

static void find(struct verified *verified, struct list *list, unsigned client, unsigned token)
{
	struct digest digest = digest_of(verified, client, token);
	const struct verified_token *found = verified_find(verified, client_ids[client], &digest);
	size_t place = place_of(list, client);
	bool expected = place < list->count && list->items[place].token == token;
	require(expected == (found != NULL));
	if(!found) return;
	struct item item = list->items[place];
	require(found->key == item.key && found->claims->issued_ms == token && !strcmp(found->claims->client_id, client_ids[client]));
	take_out(list, place);
	put_first(list, item);
}

static void check_digests(const struct verified *verified, const uint8_t *data, size_t size)
{
	static char text[VERIFIED_TOKEN_MAX + 2];
	struct digest whole, same, other;
	memset(text, 'x', VERIFIED_TOKEN_MAX + 1);
	require(!verified_digest(verified, text, &whole));
	text[VERIFIED_TOKEN_MAX] = '\0';
	for(size_t i = 0; i < size && i < VERIFIED_TOKEN_MAX; i++) text[i] = (char)(data[i] | 1);
	require(verified_digest(verified, text, &whole) && verified_digest(verified, text, &same));
	text[VERIFIED_TOKEN_MAX - 1] ^= 2;
	require(verified_digest(verified, text, &other));
	require(!memcmp(&whole, &same, sizeof whole) && memcmp(&whole, &other, sizeof whole));
}

/* Each byte is one step: which client, which of its tokens, and whether to add it or to ask for it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct verified *verified = verified_new();
	struct list list = {.count = 0};
	require(verified != NULL);
	check_digests(verified, data, size);
	for(size_t i = 0; i < size; i++){
		unsigned client = data[i] % CLIENTS, token = data[i] / CLIENTS % TOKENS;
		if(data[i] < CLIENTS * TOKENS) add(verified, &list, (struct item){client, token, i});
		else find(verified, &list, client, token);
	}
	verified_free(verified);
	return 0;
}
