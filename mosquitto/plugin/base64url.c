#include "base64url.h"

#include <stdint.h>
#include <stdlib.h>

static int digit(char character)
{
	if(character >= 'A' && character <= 'Z') return character - 'A';
	if(character >= 'a' && character <= 'z') return character - 'a' + 26;
	if(character >= '0' && character <= '9') return character - '0' + 52;
	if(character == '-') return 62;
	return character == '_' ? 63 : -1;
}

char *base64url_decode(const char *text, size_t length, size_t *size)
{
	if(length % 4 == 1) return NULL;
	char *bytes = malloc(length * 3 / 4 + 1);
	if(!bytes) return NULL;
	uint32_t bits = 0;
	unsigned held = 0;
	*size = 0;
	for(size_t i = 0; i < length; i++){
		int value = digit(text[i]);
		if(value < 0) break;
		bits = bits << 6 | (uint32_t)value;
		held += 6;
		if(held >= 8){
			held -= 8;
			bytes[(*size)++] = (char)(bits >> held & 0xff);
		}
	}
	/* All characters were digits, and the bits left over are zero. */
	if(*size != length * 3 / 4 || (length && digit(text[length - 1]) < 0) || bits & ((1u << held) - 1)){
		free(bytes);
		return NULL;
	}
	return bytes;
}
