#include "filter.h"

#include <stddef.h>
#include <string.h>

#define SHARE_PREFIX "$share"
#define SHARE_PREFIX_LENGTH (sizeof SHARE_PREFIX - 1)

static const char *level_end(const char *level)
{
	while(*level && *level != '/') level++;
	return level;
}

static bool is_level(const char *level, const char *end, char wildcard)
{
	return end - level == 1 && *level == wildcard;
}

static bool same_level(const char *a, const char *a_end, const char *b, const char *b_end)
{
	return a_end - a == b_end - b && memcmp(a, b, (size_t)(a_end - a)) == 0;
}

static bool is_shared(const char *filter)
{
	/* Whatever begins like one is treated as one: it is then covered by nothing but itself. */
	return strncmp(filter, SHARE_PREFIX, SHARE_PREFIX_LENGTH) == 0;
}

static bool levels_are_valid(const char *filter)
{
	for(const char *level = filter;; level++){
		const char *end = level_end(level);
		bool wild = memchr(level, '+', (size_t)(end - level)) || memchr(level, '#', (size_t)(end - level));
		if(wild && end - level != 1) return false;
		if(wild && *level == '#' && *end) return false;
		if(!*end) return true;
		level = end;
	}
}

bool filter_is_valid(const char *filter)
{
	if(!*filter || !levels_are_valid(filter)) return false;
	if(!is_shared(filter)) return true;
	const char *group = level_end(filter);
	if(group - filter != SHARE_PREFIX_LENGTH || !*group) return false;
	const char *group_end = level_end(++group);
	return group_end > group && *group != '+' && *group != '#' && group_end[0] == '/' && group_end[1];
}

const char *filter_unshared(const char *filter)
{
	if(!is_shared(filter)) return filter;
	const char *group = level_end(filter);
	if(!*group) return filter;
	const char *inner = level_end(group + 1);
	return *inner ? inner + 1 : filter;
}

/* This one runs for every message and every reader of it, so it goes through both texts just once. */
bool filter_matches(const char *filter, const char *topic)
{
	if(*topic == '$' && *filter != '$') return false;
	for(;;){
		if(*filter == '#') return true;
		if(*filter == '+'){
			filter++;
			topic = level_end(topic);
		}else{
			while(*filter == *topic && *filter && *filter != '/') filter++, topic++;
			if((*filter && *filter != '/') || (*topic && *topic != '/')) return false;
		}
		if(!*topic) return !*filter || strcmp(filter, "/#") == 0;
		if(!*filter) return false;
		filter++;
		topic++;
	}
}

bool filter_covers(const char *allowed, const char *requested)
{
	if(is_shared(allowed) || is_shared(requested)) return strcmp(allowed, requested) == 0;
	if(*requested == '$' && *allowed != '$') return false;
	/* Every topic has a first level, so this one matches all that '#' does. */
	if(strcmp(allowed, "+/#") == 0) allowed = "#";
	for(;;){
		const char *a_end = level_end(allowed), *r_end = level_end(requested);
		if(is_level(allowed, a_end, '#')) return true;
		if(is_level(requested, r_end, '#')) return false;
		if(!is_level(allowed, a_end, '+') && !same_level(allowed, a_end, requested, r_end)) return false;
		if(!*r_end) return !*a_end || strcmp(a_end, "/#") == 0;
		if(!*a_end) return false;
		allowed = a_end + 1;
		requested = r_end + 1;
	}
}
