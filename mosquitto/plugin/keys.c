#include "keys.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define KEYS_MAX 64
#define PEM_MAX 4096
#define PEM_START "-----BEGIN PUBLIC KEY-----"

/* A file. One that looks like a public key but is none is kept as well, without a verifier. */
struct entry {
	struct key key;
	char pem[PEM_MAX];
};

struct keys {
	char *directory;
	unsigned count;
	struct entry *list;
	uint64_t numbers; /* given so far */
	struct timespec read_at;
};

struct keys *keys_new(const char *directory)
{
	struct keys *keys = calloc(1, sizeof *keys);
	if(keys) keys->directory = strdup(directory);
	if(keys && !keys->directory){
		free(keys);
		return NULL;
	}
	return keys;
}

static void free_list(struct entry *list, unsigned count)
{
	for(unsigned i = 0; i < count; i++) verifier_free(list[i].key.verifier);
	free(list);
}

void keys_free(struct keys *keys)
{
	if(!keys) return;
	free_list(keys->list, keys->count);
	free(keys->directory);
	free(keys);
}

/* Read a file; false when it cannot be read now. One that has gone meanwhile, or is none at all, is an empty one. */
static bool read_file(const char *directory, const char *name, char content[PEM_MAX], size_t *size)
{
	char path[4096];
	*size = 0;
	if(snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path){
		errno = ENAMETOOLONG;
		return false;
	}
	FILE *file = fopen(path, "re");
	if(!file) return errno == ENOENT;
	errno = 0;
	*size = fread(content, 1, PEM_MAX - 1, file);
	bool read = !ferror(file) || errno == EISDIR;
	int error = errno;
	fclose(file);
	errno = error;
	content[*size] = '\0';
	return read;
}

static bool is_pem(const char *content, size_t size)
{
	return size > 0 && size < PEM_MAX - 1 && strncmp(content, PEM_START, sizeof PEM_START - 1) == 0;
}

/* Take `{kid}.pem` apart; false for any other name. */
static bool read_kid(const char *name, char kid[KID_MAX + 1])
{
	size_t length = strlen(name);
	if(length <= 4 || length - 4 > KID_MAX || strcmp(name + length - 4, ".pem")) return false;
	memcpy(kid, name, length - 4);
	kid[length - 4] = '\0';
	return kid_is_valid(kid);
}

/* False when a file or the directory itself cannot be read: a key that is not seen is not a key that is gone. */
static bool read_directory(DIR *directory, const char *path, struct entry *list, unsigned *count)
{
	*count = 0;
	while(*count < KEYS_MAX){
		struct entry *entry = &list[*count];
		size_t size;
		errno = 0;
		const struct dirent *file = readdir(directory);
		if(!file) return errno == 0;
		if(!read_kid(file->d_name, entry->key.kid)) continue;
		if(!read_file(path, file->d_name, entry->pem, &size)) return false;
		if(is_pem(entry->pem, size)) (*count)++;
	}
	return true;
}

static struct entry *find_same(const struct keys *keys, const struct entry *wanted)
{
	for(unsigned i = 0; i < keys->count; i++){
		struct entry *entry = &keys->list[i];
		if(!strcmp(entry->key.kid, wanted->key.kid) && !strcmp(entry->pem, wanted->pem)) return entry;
	}
	return NULL;
}

/* Take the files read now for those read before: parsed keys move over, the rest is parsed, and what is gone is freed. */
static void replace_list(struct keys *keys, struct entry *list, unsigned count)
{
	for(unsigned i = 0; i < count; i++){
		struct entry *same = find_same(keys, &list[i]);
		if(same && same->key.verifier){
			list[i].key = same->key;
			same->key.verifier = NULL;
		}else{
			list[i].key.number = ++keys->numbers;
			list[i].key.verifier = verifier_new(list[i].pem);
		}
	}
	free_list(keys->list, keys->count);
	keys->list = list;
	keys->count = count;
}

bool keys_load(struct keys *keys)
{
	struct stat status;
	unsigned count;
	DIR *directory = opendir(keys->directory);
	if(!directory) return false;
	struct entry *list = calloc(KEYS_MAX, sizeof *list);
	if(!list || fstat(dirfd(directory), &status) || !read_directory(directory, keys->directory, list, &count)){
		int error = errno;
		free(list);
		closedir(directory);
		errno = error;
		return false;
	}
	closedir(directory);
	replace_list(keys, list, count);
	keys->read_at = status.st_mtim;
	return true;
}

bool keys_changed(const struct keys *keys)
{
	struct stat status;
	return stat(keys->directory, &status) == 0
		&& (status.st_mtim.tv_sec != keys->read_at.tv_sec || status.st_mtim.tv_nsec != keys->read_at.tv_nsec);
}

const struct key *keys_find(const struct keys *keys, const char *kid)
{
	for(unsigned i = 0; i < keys->count; i++){
		const struct key *key = &keys->list[i].key;
		if(key->verifier && !strcmp(key->kid, kid)) return key;
	}
	return NULL;
}

bool keys_hold(const struct keys *keys, uint64_t number)
{
	for(unsigned i = 0; i < keys->count; i++){
		const struct key *key = &keys->list[i].key;
		if(key->verifier && key->number == number) return true;
	}
	return false;
}

unsigned keys_count(const struct keys *keys)
{
	return keys->count - keys_unusable(keys);
}

unsigned keys_unusable(const struct keys *keys)
{
	unsigned unusable = 0;
	for(unsigned i = 0; i < keys->count; i++) unusable += !keys->list[i].key.verifier;
	return unusable;
}
