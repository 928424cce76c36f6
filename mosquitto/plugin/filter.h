/* Topic filters: are they well formed, which topics do they match, which filters do they cover. No allocation. */
#ifndef NIGHTJAR_FILTER_H
#define NIGHTJAR_FILTER_H

#include <stdbool.h>

/* Whether the text may stand in a SUBSCRIBE: wildcards only as whole levels, '#' only at the end, and
 * `$share/group/filter` with a group and a filter. */
bool filter_is_valid(const char *filter);

/* Whether the filter matches the topic. A wildcard at the first level matches no topic that begins with '$'. */
bool filter_matches(const char *filter, const char *topic);

/* Whether every topic that `requested` matches is matched by `allowed` as well. Shared subscriptions are covered by
 * nothing but the very same text. Both must be valid. */
bool filter_covers(const char *allowed, const char *requested);

/* The filter inside of `$share/group/filter`; any other filter as it is. */
const char *filter_unshared(const char *filter);

#endif
