#include "clients.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"

#define FIRST_BUCKETS 1024 /* a power of two, as all sizes are */

struct clients {
	size_t count, departed, buckets;
	struct client **by_handle, **by_user;
	struct client *oldest, *newest; /* the departed, in the order in which they left */
};

static size_t handle_bucket(const void *handle, size_t buckets)
{
	uint64_t bits = (uint64_t)(uintptr_t)handle * UINT64_C(0x9e3779b97f4a7c15);
	return (size_t)(bits >> 32) & (buckets - 1);
}

static size_t user_bucket(const char *username, size_t buckets)
{
	return hash_bucket(hash_text(HASH_START, username), buckets);
}

struct clients *clients_new(void)
{
	struct clients *clients = calloc(1, sizeof *clients);
	if(!clients) return NULL;
	clients->buckets = FIRST_BUCKETS;
	clients->by_handle = calloc(FIRST_BUCKETS, sizeof *clients->by_handle);
	clients->by_user = calloc(FIRST_BUCKETS, sizeof *clients->by_user);
	if(!clients->by_handle || !clients->by_user){
		clients_free(clients);
		return NULL;
	}
	return clients;
}

static void free_client(struct client *client)
{
	claims_release(client->claims);
	free(client);
}

void clients_free(struct clients *clients)
{
	if(!clients) return;
	for(size_t i = 0; clients->by_handle && i < clients->buckets; i++){
		for(struct client *client = clients->by_handle[i], *next; client; client = next){
			next = client->next_by_handle;
			free_client(client);
		}
	}
	free(clients->by_handle);
	free(clients->by_user);
	free(clients);
}

static void link_client(struct clients *clients, struct client *client)
{
	struct client **by_handle = &clients->by_handle[handle_bucket(client->handle, clients->buckets)];
	struct client **by_user = &clients->by_user[user_bucket(client->claims->subject, clients->buckets)];
	client->next_by_handle = *by_handle;
	client->next_by_user = *by_user;
	*by_handle = *by_user = client;
}

static void unlink_departed(struct clients *clients, struct client *client)
{
	if(!client->departed) return;
	*(client->older ? &client->older->newer : &clients->oldest) = client->newer;
	*(client->newer ? &client->newer->older : &clients->newest) = client->older;
	clients->departed--;
}

static void remove_client(struct clients *clients, struct client *client)
{
	struct client **link = &clients->by_handle[handle_bucket(client->handle, clients->buckets)];
	while(*link != client) link = &(*link)->next_by_handle;
	*link = client->next_by_handle;
	link = &clients->by_user[user_bucket(client->claims->subject, clients->buckets)];
	while(*link != client) link = &(*link)->next_by_user;
	*link = client->next_by_user;
	unlink_departed(clients, client);
	clients->count--;
	free_client(client);
}

/* Double the buckets. Without the memory for it everything goes on as before, only slower. */
static void grow(struct clients *clients)
{
	size_t old_buckets = clients->buckets, buckets = old_buckets * 2;
	struct client **by_handle = calloc(buckets, sizeof *by_handle), **by_user = calloc(buckets, sizeof *by_user);
	if(!by_handle || !by_user){
		free(by_handle);
		free(by_user);
		return;
	}
	struct client **old = clients->by_handle;
	free(clients->by_user);
	clients->by_handle = by_handle;
	clients->by_user = by_user;
	clients->buckets = buckets;
	for(size_t i = 0; i < old_buckets; i++){
		for(struct client *client = old[i], *next; client; client = next){
			next = client->next_by_handle;
			link_client(clients, client);
		}
	}
	free(old);
}

struct client *clients_add(struct clients *clients, const void *handle, struct claims *claims, uint64_t key)
{
	struct client *before = clients_find(clients, handle);
	struct client *client = calloc(1, sizeof *client);
	if(!client) return NULL;
	if(before) remove_client(clients, before);
	if(clients->count >= clients->buckets) grow(clients);
	client->handle = handle;
	client->claims = claims_hold(claims);
	client->key = key;
	link_client(clients, client);
	clients->count++;
	return client;
}

struct client *clients_find(const struct clients *clients, const void *handle)
{
	struct client *client = clients->by_handle[handle_bucket(handle, clients->buckets)];
	while(client && client->handle != handle) client = client->next_by_handle;
	return client;
}

static bool is_of(const struct client *client, const struct claims *claims)
{
	return !strcmp(client->claims->client_id, claims->client_id) && !strcmp(client->claims->subject, claims->subject);
}

static struct client *find_departed(const struct clients *clients, const struct claims *claims)
{
	struct client *client = clients->by_user[user_bucket(claims->subject, clients->buckets)];
	while(client && !(client->departed && is_of(client, claims))) client = client->next_by_user;
	return client;
}

void clients_depart(struct clients *clients, const void *handle, int64_t now_s)
{
	struct client *client = clients_find(clients, handle);
	if(!client || client->departed) return;
	struct client *before = find_departed(clients, client->claims);
	if(before) remove_client(clients, before);
	client->departed = true;
	client->departed_s = now_s;
	client->older = clients->newest;
	*(clients->newest ? &clients->newest->newer : &clients->oldest) = client;
	clients->newest = client;
	if(++clients->departed > DEPARTED_MAX) remove_client(clients, clients->oldest);
}

void clients_forget(struct clients *clients, int64_t now_s)
{
	while(clients->oldest && now_s - clients->oldest->departed_s > WILL_SECONDS) remove_client(clients, clients->oldest);
}

void clients_each(struct clients *clients, client_visitor visit, void *argument)
{
	for(size_t i = 0; i < clients->buckets; i++){
		for(struct client *client = clients->by_handle[i]; client; client = client->next_by_handle) visit(client, argument);
	}
}

void clients_each_of(struct clients *clients, const char *username, client_visitor visit, void *argument)
{
	struct client *client = clients->by_user[user_bucket(username, clients->buckets)];
	for(; client; client = client->next_by_user){
		if(!strcmp(client->claims->subject, username)) visit(client, argument);
	}
}

size_t clients_count(const struct clients *clients)
{
	return clients->count;
}
