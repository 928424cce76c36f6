#include "plugin.h"

#include <string.h>

#define KEY_RETRY_SECONDS 1

static const struct key *find_key(struct plugin *plugin, const char *kid, int64_t now_s)
{
	const struct key *key = keys_find(plugin->keys, kid);
	if(!key && now_s - plugin->keys_tried_s >= KEY_RETRY_SECONDS){
		/* It may have been made a moment ago. */
		plugin->keys_tried_s = now_s;
		upkeep_reload_keys(plugin);
		key = keys_find(plugin->keys, kid);
	}
	return key;
}

static bool is_signed(const char *token, const struct key *key)
{
	unsigned char signature[SIGNATURE_BYTES];
	size_t size;
	return token_read_signature(token, &size, signature) && verifier_accepts(key->verifier, token, size, signature);
}

/* Check what binds the claims to this connection, and what this broker knows beside them. */
static const char *check_claims(struct plugin *plugin, const struct claims *claims, const char *client_id, const char *username)
{
	if(strcmp(claims->subject, username)) return "the token is another user's";
	if(strcmp(claims->client_id, client_id)) return "the token is for another client id";
	if(!options_is_service(&plugin->options, username)
			&& claims->expires_s * 1000 - claims->issued_ms > plugin->options.user_token_seconds * 1000){
		return "the token lives too long";
	}
	if(revocations_void(plugin->revocations, username, client_id, claims->issued_ms)) return "the token is revoked";
	if(!plugin->gate_open && !acl_may_publish(claims->acl, CONTROL_TOPIC, false)) return "not before the first control message";
	if(subscriber_awaited(plugin, username)) return "not before the archive has subscribed";
	return NULL;
}

const char *connect_check(struct plugin *plugin, const struct mosquitto *handle, const char *username, const char *token)
{
	char kid[KID_MAX + 1];
	const char *why = NULL, *client_id = mosquitto_client_id(handle);
	struct claims claims;
	if(!client_id || !username || !token) return "no token";
	if(!token_read_kid(token, kid, &why)) return why;
	int64_t now = now_ms();
	const struct key *key = find_key(plugin, kid, now / 1000);
	if(!key) return "no such key";
	if(!is_signed(token, key)) return "the signature is wrong";
	if(!token_read_claims(token, now, &claims, &why)) return why;
	why = check_claims(plugin, &claims, client_id, username);
	int64_t expires_s = claims.expires_s;
	if(!why && !clients_add(plugin->clients, handle, &claims, key->number)) why = "out of memory";
	if(why){
		claims_clear(&claims);
	}else if(expires_s < plugin->next_expiry_s){
		plugin->next_expiry_s = expires_s;
	}
	return why;
}
