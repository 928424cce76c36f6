#include "options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DAY_SECONDS 86400
#define YEAR_SECONDS 31536000
#define SUBSCRIBER_SECONDS 30

static bool copy(const char *value, char **to)
{
	free(*to);
	*to = *value ? strdup(value) : NULL;
	return *to != NULL;
}

static bool read_seconds(const char *value, int64_t *seconds)
{
	char *end;
	errno = 0;
	*seconds = strtoll(value, &end, 10);
	return !errno && end != value && !*end && *seconds > 0 && *seconds <= YEAR_SECONDS;
}

static bool read_bool(const char *value, bool *flag)
{
	*flag = !strcmp(value, "true");
	return *flag || !strcmp(value, "false");
}

static const char *read_option(const struct mosquitto_opt *option, struct options *options)
{
	const char *value = option->value ? option->value : "";
	if(!strcmp(option->key, "keys_dir")) return copy(value, &options->keys_dir) ? NULL : "must name a directory";
	if(!strcmp(option->key, "revocations_file")) return copy(value, &options->revocations_file) ? NULL : "must name a file";
	if(!strcmp(option->key, "service_users")) return copy(value, &options->service_users) ? NULL : "must name users";
	if(!strcmp(option->key, "user_token_seconds")){
		return read_seconds(value, &options->user_token_seconds) ? NULL : "must be a number of seconds, at most a year";
	}
	if(!strcmp(option->key, "wait_for_subscriber")) return copy(value, &options->wait_for_subscriber) ? NULL : "must name a user";
	if(!strcmp(option->key, "subscriber_file")) return copy(value, &options->subscriber_file) ? NULL : "must name a file";
	if(!strcmp(option->key, "wait_for_subscriber_seconds")){
		return read_seconds(value, &options->wait_for_subscriber_seconds) ? NULL : "must be a number of seconds, at most a year";
	}
	if(!strcmp(option->key, "wait_for_control")) return read_bool(value, &options->wait_for_control) ? NULL : "must be true or false";
	return "is no option of this plugin";
}

bool options_read(const struct mosquitto_opt *list, int count, struct options *options, const char **name, const char **why)
{
	*options = (struct options){
		.user_token_seconds = DAY_SECONDS, .wait_for_control = true, .wait_for_subscriber_seconds = SUBSCRIBER_SECONDS,
	};
	for(int i = 0; i < count; i++){
		*name = list[i].key;
		*why = read_option(&list[i], options);
		if(*why) return false;
	}
	*why = "is not set";
	*name = "subscriber_file";
	if(options->wait_for_subscriber && !options->subscriber_file) return false;
	*name = "keys_dir";
	if(!options->keys_dir) return false;
	*name = "revocations_file";
	return options->revocations_file != NULL;
}

void options_clear(struct options *options)
{
	free(options->keys_dir);
	free(options->revocations_file);
	free(options->service_users);
	free(options->wait_for_subscriber);
	free(options->subscriber_file);
	memset(options, 0, sizeof *options);
}

bool options_is_service(const struct options *options, const char *username)
{
	size_t length = strlen(username);
	for(const char *name = options->service_users; name && *name;){
		size_t size = strcspn(name, ",");
		if(size == length && !memcmp(name, username, length)) return true;
		name += size + (name[size] == ',');
	}
	return false;
}
