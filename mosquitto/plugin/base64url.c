#include "base64url.h"

#include <stdbool.h>
#include <stdlib.h>

/* One more than each digit's value; 0 for what is no digit. */
static const unsigned char values[256] = {
	['A'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
	['a'] = 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52,
	['0'] = 53, 54, 55, 56, 57, 58, 59, 60, 61, 62,
	['-'] = 63,
	['_'] = 64,
};

/* Read up to four digits as if zeros followed them; negative when one of them is none. */
static int read_group(const char *text, size_t length)
{
	int bits = 0, wrong = 0;
	for(size_t i = 0; i < length; i++){
		int value = values[(unsigned char)text[i]] - 1;
		wrong |= value;
		bits |= (value & 63) << (18 - 6 * i);
	}
	return wrong < 0 ? -1 : bits;
}

/* Write the bytes that the digits make; false when they are no digits, or bits are left over that are not zero. */
static bool decode_group(const char *text, size_t length, char *bytes)
{
	int bits = read_group(text, length);
	size_t size = length * 3 / 4;
	if(bits < 0) return false;
	for(size_t i = 0; i < size; i++) bytes[i] = (char)(bits >> (16 - 8 * i) & 0xff);
	return !(bits & (0xffffff >> 8 * size));
}

char *base64url_decode(const char *text, size_t length, size_t *size)
{
	if(length % 4 == 1) return NULL;
	*size = length / 4 * 3 + length % 4 * 3 / 4;
	char *bytes = malloc(*size + 1);
	bool decoded = bytes != NULL;
	size_t whole = length / 4;
	for(size_t i = 0; i < whole && decoded; i++) decoded = decode_group(text + 4 * i, 4, bytes + 3 * i);
	decoded = decoded && decode_group(text + 4 * whole, length % 4, bytes + 3 * whole);
	if(decoded) return bytes;
	free(bytes);
	return NULL;
}
