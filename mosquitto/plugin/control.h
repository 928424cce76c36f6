/* What is published on `$CONTROL/nightjar/v1` (contract, section 5), and the same in the lines of the journal. */
#ifndef NIGHTJAR_CONTROL_H
#define NIGHTJAR_CONTROL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "revocations.h"

#define CONTROL_TOPIC "$CONTROL/nightjar/v1"

struct commands {
	bool more; /* others follow, which belong to the same news */
	size_t count;
	struct revocation *list;
};

/* Read a payload. Either every command in it is well formed, or it is refused as a whole and `why` says what was wrong.
 * An empty list is well formed. A time more than the allowed skew after `now_ms` is not. */
bool commands_read(const void *payload, size_t size, int64_t now_ms, struct commands *commands, const char **why);
void commands_clear(struct commands *commands);

/* Read `username`, `client_id` and `issued_before_ms` of one object, which has `members` others. */
bool revocation_from_json(const json_t *object, size_t members, struct revocation *revocation, const char **why);
void revocation_clear(struct revocation *revocation);

#endif
