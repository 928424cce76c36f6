/* Topic filters against the slowest and most obvious truth there is: recursion, and trying every topic. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"

#define LEVELS 4
#define TEXT_MAX 20
#define NAMES_MAX (2 * LEVELS + 3)

/* What a level of a tried topic can be: each level that is in one of the filters, one that is in none, nothing at all,
 * and one that is in none and begins with a dollar. */
struct names {
	size_t count;
	char list[NAMES_MAX][TEXT_MAX];
};

/* What the bytes of the input stand for. */
static const char *const pieces[] = {"a", "b", "+", "#", "/", "$a", "$share", ""};
#define PIECES (sizeof pieces / sizeof pieces[0])

static void fail(const char *what, const char *one, const char *other)
{
	fprintf(stderr, "%s: '%s' and '%s'\n", what, one, other);
	abort();
}

/* A list of levels, as text: "a/b" has two, "" has one that is empty. NULL has none. */
static const char *rest_of(const char *levels)
{
	const char *slash = strchr(levels, '/');
	return slash ? slash + 1 : NULL;
}

static int level_is(const char *levels, const char *name)
{
	size_t size = strcspn(levels, "/");
	return size == strlen(name) && !memcmp(levels, name, size);
}

static int same_first(const char *a, const char *b)
{
	size_t size = strcspn(a, "/");
	return size == strcspn(b, "/") && !memcmp(a, b, size);
}

static int matches_slowly(const char *filter, const char *topic)
{
	if(filter && level_is(filter, "#")) return 1;
	if(!filter || !topic) return !filter && !topic;
	return (level_is(filter, "+") || same_first(filter, topic)) && matches_slowly(rest_of(filter), rest_of(topic));
}

static int truly_matches(const char *filter, const char *topic)
{
	int wild = level_is(filter, "+") || level_is(filter, "#");
	return !(wild && topic[0] == '$') && matches_slowly(filter, topic);
}

static void add_name(struct names *names, const char *name, size_t size)
{
	if(size == 1 && (*name == '+' || *name == '#')) return;
	memcpy(names->list[names->count], name, size);
	names->list[names->count][size] = '\0';
	for(size_t i = 0; i < names->count; i++){
		if(!strcmp(names->list[i], names->list[names->count])) return;
	}
	names->count++;
}

static void add_levels(struct names *names, const char *filter)
{
	for(; filter; filter = rest_of(filter)) add_name(names, filter, strcspn(filter, "/"));
}

/* Whether some topic is matched by `requested` and not by `allowed`; compare the fast function on the way. */
static int try_topic(const char *allowed, const char *requested, const char *topic)
{
	if(truly_matches(requested, topic) != filter_matches(requested, topic)) fail("match", requested, topic);
	return truly_matches(requested, topic) && !truly_matches(allowed, topic);
}

static int try_topics(const char *allowed, const char *requested, const struct names *names, char *topic, char *end, int levels)
{
	int found = 0;
	for(size_t i = 0; i < names->count; i++){
		char *behind = stpcpy(end, names->list[i]);
		found |= try_topic(allowed, requested, topic);
		if(levels > 1) found |= try_topics(allowed, requested, names, topic, stpcpy(behind, "/"), levels - 1);
	}
	return found;
}

/* The slow answer to what `filter_covers` is asked. */
static int truly_covers(const char *allowed, const char *requested)
{
	char topic[LEVELS * TEXT_MAX];
	struct names names = {.count = 0};
	add_levels(&names, allowed);
	add_levels(&names, requested);
	add_name(&names, "", 0);
	add_name(&names, "z", 1);
	add_name(&names, "$z", 2);
	return !try_topics(allowed, requested, &names, topic, topic, LEVELS);
}

static int is_valid_slowly(const char *filter)
{
	const char *rest = rest_of(filter);
	int plain = !memchr(filter, '+', strcspn(filter, "/")) && !memchr(filter, '#', strcspn(filter, "/"));
	if(level_is(filter, "#")) return !rest;
	return (plain || level_is(filter, "+")) && (!rest || is_valid_slowly(rest));
}

static int levels_in(const char *filter)
{
	int levels = 1;
	for(; *filter; filter++) levels += *filter == '/';
	return levels;
}

/* Spell a short filter out of bytes; whatever they are, it comes out. */
static const uint8_t *spell(char text[TEXT_MAX], const uint8_t *data, const uint8_t *end)
{
	size_t length = 0;
	for(; data < end && *data != 0xff; data++){
		const char *piece = pieces[*data % PIECES];
		if(length + strlen(piece) >= TEXT_MAX) break;
		memcpy(text + length, piece, strlen(piece));
		length += strlen(piece);
	}
	text[length] = '\0';
	return data < end ? data + 1 : end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char allowed[TEXT_MAX], requested[TEXT_MAX];
	spell(requested, spell(allowed, data, data + size), data + size);
	for(int i = 0; i < 2; i++){
		const char *filter = i ? requested : allowed;
		int shared = !strncmp(filter, "$share", 6);
		if(!shared && filter_is_valid(filter) != (*filter && is_valid_slowly(filter))) fail("valid", filter, "");
		if(shared && filter_is_valid(filter) && !is_valid_slowly(filter_unshared(filter))) fail("shared", filter, "");
		if(!filter_is_valid(filter)) return 0;
	}
	int covers = filter_covers(allowed, requested);
	if(!strncmp(allowed, "$share", 6) || !strncmp(requested, "$share", 6)){
		if(covers != !strcmp(allowed, requested)) fail("share", allowed, requested);
	}else if(levels_in(allowed) < LEVELS && levels_in(requested) < LEVELS){
		if(covers != truly_covers(allowed, requested)) fail("cover", allowed, requested);
	}
	return 0;
}
