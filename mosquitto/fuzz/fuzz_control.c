/* Control messages and the journal: whatever comes in, what is accepted can be written and read back the same. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "journal.h"

#define NOW_MS INT64_C(1800000000000)

static void require(int truth)
{
	if(!truth) abort();
}

static bool is_known(const struct revocation *revocation, void *argument)
{
	const struct revocations *known = argument;
	const char *client_id = revocation->client_id ? revocation->client_id : "\x01";
	return revocation->issued_before_ms == 0
		|| revocations_void(known, revocation->username, client_id, revocation->issued_before_ms - 1);
}

static void check_journal(const uint8_t *data, size_t size)
{
	struct revocations *revocations = revocations_new();
	size_t lines;
	if(!revocations) abort();
	size_t bad = journal_parse((const char *)data, size, revocations, &lines);
	require(bad <= lines && revocations_count(revocations) <= lines - bad);
	revocations_free(revocations);
}

/* Keep the commands in a journal, cut its end off as a crash may, and read back what is left of it. */
static void check_keeping(const struct commands *commands, size_t cut)
{
	char path[64];
	size_t bad;
	struct revocations *kept = revocations_new(), *read = revocations_new();
	snprintf(path, sizeof path, "/tmp/nightjar-fuzz-%ld", (long)getpid());
	struct journal *journal = journal_new(path);
	if(!kept || !read || !journal) abort();
	for(size_t i = 0; i < commands->count; i++) require(revocations_add(kept, &commands->list[i]));
	require(journal_rewrite(journal, read) && journal_append(journal, commands));
	require(journal_load(journal, read, &bad) && bad == 0 && revocations_count(read) == revocations_count(kept));
	require(revocations_each(kept, is_known, read) && revocations_each(read, is_known, kept));
	FILE *file = fopen(path, "r+");
	if(!file || fseek(file, 0, SEEK_END)) abort();
	long whole = ftell(file), left = whole ? (long)(cut % (size_t)whole) : 0;
	require(!ftruncate(fileno(file), left) && !fclose(file));
	revocations_free(read);
	read = revocations_new();
	require(read && journal_load(journal, read, &bad) && bad <= 1);
	require(revocations_each(read, is_known, kept));
	unlink(path);
	journal_free(journal);
	revocations_free(kept);
	revocations_free(read);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct commands commands;
	const char *why = NULL;
	check_journal(data, size);
	if(!commands_read(data, size, NOW_MS, &commands, &why)){
		require(why && !commands.count && !commands.list);
		return 0;
	}
	check_keeping(&commands, size * 31 + (size ? data[size - 1] : 0));
	commands_clear(&commands);
	return 0;
}
