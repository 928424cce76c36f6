#include "control.h"

#include <stdlib.h>
#include <string.h>

#include "token.h"

#define NAME_MAX_BYTES 255
#define TIME_MAX_MS INT64_C(253402300799999) /* the end of the year 9999 */

static bool refuse(const char **why, const char *reason)
{
	*why = reason;
	return false;
}

static bool is_name(const json_t *name)
{
	return json_is_string(name) && json_string_length(name) > 0 && json_string_length(name) <= NAME_MAX_BYTES;
}

bool revocation_from_json(const json_t *object, size_t members, struct revocation *revocation, const char **why)
{
	const json_t *username = json_object_get(object, "username");
	const json_t *client_id = json_object_get(object, "client_id");
	const json_t *before = json_object_get(object, "issued_before_ms");
	memset(revocation, 0, sizeof *revocation);
	if(!is_name(username)) return refuse(why, "a revocation names no user");
	if(client_id && !is_name(client_id)) return refuse(why, "a revocation's client_id is no name");
	revocation->issued_before_ms = json_integer_value(before);
	if(!json_is_integer(before) || revocation->issued_before_ms < 0 || revocation->issued_before_ms > TIME_MAX_MS){
		return refuse(why, "a revocation's issued_before_ms is no time");
	}
	if(json_object_size(object) != members + (client_id ? 3u : 2u)) return refuse(why, "a revocation has an unknown member");
	revocation->username = strdup(json_string_value(username));
	if(client_id) revocation->client_id = strdup(json_string_value(client_id));
	if(!revocation->username || (client_id && !revocation->client_id)){
		revocation_clear(revocation);
		return refuse(why, "out of memory");
	}
	return true;
}

void revocation_clear(struct revocation *revocation)
{
	free(revocation->username);
	free(revocation->client_id);
	memset(revocation, 0, sizeof *revocation);
}

static bool read_command(const json_t *command, int64_t now_ms, struct revocation *revocation, const char **why)
{
	const char *name = json_string_value(json_object_get(command, "command"));
	if(!name || strcmp(name, "revoke")) return refuse(why, "a command is not \"revoke\"");
	if(!revocation_from_json(command, 1, revocation, why)) return false;
	if(revocation->issued_before_ms <= now_ms + CLOCK_SKEW_MS) return true;
	revocation_clear(revocation);
	return refuse(why, "a revocation's issued_before_ms is still to come");
}

static bool read_list(const json_t *list, int64_t now_ms, struct commands *commands, const char **why)
{
	size_t index;
	const json_t *command;
	if(!json_is_array(list)) return refuse(why, "it has no list of commands");
	commands->list = calloc(json_array_size(list) + 1, sizeof *commands->list);
	if(!commands->list) return refuse(why, "out of memory");
	json_array_foreach(list, index, command){
		if(!read_command(command, now_ms, &commands->list[index], why)) return false;
		commands->count++;
	}
	return true;
}

bool commands_read(const void *payload, size_t size, int64_t now_ms, struct commands *commands, const char **why)
{
	memset(commands, 0, sizeof *commands);
	json_t *content = payload ? json_loadb(payload, size, JSON_REJECT_DUPLICATES, NULL) : NULL;
	if(!content) return refuse(why, "it is no JSON");
	const json_t *more = json_object_get(content, "more");
	commands->more = json_is_true(more);
	bool read = json_object_size(content) == (json_is_boolean(more) ? 2u : 1u)
		? read_list(json_object_get(content, "commands"), now_ms, commands, why)
		: refuse(why, "it is no object with commands, and more that is true or false");
	json_decref(content);
	if(!read) commands_clear(commands);
	return read;
}

void commands_clear(struct commands *commands)
{
	for(size_t i = 0; i < commands->count; i++) revocation_clear(&commands->list[i]);
	free(commands->list);
	memset(commands, 0, sizeof *commands);
}
