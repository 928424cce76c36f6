#include "plugin.h"

#include <errno.h>
#include <malloc.h>
#include <string.h>

#define FORGET_EVERY_SECONDS 60
#define KEYS_EVERY_SECONDS 30
/* Of queues that are empty again the allocator keeps what lies below anything still in use: most of it. */
#define GIVE_BACK_EVERY_SECONDS 5

static bool has_expired(const struct client *client, const void *now_s)
{
	return client->claims->expires_s <= *(const int64_t *)now_s;
}

static void note_expiry(struct client *client, void *next_s)
{
	int64_t *next = next_s;
	if(!client->departed && client->claims->expires_s < *next) *next = client->claims->expires_s;
}

/* A client whose token has expired has done nothing wrong: its will is published. */
static void disconnect_expired(struct plugin *plugin, int64_t now_s)
{
	if(now_s < plugin->next_expiry_s) return;
	kick_all(plugin, has_expired, &now_s, true);
	plugin->next_expiry_s = INT64_MAX;
	clients_each(plugin->clients, note_expiry, &plugin->next_expiry_s);
	/* Should the broker not let go of somebody, look again, but not at every turn. */
	if(plugin->next_expiry_s <= now_s) plugin->next_expiry_s = now_s + 1;
}

static bool has_lost_its_key(const struct client *client, const void *keys)
{
	return !keys_hold(keys, client->key);
}

void upkeep_tell_unusable(struct plugin *plugin)
{
	unsigned unusable = keys_unusable(plugin->keys);
	if(unusable > plugin->keys_unusable){
		mosquitto_log_printf(MOSQ_LOG_WARNING, "nightjar: %u files in %s are no public keys of P-256", unusable, plugin->options.keys_dir);
	}
	plugin->keys_unusable = unusable;
}

void upkeep_reload_keys(struct plugin *plugin)
{
	if(!keys_load(plugin->keys)){
		mosquitto_log_printf(MOSQ_LOG_ERR, "nightjar: the keys in %s cannot be read, the old ones stay: %s",
				plugin->options.keys_dir, strerror(errno));
		return;
	}
	upkeep_tell_unusable(plugin);
	if(!keys_count(plugin->keys)) mosquitto_log_printf(MOSQ_LOG_WARNING, "nightjar: %s holds no key", plugin->options.keys_dir);
	kick_all(plugin, has_lost_its_key, plugin->keys, true);
}

void upkeep_tick(struct plugin *plugin)
{
	int64_t now_s = now_ms() / 1000;
	revoke_kick(plugin, NULL);
	if(now_s == plugin->ticked_s) return;
	plugin->ticked_s = now_s;
	disconnect_expired(plugin, now_s);
	clients_forget(plugin->clients, now_s);
	if(keys_changed(plugin->keys) || now_s % KEYS_EVERY_SECONDS == 0) upkeep_reload_keys(plugin);
	if(now_s % FORGET_EVERY_SECONDS == 0) revoke_forget(plugin);
	if(now_s % GIVE_BACK_EVERY_SECONDS == 0) malloc_trim(0);
}
