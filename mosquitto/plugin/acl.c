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

static unsigned char parse_action(const char *name)
{
	if(!name) return 0;
	if(!strcmp(name, "publish")) return PUBLISH;
	if(!strcmp(name, "subscribe")) return SUBSCRIBE;
	return !strcmp(name, "all") ? PUBLISH | SUBSCRIBE : 0;
}

/* Take one rule; its filter stays in the JSON. A member that is not known might narrow the permission, so it refuses the
 * whole token. */
static const char *read_rule(json_t *json, struct rule *rule)
{
	const char *name, *permission = NULL, *action = NULL;
	json_t *value;
	json_object_foreach(json, name, value){
		if(!strcmp(name, "permission")) permission = json_string_value(value);
		else if(!strcmp(name, "action")) action = json_string_value(value);
		else if(!strcmp(name, "topic")) rule->filter = json_string_value(value);
		else if(strcmp(name, "retain")) return "an acl rule has an unknown member";
		else if(!json_is_boolean(value)) return "an acl rule's retain is no boolean";
		else rule->retain = json_is_true(value);
	}
	rule->actions = parse_action(action);
	if(!permission || strcmp(permission, "allow")) return "an acl rule is no \"allow\"";
	if(!rule->actions) return "an acl rule has no known action";
	if(!rule->filter || !filter_is_valid(rule->filter)) return "an acl rule has no valid topic filter";
	return NULL;
}

static const char *read_rules(const json_t *claim, struct rule *rules, size_t *text)
{
	size_t index;
	json_t *item;
	*text = 0;
	json_array_foreach(claim, index, item){
		const char *why = read_rule(item, &rules[index]);
		if(why) return why;
		*text += strlen(rules[index].filter) + 1;
	}
	return NULL;
}

/* Copy the filters out of the JSON, behind the rules. */
static void take_filters(struct acl *acl)
{
	char *free_text = (char *)&acl->rules[acl->count];
	for(size_t i = 0; i < acl->count; i++){
		struct rule *rule = &acl->rules[i];
		size_t size = strlen(rule->filter) + 1;
		rule->filter = memcpy(free_text, rule->filter, size);
		rule->readable = filter_unshared(rule->filter);
		free_text += size;
	}
}

static struct acl *refuse(struct acl *acl, const char **why, const char *reason)
{
	free(acl);
	*why = reason;
	return NULL;
}

struct acl *acl_from_json(const json_t *claim, const char **why)
{
	size_t text, count = json_array_size(claim);
	if(!json_is_array(claim)) return refuse(NULL, why, "acl is no list");
	if(count > ACL_RULES_MAX) return refuse(NULL, why, "acl has too many rules");
	struct acl *acl = calloc(1, sizeof *acl + count * sizeof acl->rules[0]);
	if(!acl) return refuse(NULL, why, "out of memory");
	*why = read_rules(claim, acl->rules, &text);
	if(*why) return refuse(acl, why, *why);
	acl->count = count;
	struct acl *whole = realloc(acl, sizeof *acl + count * sizeof acl->rules[0] + text);
	if(!whole) return refuse(acl, why, "out of memory");
	take_filters(whole);
	return whole;
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
