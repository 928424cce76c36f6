#include "verify.h"

#include <jwt.h>
#include <stddef.h>
#include <string.h>

/* From OpenSSL, when libjwt is built on it. The broker's own TLS looks at the same queue of errors. */
extern void ERR_clear_error(void) __attribute__((weak));

bool token_is_signed_by(const char *token, const char *pem)
{
	jwt_t *jwt = NULL;
	bool good = false;
	if(jwt_decode(&jwt, token, (const unsigned char *)pem, (int)strlen(pem)) == 0){
		good = jwt_get_alg(jwt) == JWT_ALG_ES256;
		jwt_free(jwt);
	}
	if(ERR_clear_error) ERR_clear_error();
	return good;
}
