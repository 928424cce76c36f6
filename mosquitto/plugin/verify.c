#include "verify.h"

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <stdlib.h>

#define NUMBER_BYTES (SIGNATURE_BYTES / 2)
#define DIGEST_BYTES 32
#define DER_MAX 80 /* two numbers of at most 33 bytes, each with 2 bytes before it, and 2 more before both */

struct verifier {
	EVP_MD *sha256;
	EVP_PKEY_CTX *context; /* ready to verify by the key, again and again */
};

/* A key that wants a password is none: nobody is there to be asked. */
static int no_password(char *password, int size, int writing, void *argument)
{
	(void)password;
	(void)size;
	(void)writing;
	(void)argument;
	return -1;
}

static EVP_PKEY *read_key(const char *pem)
{
	char name[32];
	BIO *file = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = file ? PEM_read_bio_PUBKEY(file, NULL, no_password, NULL) : NULL;
	BIO_free(file);
	if(key && EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, name, sizeof name, NULL)
			&& OBJ_txt2nid(name) == NID_X9_62_prime256v1) return key;
	EVP_PKEY_free(key);
	return NULL;
}

static bool set_up(struct verifier *verifier, const char *pem)
{
	EVP_PKEY *key = read_key(pem);
	verifier->context = key ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL; /* shares the key */
	EVP_PKEY_free(key);
	verifier->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	return verifier->context && verifier->sha256 && EVP_PKEY_verify_init(verifier->context) == 1;
}

struct verifier *verifier_new(const char *pem)
{
	struct verifier *verifier = calloc(1, sizeof *verifier);
	/* The broker's own TLS looks at the same queue of errors, so what happens here must not stay in it. */
	ERR_set_mark();
	if(verifier && !set_up(verifier, pem)){
		verifier_free(verifier);
		verifier = NULL;
	}
	ERR_pop_to_mark();
	return verifier;
}

void verifier_free(struct verifier *verifier)
{
	if(!verifier) return;
	EVP_PKEY_CTX_free(verifier->context);
	EVP_MD_free(verifier->sha256);
	free(verifier);
}

/* Write r and s as OpenSSL wants them, in DER; returns the size, not above 0 when there is no memory. */
static int write_der(const unsigned char signature[SIGNATURE_BYTES], unsigned char der[DER_MAX])
{
	BIGNUM *r = BN_bin2bn(signature, NUMBER_BYTES, NULL), *s = BN_bin2bn(signature + NUMBER_BYTES, NUMBER_BYTES, NULL);
	ECDSA_SIG *numbers = ECDSA_SIG_new();
	if(!numbers || !ECDSA_SIG_set0(numbers, r, s)){ /* it refuses NULL, and takes the two over */
		ECDSA_SIG_free(numbers);
		BN_free(r);
		BN_free(s);
		return 0;
	}
	int size = i2d_ECDSA_SIG(numbers, &der);
	ECDSA_SIG_free(numbers);
	return size;
}

bool verifier_accepts(struct verifier *verifier, const char *signed_bytes, size_t size,
		const unsigned char signature[SIGNATURE_BYTES])
{
	unsigned char digest[DIGEST_BYTES], der[DER_MAX];
	ERR_set_mark();
	int der_size = write_der(signature, der);
	bool good = der_size > 0 && EVP_Digest(signed_bytes, size, digest, NULL, verifier->sha256, NULL)
		&& EVP_PKEY_verify(verifier->context, der, (size_t)der_size, digest, sizeof digest) == 1;
	ERR_pop_to_mark();
	return good;
}
