#include "plugin.h"

#include <stdlib.h>

struct chosen {
	kick_test wanted;
	const void *argument;
	size_t count;
	const struct client **list; /* as long as there are records */
};

static void choose(struct client *client, void *argument)
{
	struct chosen *chosen = argument;
	if(!client->departed && chosen->wanted(client, chosen->argument)) chosen->list[chosen->count++] = client;
}

void kick_all(struct plugin *plugin, kick_test wanted, const void *argument, bool with_will)
{
	struct chosen chosen = {.wanted = wanted, .argument = argument};
	chosen.list = calloc(clients_count(plugin->clients) + 1, sizeof *chosen.list);
	if(!chosen.list){
		mosquitto_log_printf(MOSQ_LOG_ERR, "nightjar: out of memory, nobody is disconnected");
		return;
	}
	clients_each(plugin->clients, choose, &chosen);
	/* A kick makes its client's record a departed one, which is kept at least until the next is made. */
	for(size_t i = 0; i < chosen.count; i++) mosquitto_kick_client_by_clientid(chosen.list[i]->claims->client_id, with_will);
	free(chosen.list);
}
