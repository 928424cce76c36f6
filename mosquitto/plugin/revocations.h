/* Which tokens are void: those of a user, or of one of the user's client ids, issued before a time. In memory only;
 * journal.c keeps them on disk. */
#ifndef NIGHTJAR_REVOCATIONS_H
#define NIGHTJAR_REVOCATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct revocation {
	char *username;
	char *client_id; /* NULL: all of the user's */
	int64_t issued_before_ms;
};

struct revocations;

struct revocations *revocations_new(void);
void revocations_free(struct revocations *revocations);

/* Add one; of two about the same tokens the later time counts. Copies it. False when there is no memory. */
bool revocations_add(struct revocations *revocations, const struct revocation *revocation);
bool revocations_void(const struct revocations *revocations, const char *username, const char *client_id, int64_t issued_ms);
size_t revocations_count(const struct revocations *revocations);

/* Call `visit` for each until it returns false; returns whether it never did. */
typedef bool (*revocation_visitor)(const struct revocation *revocation, void *argument);
bool revocations_each(const struct revocations *revocations, revocation_visitor visit, void *argument);

/* Forget those for which `is_over` holds. */
typedef bool (*revocation_test)(const struct revocation *revocation, const void *argument);
void revocations_forget(struct revocations *revocations, revocation_test is_over, const void *argument);

#endif
