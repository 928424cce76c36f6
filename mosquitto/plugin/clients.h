/* Who is connected, by the broker's own handle of the connection and by user name.
 *
 * A record outlives its connection for a while, because the broker asks whether a last will may be published only when
 * it publishes it, and a will may be delayed. */
#ifndef NIGHTJAR_CLIENTS_H
#define NIGHTJAR_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "token.h"

#define WILL_SECONDS 300      /* how long after its connection a client's will may still be published */
#define DEPARTED_MAX 65536    /* clients remembered for that; beyond it the oldest go first */

struct client {
	const void *handle;
	struct claims *claims;
	uint64_t key; /* the number of the one that its token is signed with */
	bool revoked;
	bool departed;
	int64_t departed_s;
	uint64_t read_number; /* of the topic that it was last allowed to read (`struct plugin`) */
	struct client *next_by_handle;
	struct client *next_by_user;
	struct client *newer, *older; /* among the departed */
};

struct clients;

struct clients *clients_new(void);
void clients_free(struct clients *clients);

/* Record an authenticated connection, in place of whatever had the handle before. The record holds the claims as well.
 * NULL when there is no memory. */
struct client *clients_add(struct clients *clients, const void *handle, struct claims *claims, uint64_t key);
struct client *clients_find(const struct clients *clients, const void *handle);
/* The connection is gone. Of a client that has departed before, the older connection is forgotten: the broker dropped its
 * will when the newer one came. So there are never more records than clients, twice, however often they connect. */
void clients_depart(struct clients *clients, const void *handle, int64_t now_s);
/* Forget those that departed more than WILL_SECONDS ago. */
void clients_forget(struct clients *clients, int64_t now_s);

/* Call `visit` for every record, or every record of one user. It must not add or remove any. */
typedef void (*client_visitor)(struct client *client, void *argument);
void clients_each(struct clients *clients, client_visitor visit, void *argument);
void clients_each_of(struct clients *clients, const char *username, client_visitor visit, void *argument);

/* How many records there are, those of departed clients among them. */
size_t clients_count(const struct clients *clients);

#endif
