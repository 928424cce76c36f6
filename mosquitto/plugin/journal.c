#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHECKSUM_DIGITS 8
#define FILE_MAX_BYTES (INT64_C(256) << 20)
#define SLACK_LINES 1024 /* superseded lines that are not worth a rewrite */

struct journal {
	char *path;
	char *partial;
	size_t lines;
	bool unsure; /* an append failed: lines may be missing or torn, so nothing may be added behind them */
};

static uint32_t checksum(const char *text, size_t size)
{
	uint32_t crc = UINT32_MAX;
	for(size_t i = 0; i < size; i++){
		crc ^= (unsigned char)text[i];
		for(int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xedb88320) : 0);
	}
	return ~crc;
}

struct journal *journal_new(const char *path)
{
	struct journal *journal = calloc(1, sizeof *journal);
	size_t size = strlen(path) + sizeof ".new";
	if(!journal) return NULL;
	journal->path = strdup(path);
	journal->partial = malloc(size);
	if(!journal->path || !journal->partial){
		journal_free(journal);
		return NULL;
	}
	snprintf(journal->partial, size, "%s.new", path);
	return journal;
}

void journal_free(struct journal *journal)
{
	if(!journal) return;
	free(journal->path);
	free(journal->partial);
	free(journal);
}

static bool parse_line(const char *line, size_t size, struct revocations *revocations)
{
	char digits[CHECKSUM_DIGITS + 1] = "", *end;
	const char *why;
	struct revocation revocation;
	if(size <= CHECKSUM_DIGITS + 1 || line[CHECKSUM_DIGITS] != ' ') return false;
	memcpy(digits, line, CHECKSUM_DIGITS);
	unsigned long sum = strtoul(digits, &end, 16);
	line += CHECKSUM_DIGITS + 1;
	size -= CHECKSUM_DIGITS + 1;
	if(*end || checksum(line, size) != sum) return false;
	json_t *object = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
	bool good = object && revocation_from_json(object, 0, &revocation, &why);
	json_decref(object);
	if(!good) return false;
	good = revocations_add(revocations, &revocation);
	revocation_clear(&revocation);
	return good;
}

size_t journal_parse(const char *text, size_t size, struct revocations *revocations, size_t *lines)
{
	size_t bad = 0;
	*lines = 0;
	for(const char *end = text + size; text < end;){
		const char *line_end = memchr(text, '\n', (size_t)(end - text));
		if(!line_end || !parse_line(text, (size_t)(line_end - text), revocations)) bad++;
		++*lines;
		if(!line_end) break;
		text = line_end + 1;
	}
	return bad;
}

static char *read_whole(int file, size_t *size)
{
	struct stat status;
	if(fstat(file, &status)) return NULL;
	if(status.st_size > FILE_MAX_BYTES){
		errno = EFBIG;
		return NULL;
	}
	char *text = malloc((size_t)status.st_size + 1);
	*size = 0;
	while(text && *size < (size_t)status.st_size){
		ssize_t got = read(file, text + *size, (size_t)status.st_size - *size);
		if(got < 0 && errno == EINTR) continue;
		if(got < 0){
			free(text);
			return NULL;
		}
		if(got == 0) break;
		*size += (size_t)got;
	}
	return text;
}

bool journal_load(struct journal *journal, struct revocations *revocations, size_t *bad_lines)
{
	size_t size;
	*bad_lines = 0;
	int file = open(journal->path, O_RDONLY | O_CLOEXEC);
	if(file < 0) return errno == ENOENT;
	char *text = read_whole(file, &size);
	int error = errno;
	close(file);
	errno = error;
	if(!text) return false;
	*bad_lines = journal_parse(text, size, revocations, &journal->lines);
	journal->unsure = *bad_lines > 0;
	free(text);
	return true;
}

static bool write_line(FILE *file, const struct revocation *revocation)
{
	json_t *object = json_pack("{s:s, s:I}", "username", revocation->username, "issued_before_ms",
			(json_int_t)revocation->issued_before_ms);
	if(object && revocation->client_id) json_object_set_new(object, "client_id", json_string(revocation->client_id));
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	json_decref(object);
	bool written = text && fprintf(file, "%08lx %s\n", (unsigned long)checksum(text, strlen(text)), text) > 0;
	free(text);
	return written;
}

static bool visit_line(const struct revocation *revocation, void *file)
{
	return write_line(file, revocation);
}

/* Flush to the disk and close; false when any of it failed. */
static bool finish(FILE *file, bool good)
{
	good = good && fflush(file) == 0 && fsync(fileno(file)) == 0;
	int error = errno;
	if(fclose(file)) return false;
	errno = error;
	return good;
}

static bool sync_directory(const char *path)
{
	char *copy = strdup(path);
	if(!copy) return false;
	int directory = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(copy);
	if(directory < 0) return false;
	bool good = fsync(directory) == 0;
	close(directory);
	return good;
}

static FILE *open_private(const char *path, int flags)
{
	int descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, S_IRUSR | S_IWUSR);
	if(descriptor < 0) return NULL;
	FILE *file = fdopen(descriptor, flags & O_APPEND ? "a" : "w");
	if(!file) close(descriptor);
	return file;
}

bool journal_rewrite(struct journal *journal, const struct revocations *revocations)
{
	FILE *file = open_private(journal->partial, O_TRUNC);
	if(!file) return false;
	bool good = revocations_each(revocations, visit_line, file);
	if(!finish(file, good) || rename(journal->partial, journal->path) || !sync_directory(journal->path)) return false;
	journal->lines = revocations_count(revocations);
	journal->unsure = false;
	return true;
}

bool journal_append(struct journal *journal, const struct commands *commands)
{
	bool good = true;
	if(!commands->count) return true;
	journal->unsure = true;
	FILE *file = open_private(journal->path, O_APPEND);
	if(!file) return false;
	for(size_t i = 0; good && i < commands->count; i++) good = write_line(file, &commands->list[i]);
	if(!finish(file, good)) return false;
	journal->unsure = false;
	journal->lines += commands->count;
	return true;
}

bool journal_wants_rewrite(const struct journal *journal, const struct revocations *revocations)
{
	return journal->unsure || journal->lines > 2 * revocations_count(revocations) + SLACK_LINES;
}
