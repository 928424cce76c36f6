/* A token's `acl` claim, parsed once at CONNECT: a list of permissions, and nothing but permissions. */
#ifndef NIGHTJAR_ACL_H
#define NIGHTJAR_ACL_H

#include <jansson.h>
#include <stdbool.h>

#define ACL_RULES_MAX 2048

struct acl;

/* Read the claim. NULL when anything in it is not exactly as the contract says; `why` then says what. */
struct acl *acl_from_json(const json_t *claim, const char **why);
void acl_free(struct acl *acl);

bool acl_may_publish(const struct acl *acl, const char *topic, bool retain);
bool acl_may_subscribe(const struct acl *acl, const char *filter);
/* Whether a topic is within what may be subscribed to. */
bool acl_may_read(const struct acl *acl, const char *topic);

#endif
