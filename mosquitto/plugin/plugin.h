/* What the callbacks share: one of these for each time the broker loads the plugin. */
#ifndef NIGHTJAR_PLUGIN_H
#define NIGHTJAR_PLUGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "clients.h"
#include "journal.h"
#include "keys.h"
#include "options.h"
#include "revocations.h"
#include "verified.h"

struct plugin {
	mosquitto_plugin_id_t *id;
	struct options options;
	struct keys *keys;
	struct revocations *revocations;
	struct journal *journal;
	struct clients *clients;
	struct verified *verified;
	bool gate_open;         /* the first control message has come */
	bool awaiting;          /* the awaited user has subscribed in an earlier life of the broker, but not yet in this one */
	int64_t opened_s;       /* when the gate was opened */
	bool kicks_due;         /* some connected client's token has become void */
	int64_t ticked_s;       /* the second in which `upkeep_tick` last did its work */
	int64_t next_expiry_s;  /* no connected client's token expires before */
	char read_topic[256];   /* the topic that readers were last asked about, */
	uint64_t read_number;   /* and which one it was, counted from 1 */
	unsigned keys_unusable; /* files that held no key of ours when the keys were last read */
	int64_t keys_tried_s;   /* when an unknown key id last made us look */
};

/* Unix milliseconds. */
int64_t now_ms(void);

/* connect.c: NULL when the client may connect, else why not. */
const char *connect_check(struct plugin *plugin, const struct mosquitto *handle, const char *username, const char *token);

/* access.c: a MOSQ_ERR_ value for an access that the broker asks about. */
int access_check(struct plugin *plugin, const struct mosquitto_evt_acl_check *event);

/* revoke.c: take a control message; a MOSQ_ERR_ value. */
int revoke_take(struct plugin *plugin, const struct mosquitto_evt_acl_check *event);
/* Disconnect, without their wills, those whose tokens have become void, but not `except`. */
void revoke_kick(struct plugin *plugin, const struct mosquitto *except);
/* Forget revocations of tokens that have expired by now. */
void revoke_forget(struct plugin *plugin);
/* Read the journal at the start. */
bool revoke_load(struct plugin *plugin);

/* subscriber.c: shared subscriptions do not survive a restart of the broker, so users wait until whoever archives has
 * subscribed again: what they publish before would reach nobody who stores it. But not for ever, and not where nobody
 * ever has. */
void subscriber_load(struct plugin *plugin);
void subscriber_note(struct plugin *plugin, const char *username);
bool subscriber_awaited(struct plugin *plugin, const char *username);

/* upkeep.c: what time brings: expiry, keys that come and go, forgetting, and giving memory back. */
void upkeep_tick(struct plugin *plugin);
/* Say in the log how many key files are unusable, when there are more than the last time. */
void upkeep_tell_unusable(struct plugin *plugin);
void upkeep_reload_keys(struct plugin *plugin);

/* kick.c: call `wanted` for every connected client, and disconnect those for which it holds. */
typedef bool (*kick_test)(const struct client *client, const void *argument);
void kick_all(struct plugin *plugin, kick_test wanted, const void *argument, bool with_will);

#endif
