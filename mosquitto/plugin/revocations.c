#include "revocations.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"

#define FIRST_BUCKETS 1024 /* a power of two, as all sizes are */

struct entry {
	struct revocation revocation;
	struct entry *next;
};

struct revocations {
	size_t count, buckets;
	struct entry **table;
};

static size_t bucket_of(const char *username, const char *client_id, size_t buckets)
{
	uint64_t hash = hash_text(HASH_START, username);
	return hash_bucket(client_id ? hash_text(hash, client_id) : hash, buckets);
}

static bool same_client(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static struct entry *find(const struct revocations *revocations, const char *username, const char *client_id)
{
	struct entry *entry = revocations->table[bucket_of(username, client_id, revocations->buckets)];
	while(entry && (strcmp(entry->revocation.username, username) || !same_client(entry->revocation.client_id, client_id))){
		entry = entry->next;
	}
	return entry;
}

struct revocations *revocations_new(void)
{
	struct revocations *revocations = calloc(1, sizeof *revocations);
	if(!revocations) return NULL;
	revocations->buckets = FIRST_BUCKETS;
	revocations->table = calloc(FIRST_BUCKETS, sizeof *revocations->table);
	if(!revocations->table){
		free(revocations);
		return NULL;
	}
	return revocations;
}

static void free_entry(struct entry *entry)
{
	free(entry->revocation.username);
	free(entry->revocation.client_id);
	free(entry);
}

static bool is_over_all(const struct revocation *revocation, const void *argument)
{
	(void)revocation;
	(void)argument;
	return true;
}

void revocations_free(struct revocations *revocations)
{
	if(!revocations) return;
	revocations_forget(revocations, is_over_all, NULL);
	free(revocations->table);
	free(revocations);
}

static void insert(struct revocations *revocations, struct entry *entry)
{
	const struct revocation *revocation = &entry->revocation;
	struct entry **bucket = &revocations->table[bucket_of(revocation->username, revocation->client_id, revocations->buckets)];
	entry->next = *bucket;
	*bucket = entry;
}

/* Double the buckets. Without the memory for it everything goes on as before, only slower. */
static void grow(struct revocations *revocations)
{
	size_t old_buckets = revocations->buckets;
	struct entry **old = revocations->table, **table = calloc(old_buckets * 2, sizeof *table);
	if(!table) return;
	revocations->table = table;
	revocations->buckets = old_buckets * 2;
	for(size_t i = 0; i < old_buckets; i++){
		for(struct entry *entry = old[i], *next; entry; entry = next){
			next = entry->next;
			insert(revocations, entry);
		}
	}
	free(old);
}

static struct entry *copy_entry(const struct revocation *revocation)
{
	struct entry *entry = calloc(1, sizeof *entry);
	if(!entry) return NULL;
	entry->revocation.issued_before_ms = revocation->issued_before_ms;
	entry->revocation.username = strdup(revocation->username);
	if(revocation->client_id) entry->revocation.client_id = strdup(revocation->client_id);
	if(!entry->revocation.username || (revocation->client_id && !entry->revocation.client_id)){
		free_entry(entry);
		return NULL;
	}
	return entry;
}

bool revocations_add(struct revocations *revocations, const struct revocation *revocation)
{
	struct entry *entry = find(revocations, revocation->username, revocation->client_id);
	if(entry){
		if(entry->revocation.issued_before_ms < revocation->issued_before_ms){
			entry->revocation.issued_before_ms = revocation->issued_before_ms;
		}
		return true;
	}
	entry = copy_entry(revocation);
	if(!entry) return false;
	if(revocations->count >= revocations->buckets) grow(revocations);
	insert(revocations, entry);
	revocations->count++;
	return true;
}

static bool is_before(const struct entry *entry, int64_t issued_ms)
{
	return entry && issued_ms < entry->revocation.issued_before_ms;
}

bool revocations_void(const struct revocations *revocations, const char *username, const char *client_id, int64_t issued_ms)
{
	return is_before(find(revocations, username, NULL), issued_ms)
		|| is_before(find(revocations, username, client_id), issued_ms);
}

size_t revocations_count(const struct revocations *revocations)
{
	return revocations->count;
}

bool revocations_each(const struct revocations *revocations, revocation_visitor visit, void *argument)
{
	for(size_t i = 0; i < revocations->buckets; i++){
		for(const struct entry *entry = revocations->table[i]; entry; entry = entry->next){
			if(!visit(&entry->revocation, argument)) return false;
		}
	}
	return true;
}

void revocations_forget(struct revocations *revocations, revocation_test is_over, const void *argument)
{
	for(size_t i = 0; i < revocations->buckets; i++){
		for(struct entry **link = &revocations->table[i]; *link;){
			struct entry *entry = *link;
			if(is_over(&entry->revocation, argument)){
				*link = entry->next;
				free_entry(entry);
				revocations->count--;
			}else{
				link = &entry->next;
			}
		}
	}
}
