/* Entry points of the plugin, and the callbacks that the broker calls. */
#include "plugin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXPORT __attribute__((visibility("default")))
#define API_VERSION 5

int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int on_connect(int event, void *event_data, void *userdata)
{
	(void)event;
	const struct mosquitto_evt_basic_auth *connect = event_data;
	const char *why = connect_check(userdata, connect->client, connect->username, connect->password);
	if(!why) return MOSQ_ERR_SUCCESS;
	const char *client_id = mosquitto_client_id(connect->client), *address = mosquitto_client_address(connect->client);
	mosquitto_log_printf(MOSQ_LOG_NOTICE, "nightjar: %s from %s is refused: %s", client_id ? client_id : "-", address ? address : "-", why);
	return MOSQ_ERR_AUTH;
}

static int on_access(int event, void *event_data, void *userdata)
{
	(void)event;
	return access_check(userdata, event_data);
}

/* The message itself has been taken by `access_check`; now it is safe to disconnect others, though not its sender,
 * which has to get its acknowledgement. */
static int on_control(int event, void *event_data, void *userdata)
{
	(void)event;
	const struct mosquitto_evt_control *control = event_data;
	revoke_kick(userdata, control->client);
	return MOSQ_ERR_SUCCESS;
}

static int on_disconnect(int event, void *event_data, void *userdata)
{
	(void)event;
	const struct mosquitto_evt_disconnect *disconnect = event_data;
	struct plugin *plugin = userdata;
	clients_depart(plugin->clients, disconnect->client, now_ms() / 1000);
	return MOSQ_ERR_SUCCESS;
}

static int on_tick(int event, void *event_data, void *userdata)
{
	(void)event;
	(void)event_data;
	upkeep_tick(userdata);
	return MOSQ_ERR_SUCCESS;
}

static int on_reload(int event, void *event_data, void *userdata)
{
	(void)event;
	(void)event_data;
	upkeep_reload_keys(userdata);
	return MOSQ_ERR_SUCCESS;
}

static const struct {
	int event;
	MOSQ_FUNC_generic_callback callback;
	const char *topic;
} callbacks[] = {
	{MOSQ_EVT_BASIC_AUTH, on_connect, NULL},
	{MOSQ_EVT_ACL_CHECK, on_access, NULL},
	{MOSQ_EVT_CONTROL, on_control, CONTROL_TOPIC},
	{MOSQ_EVT_DISCONNECT, on_disconnect, NULL},
	{MOSQ_EVT_TICK, on_tick, NULL},
	{MOSQ_EVT_RELOAD, on_reload, NULL},
};
#define CALLBACKS (sizeof callbacks / sizeof callbacks[0])

static int register_all(struct plugin *plugin)
{
	int status = MOSQ_ERR_SUCCESS;
	for(size_t i = 0; i < CALLBACKS && !status; i++){
		status = mosquitto_callback_register(plugin->id, callbacks[i].event, callbacks[i].callback, callbacks[i].topic, plugin);
	}
	return status;
}

static void free_plugin(struct plugin *plugin)
{
	keys_free(plugin->keys);
	journal_free(plugin->journal);
	revocations_free(plugin->revocations);
	clients_free(plugin->clients);
	verified_free(plugin->verified);
	options_clear(&plugin->options);
	free(plugin);
}

static bool load_keys(struct plugin *plugin)
{
	if(keys_load(plugin->keys)){
		mosquitto_log_printf(MOSQ_LOG_NOTICE, "nightjar: %u keys in %s", keys_count(plugin->keys), plugin->options.keys_dir);
		upkeep_tell_unusable(plugin);
		return true;
	}
	mosquitto_log_printf(MOSQ_LOG_ERR, "nightjar: plugin_opt_keys_dir %s cannot be read: %s", plugin->options.keys_dir, strerror(errno));
	return false;
}

static bool set_up(struct plugin *plugin, const struct mosquitto_opt *options, int count)
{
	const char *name, *why;
	if(!options_read(options, count, &plugin->options, &name, &why)){
		mosquitto_log_printf(MOSQ_LOG_ERR, "nightjar: plugin_opt_%s %s", name, why);
		return false;
	}
	plugin->gate_open = !plugin->options.wait_for_control;
	subscriber_load(plugin);
	plugin->next_expiry_s = INT64_MAX;
	plugin->keys = keys_new(plugin->options.keys_dir);
	plugin->journal = journal_new(plugin->options.revocations_file);
	plugin->revocations = revocations_new();
	plugin->clients = clients_new();
	plugin->verified = verified_new();
	if(!plugin->keys || !plugin->journal || !plugin->revocations || !plugin->clients || !plugin->verified) return false;
	return load_keys(plugin) && revoke_load(plugin);
}

EXPORT int mosquitto_plugin_version(int supported_version_count, const int *supported_versions)
{
	for(int i = 0; i < supported_version_count; i++){
		if(supported_versions[i] == API_VERSION) return API_VERSION;
	}
	return -1;
}

EXPORT int mosquitto_plugin_init(mosquitto_plugin_id_t *identifier, void **userdata, struct mosquitto_opt *options, int option_count)
{
	struct plugin *plugin = calloc(1, sizeof *plugin);
	if(!plugin) return MOSQ_ERR_NOMEM;
	plugin->id = identifier;
	int status = set_up(plugin, options, option_count) ? register_all(plugin) : MOSQ_ERR_INVAL;
	if(status){
		free_plugin(plugin);
		return status;
	}
	*userdata = plugin;
	return MOSQ_ERR_SUCCESS;
}

EXPORT int mosquitto_plugin_cleanup(void *userdata, struct mosquitto_opt *options, int option_count)
{
	(void)options;
	(void)option_count;
	struct plugin *plugin = userdata;
	if(!plugin) return MOSQ_ERR_SUCCESS;
	for(size_t i = 0; i < CALLBACKS; i++){
		mosquitto_callback_unregister(plugin->id, callbacks[i].event, callbacks[i].callback, callbacks[i].topic);
	}
	free_plugin(plugin);
	return MOSQ_ERR_SUCCESS;
}
