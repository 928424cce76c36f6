#include "plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

void subscriber_load(struct plugin *plugin)
{
	const char *path = plugin->options.subscriber_file;
	plugin->awaiting = plugin->options.wait_for_subscriber && access(path, F_OK) == 0;
	plugin->opened_s = now_ms() / 1000;
}

/* Make the file that says, to the next life of the broker, whom to wait for. */
static void mark(const char *path)
{
	if(access(path, F_OK) == 0) return;
	int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if(file >= 0) close(file);
	else mosquitto_log_printf(MOSQ_LOG_ERR, "nightjar: plugin_opt_subscriber_file %s: %s", path, strerror(errno));
}

void subscriber_note(struct plugin *plugin, const char *username)
{
	const struct options *options = &plugin->options;
	if(!options->wait_for_subscriber || strcmp(username, options->wait_for_subscriber)) return;
	mark(options->subscriber_file);
	if(plugin->awaiting) mosquitto_log_printf(MOSQ_LOG_NOTICE, "nightjar: %s has subscribed, all may connect", username);
	plugin->awaiting = false;
}

bool subscriber_awaited(struct plugin *plugin, const char *username)
{
	const struct options *options = &plugin->options;
	if(!plugin->awaiting || options_is_service(options, username)) return false;
	/* A clock that is set back must not make it longer. */
	int64_t waited = now_ms() / 1000 - plugin->opened_s;
	if(waited >= 0 && waited < options->wait_for_subscriber_seconds) return true;
	mosquitto_log_printf(MOSQ_LOG_WARNING, "nightjar: %s has not subscribed, all may connect", options->wait_for_subscriber);
	plugin->awaiting = false;
	return false;
}
