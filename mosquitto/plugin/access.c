#include "plugin.h"

#include <string.h>

static int allow(bool allowed)
{
	return allowed ? MOSQ_ERR_SUCCESS : MOSQ_ERR_ACL_DENIED;
}

/* The number of a topic: the same again as long as no other is asked about. 0 if it is too long to be remembered. */
static uint64_t number_of(struct plugin *plugin, const char *topic)
{
	if(!strcmp(topic, plugin->read_topic)) return plugin->read_number;
	size_t size = strlen(topic) + 1;
	if(size > sizeof plugin->read_topic) return 0;
	memcpy(plugin->read_topic, topic, size);
	return ++plugin->read_number;
}

/* The broker asks when it queues a message and when it delivers it, of each of its readers. A client that is not here
 * can only be queued for: what it may read is asked again, with its next token, when it is back. */
static int check_read(struct plugin *plugin, struct client *client, const char *topic)
{
	if(!client || client->departed) return MOSQ_ERR_SUCCESS;
	if(client->revoked) return MOSQ_ERR_ACL_DENIED;
	uint64_t number = number_of(plugin, topic);
	if(number && client->read_number == number) return MOSQ_ERR_SUCCESS;
	if(!acl_may_read(client->claims->acl, topic)) return MOSQ_ERR_ACL_DENIED;
	client->read_number = number;
	return MOSQ_ERR_SUCCESS;
}

/* The connection is gone, so this is its last will, of which the broker asks only now. */
static int check_will(const struct client *client, const struct mosquitto_evt_acl_check *event)
{
	return allow(!client->revoked && now_ms() / 1000 - client->departed_s <= WILL_SECONDS
			&& strcmp(event->topic, CONTROL_TOPIC) && acl_may_publish(client->claims->acl, event->topic, event->retain));
}

static int check_write(struct plugin *plugin, const struct client *client, const struct mosquitto_evt_acl_check *event)
{
	if(!client || client->revoked) return MOSQ_ERR_ACL_DENIED;
	if(client->departed) return check_will(client, event);
	if(!acl_may_publish(client->claims->acl, event->topic, event->retain)) return MOSQ_ERR_ACL_DENIED;
	return strcmp(event->topic, CONTROL_TOPIC) ? MOSQ_ERR_SUCCESS : revoke_take(plugin, event);
}

static int check_subscribe(struct plugin *plugin, const struct client *client, const char *filter)
{
	if(!client || client->revoked || client->departed || !acl_may_subscribe(client->claims->acl, filter)) return MOSQ_ERR_ACL_DENIED;
	subscriber_note(plugin, client->claims->subject);
	return MOSQ_ERR_SUCCESS;
}

int access_check(struct plugin *plugin, const struct mosquitto_evt_acl_check *event)
{
	struct client *client = clients_find(plugin->clients, event->client);
	switch(event->access){
		case MOSQ_ACL_READ:
			return check_read(plugin, client, event->topic);
		case MOSQ_ACL_WRITE:
			return check_write(plugin, client, event);
		case MOSQ_ACL_SUBSCRIBE:
			return check_subscribe(plugin, client, event->topic);
		case MOSQ_ACL_UNSUBSCRIBE:
			return MOSQ_ERR_SUCCESS;
		default:
			return MOSQ_ERR_ACL_DENIED;
	}
}
