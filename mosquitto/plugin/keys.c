#include "keys.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "token.h"

#define KEYS_MAX 64
#define PEM_MAX 4096
#define PEM_START "-----BEGIN PUBLIC KEY-----"

struct key {
	char kid[KID_MAX + 1];
	char pem[PEM_MAX];
};

struct keys {
	char *directory;
	unsigned count;
	struct key *list;
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

void keys_free(struct keys *keys)
{
	if(!keys) return;
	free(keys->directory);
	free(keys->list);
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
static bool read_directory(DIR *directory, const char *path, struct key *list, unsigned *count)
{
	*count = 0;
	while(*count < KEYS_MAX){
		struct key *key = &list[*count];
		size_t size;
		errno = 0;
		const struct dirent *entry = readdir(directory);
		if(!entry) return errno == 0;
		if(!read_kid(entry->d_name, key->kid)) continue;
		if(!read_file(path, entry->d_name, key->pem, &size)) return false;
		if(is_pem(key->pem, size)) (*count)++;
	}
	return true;
}

bool keys_load(struct keys *keys)
{
	struct stat status;
	unsigned count;
	DIR *directory = opendir(keys->directory);
	if(!directory) return false;
	struct key *list = calloc(KEYS_MAX, sizeof *list);
	if(!list || fstat(dirfd(directory), &status) || !read_directory(directory, keys->directory, list, &count)){
		int error = errno;
		free(list);
		closedir(directory);
		errno = error;
		return false;
	}
	closedir(directory);
	free(keys->list);
	keys->list = list;
	keys->count = count;
	keys->read_at = status.st_mtim;
	return true;
}

bool keys_changed(const struct keys *keys)
{
	struct stat status;
	return stat(keys->directory, &status) == 0
		&& (status.st_mtim.tv_sec != keys->read_at.tv_sec || status.st_mtim.tv_nsec != keys->read_at.tv_nsec);
}

const char *keys_find(const struct keys *keys, const char *kid)
{
	for(unsigned i = 0; i < keys->count; i++){
		if(!strcmp(keys->list[i].kid, kid)) return keys->list[i].pem;
	}
	return NULL;
}

unsigned keys_count(const struct keys *keys)
{
	return keys->count;
}
