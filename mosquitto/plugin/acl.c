#include "acl.h"

#include <stdlib.h>
#include <string.h>

#include "filter.h"

enum { PUBLISH = 1, SUBSCRIBE = 2 };

struct rule {
	const char *filter;   /* as the token has it */
	const char *readable; /* the same without `$share/group/` */
	unsigned char actions;
	bool retain;
};

/* One block of memory: this, then the rules, then the text of their filters. */
struct acl {
	size_t count;
	struct rule rules[];
};

static unsigned char parse_action(const json_t *action)
{
	const char *name = json_string_value(action);
	if(!name) return 0;
	if(!strcmp(name, "publish")) return PUBLISH;
	if(!strcmp(name, "subscribe")) return SUBSCRIBE;
	return !strcmp(name, "all") ? PUBLISH | SUBSCRIBE : 0;
}

/* Check one rule. A member that is not known might narrow the permission, so it refuses the whole token. */
static const char *check_rule(const json_t *rule)
{
	const json_t *retain = json_object_get(rule, "retain");
	const char *permission = json_string_value(json_object_get(rule, "permission"));
	const char *topic = json_string_value(json_object_get(rule, "topic"));
	if(!permission || strcmp(permission, "allow")) return "an acl rule is no \"allow\"";
	if(!parse_action(json_object_get(rule, "action"))) return "an acl rule has no known action";
	if(!topic || !filter_is_valid(topic)) return "an acl rule has no valid topic filter";
	if(retain && !json_is_boolean(retain)) return "an acl rule's retain is no boolean";
	if(json_object_size(rule) != (retain ? 4u : 3u)) return "an acl rule has an unknown member";
	return NULL;
}

static const char *check_claim(const json_t *claim, size_t *text)
{
	size_t index;
	const json_t *rule;
	if(!json_is_array(claim)) return "acl is no list";
	if(json_array_size(claim) > ACL_RULES_MAX) return "acl has too many rules";
	*text = 0;
	json_array_foreach(claim, index, rule){
		const char *why = check_rule(rule);
		if(why) return why;
		*text += json_string_length(json_object_get(rule, "topic")) + 1;
	}
	return NULL;
}

struct acl *acl_from_json(const json_t *claim, const char **why)
{
	size_t text, index;
	const json_t *item;
	*why = check_claim(claim, &text);
	if(*why) return NULL;
	size_t count = json_array_size(claim);
	struct acl *acl = calloc(1, sizeof *acl + count * sizeof acl->rules[0] + text);
	if(!acl){
		*why = "out of memory";
		return NULL;
	}
	char *free_text = (char *)&acl->rules[count];
	acl->count = count;
	json_array_foreach(claim, index, item){
		struct rule *rule = &acl->rules[index];
		const json_t *topic = json_object_get(item, "topic");
		size_t size = json_string_length(topic) + 1;
		memcpy(free_text, json_string_value(topic), size);
		rule->filter = free_text;
		rule->readable = filter_unshared(rule->filter);
		rule->actions = parse_action(json_object_get(item, "action"));
		rule->retain = json_is_true(json_object_get(item, "retain"));
		free_text += size;
	}
	return acl;
}

void acl_free(struct acl *acl)
{
	free(acl);
}

bool acl_may_publish(const struct acl *acl, const char *topic, bool retain)
{
	for(size_t i = 0; i < acl->count; i++){
		const struct rule *rule = &acl->rules[i];
		if(rule->actions & PUBLISH && (!retain || rule->retain) && filter_matches(rule->filter, topic)) return true;
	}
	return false;
}

bool acl_may_subscribe(const struct acl *acl, const char *filter)
{
	for(size_t i = 0; i < acl->count; i++){
		const struct rule *rule = &acl->rules[i];
		if(rule->actions & SUBSCRIBE && filter_covers(rule->filter, filter)) return true;
	}
	return false;
}

bool acl_may_read(const struct acl *acl, const char *topic)
{
	for(size_t i = 0; i < acl->count; i++){
		const struct rule *rule = &acl->rules[i];
		if(rule->actions & SUBSCRIBE && filter_matches(rule->readable, topic)) return true;
	}
	return false;
}
