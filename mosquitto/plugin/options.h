/* The plugin's options in mosquitto.conf: `plugin_opt_NAME value`. */
#ifndef NIGHTJAR_OPTIONS_H
#define NIGHTJAR_OPTIONS_H

#include <mosquitto_broker.h>
#include <mosquitto.h>
#include <mosquitto_plugin.h>
#include <stdbool.h>
#include <stdint.h>

struct options {
	char *keys_dir;
	char *revocations_file;
	char *service_users; /* separated by commas */
	int64_t user_token_seconds;
	bool wait_for_control;
	char *wait_for_subscriber;         /* a service user, or NULL */
	char *subscriber_file;             /* made when that user has subscribed for the first time */
	int64_t wait_for_subscriber_seconds;
};

/* Read the options; on failure `why` and `name` say what is wrong with which of them. */
bool options_read(const struct mosquitto_opt *list, int count, struct options *options, const char **name, const char **why);
void options_clear(struct options *options);

bool options_is_service(const struct options *options, const char *username);

#endif
