#include "plugin.h"

#include <errno.h>
#include <string.h>

static void mark(struct client *client, void *argument)
{
	struct plugin *plugin = argument;
	const struct claims *claims = client->claims;
	if(client->revoked || !revocations_void(plugin->revocations, claims->subject, claims->client_id, claims->issued_ms)) return;
	client->revoked = true;
	plugin->kicks_due = plugin->kicks_due || !client->departed;
}

static bool add_all(struct plugin *plugin, const struct commands *commands)
{
	bool added = true;
	for(size_t i = 0; i < commands->count; i++) added = revocations_add(plugin->revocations, &commands->list[i]) && added;
	for(size_t i = 0; i < commands->count; i++) clients_each_of(plugin->clients, commands->list[i].username, mark, plugin);
	return added;
}

static bool keep(struct plugin *plugin, const struct commands *commands)
{
	if(!journal_wants_rewrite(plugin->journal, plugin->revocations)) return journal_append(plugin->journal, commands);
	revoke_forget(plugin);
	return journal_rewrite(plugin->journal, plugin->revocations);
}

/* This runs while the broker asks whether the message may be published at all, and not in the callback for control
 * messages, because that one cannot give the acknowledgement a reason code. */
int revoke_take(struct plugin *plugin, const struct mosquitto_evt_acl_check *event)
{
	struct commands commands;
	const char *why;
	if(!commands_read(event->payload, event->payloadlen, now_ms(), &commands, &why)){
		mosquitto_log_printf(MOSQ_LOG_ERR, "nightjar: a control message is refused: %s", why);
		/* Only MQTT 5 acknowledges with a reason. To the others the end of the connection says it. */
		return mosquitto_client_protocol_version(event->client) == 5 ? MOSQ_ERR_ACL_DENIED : MOSQ_ERR_UNKNOWN;
	}
	/* In force at once, whatever the disk says; but confirmed only when it is on the disk. */
	bool kept = add_all(plugin, &commands);
	kept = keep(plugin, &commands) && kept;
	int error = errno;
	bool more = commands.more;
	commands_clear(&commands);
	if(!kept){
		mosquitto_log_printf(MOSQ_LOG_ERR, "nightjar: revocations cannot be written to %s: %s",
				plugin->options.revocations_file, strerror(error));
		return MOSQ_ERR_UNKNOWN;
	}
	if(more) return MOSQ_ERR_SUCCESS;
	if(!plugin->gate_open) mosquitto_log_printf(MOSQ_LOG_NOTICE, "nightjar: the first control message has come, %s may connect",
			plugin->awaiting ? "services" : "all");
	if(!plugin->gate_open) plugin->opened_s = now_ms() / 1000;
	plugin->gate_open = true;
	return MOSQ_ERR_SUCCESS;
}

static bool is_due(const struct client *client, const void *except)
{
	return client->revoked && client->handle != except;
}

void revoke_kick(struct plugin *plugin, const struct mosquitto *except)
{
	if(!plugin->kicks_due) return;
	kick_all(plugin, is_due, except, false);
	plugin->kicks_due = except != NULL;
}

/* User tokens issued before the revocation have all expired by now; those of services live longer. */
static bool is_over(const struct revocation *revocation, const void *argument)
{
	const struct plugin *plugin = argument;
	return !options_is_service(&plugin->options, revocation->username)
		&& revocation->issued_before_ms + plugin->options.user_token_seconds * 1000 <= now_ms();
}

void revoke_forget(struct plugin *plugin)
{
	revocations_forget(plugin->revocations, is_over, plugin);
}

bool revoke_load(struct plugin *plugin)
{
	size_t bad;
	const char *path = plugin->options.revocations_file;
	bool loaded = journal_load(plugin->journal, plugin->revocations, &bad);
	if(loaded && bad) mosquitto_log_printf(MOSQ_LOG_WARNING, "nightjar: %zu lines of %s are not whole and left out", bad, path);
	if(loaded) revoke_forget(plugin);
	if(loaded && journal_rewrite(plugin->journal, plugin->revocations)) return true;
	mosquitto_log_printf(MOSQ_LOG_ERR, "nightjar: plugin_opt_revocations_file %s: %s", path, strerror(errno));
	return false;
}
