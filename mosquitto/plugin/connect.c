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

/* What the token says, checked by the key that it names; NULL when it is not to be believed. */
static struct claims *verify(struct plugin *plugin, const char *token, int64_t now_s, uint64_t *key_number, const char **why)
{
	char kid[KID_MAX + 1];
	if(!token_read_kid(token, kid, why)) return NULL;
	const struct key *key = find_key(plugin, kid, now_s);
	*why = "no such key";
	if(!key) return NULL;
	*key_number = key->number;
	*why = "the signature is wrong";
	return is_signed(token, key) ? token_read_claims(token, why) : NULL;
}

/* The same as `verify` says, for a token that it has accepted before by a key that is still there. */
static struct claims *recall(struct plugin *plugin, const char *client_id, const struct digest *digest, uint64_t *key_number)
{
	const struct verified_token *token = verified_find(plugin->verified, client_id, digest);
	if(!token || !keys_hold(plugin->keys, token->key)) return NULL;
	*key_number = token->key;
	return claims_hold(token->claims);
}

/* Check everything that may differ between two connections with the same token. */
static const char *check_claims(struct plugin *plugin, const struct claims *claims, const char *client_id, const char *username, int64_t now)
{
	const char *why = claims_check_times(claims, now);
	if(why) return why;
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
	struct digest digest;
	uint64_t key;
	const char *why, *client_id = mosquitto_client_id(handle);
	if(!client_id || !username || !token) return "no token";
	int64_t now = now_ms();
	bool has_digest = verified_digest(plugin->verified, token, &digest);
	struct claims *claims = has_digest ? recall(plugin, client_id, &digest, &key) : NULL;
	bool recalled = claims != NULL;
	if(!recalled) claims = verify(plugin, token, now / 1000, &key, &why);
	if(!claims) return why;
	why = check_claims(plugin, claims, client_id, username, now);
	if(!why && !clients_add(plugin->clients, handle, claims, key)) why = "out of memory";
	if(!why && has_digest && !recalled) verified_add(plugin->verified, &digest, key, claims);
	if(!why && claims->expires_s < plugin->next_expiry_s) plugin->next_expiry_s = claims->expires_s;
	claims_release(claims);
	return why;
}
