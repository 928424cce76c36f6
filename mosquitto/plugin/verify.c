/* Of what OpenSSL's EVP_PKEY_verify does, nearly all is the product of a number and the public key, a point that it does
 * not know beforehand. Here the multiples of that point are computed once, as OpenSSL has those of the curve's generator,
 * which leaves half of the time. Everything in this file is public, so that how long it takes may tell anything.
 * fuzz/fuzz_verify.c holds each answer against that of EVP_PKEY_verify. */

/* EC_GROUP_precompute_mult is deprecated and has no successor. Without it the answers are the same, only slower. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "verify.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_BYTES 32
#define POINT_BYTES (1 + 2 * NUMBER_BYTES)

struct verifier {
	EVP_MD *sha256;
	EC_GROUP *curve;     /* P-256 */
	EC_GROUP *key_curve; /* the same, with the public key in the generator's place */
	/* What follows holds nothing between two calls. */
	BN_CTX *context;
	BIGNUM *r, *s, *digest, *inverse, *x;
	EC_POINT *sum, *term;
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

/* Write the public key as an uncompressed point. */
static bool read_point(const char *pem, unsigned char point[POINT_BYTES])
{
	char name[32];
	size_t size = 0;
	BIO *file = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = file ? PEM_read_bio_PUBKEY(file, NULL, no_password, NULL) : NULL;
	bool read = key && EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, name, sizeof name, NULL)
		&& OBJ_txt2nid(name) == NID_X9_62_prime256v1
		&& EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed")
		&& EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point, POINT_BYTES, &size)
		&& size == POINT_BYTES;
	EVP_PKEY_free(key);
	BIO_free(file);
	return read;
}

static bool allocate(struct verifier *verifier)
{
	verifier->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	verifier->curve = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	verifier->key_curve = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	verifier->context = BN_CTX_new();
	verifier->r = BN_new();
	verifier->s = BN_new();
	verifier->digest = BN_new();
	verifier->inverse = BN_new();
	verifier->x = BN_new();
	if(!verifier->curve || !verifier->key_curve) return false;
	verifier->sum = EC_POINT_new(verifier->curve);
	verifier->term = EC_POINT_new(verifier->key_curve);
	return verifier->sha256 && verifier->context && verifier->r && verifier->s && verifier->digest && verifier->inverse
		&& verifier->x && verifier->sum && verifier->term;
}

/* Take over the key. OpenSSL refuses a point that is not on the curve; on P-256 there are no others to fear. */
static bool take_point(struct verifier *verifier, const unsigned char point[POINT_BYTES])
{
	return EC_POINT_oct2point(verifier->curve, verifier->term, point, POINT_BYTES, verifier->context)
		&& EC_GROUP_set_generator(verifier->key_curve, verifier->term, EC_GROUP_get0_order(verifier->curve), BN_value_one())
		&& EC_GROUP_precompute_mult(verifier->key_curve, verifier->context);
}

struct verifier *verifier_new(const char *pem)
{
	unsigned char point[POINT_BYTES];
	/* The broker's own TLS looks at the same queue of errors, so what happens here must not stay in it. */
	ERR_set_mark();
	struct verifier *verifier = read_point(pem, point) ? calloc(1, sizeof *verifier) : NULL;
	if(verifier && !(allocate(verifier) && take_point(verifier, point))){
		verifier_free(verifier);
		verifier = NULL;
	}
	ERR_pop_to_mark();
	return verifier;
}

void verifier_free(struct verifier *verifier)
{
	if(!verifier) return;
	EVP_MD_free(verifier->sha256);
	EC_POINT_free(verifier->sum);
	EC_POINT_free(verifier->term);
	EC_GROUP_free(verifier->curve);
	EC_GROUP_free(verifier->key_curve);
	BN_CTX_free(verifier->context);
	BN_free(verifier->r);
	BN_free(verifier->s);
	BN_free(verifier->digest);
	BN_free(verifier->inverse);
	BN_free(verifier->x);
	free(verifier);
}

static bool is_between(const BIGNUM *number, const BIGNUM *order)
{
	return !BN_is_zero(number) && BN_cmp(number, order) < 0;
}

/* Read what is to be compared. False when a number of the signature is zero or not below the order. */
static bool read_numbers(struct verifier *verifier, const char *signed_bytes, size_t size, const unsigned char *signature)
{
	unsigned char digest[NUMBER_BYTES];
	const BIGNUM *order = EC_GROUP_get0_order(verifier->curve);
	return EVP_Digest(signed_bytes, size, digest, NULL, verifier->sha256, NULL)
		&& BN_bin2bn(digest, NUMBER_BYTES, verifier->digest)
		&& BN_bin2bn(signature, NUMBER_BYTES, verifier->r)
		&& BN_bin2bn(signature + NUMBER_BYTES, NUMBER_BYTES, verifier->s)
		&& is_between(verifier->r, order) && is_between(verifier->s, order);
}

/* FIPS 186-5, section 6.4.2: with w = 1/s, the point (digest * w) * G + (r * w) * key has r as its x. */
static bool is_signature(struct verifier *verifier)
{
	const BIGNUM *order = EC_GROUP_get0_order(verifier->curve);
	BIGNUM *digest_w = verifier->digest, *r_w = verifier->s;
	return BN_mod_inverse(verifier->inverse, verifier->s, order, verifier->context)
		&& BN_mod_mul(digest_w, verifier->digest, verifier->inverse, order, verifier->context)
		&& BN_mod_mul(r_w, verifier->r, verifier->inverse, order, verifier->context)
		&& EC_POINT_mul(verifier->curve, verifier->sum, digest_w, NULL, NULL, verifier->context)
		&& EC_POINT_mul(verifier->key_curve, verifier->term, r_w, NULL, NULL, verifier->context)
		&& EC_POINT_add(verifier->curve, verifier->sum, verifier->sum, verifier->term, verifier->context)
		&& !EC_POINT_is_at_infinity(verifier->curve, verifier->sum)
		&& EC_POINT_get_affine_coordinates(verifier->curve, verifier->sum, verifier->x, NULL, verifier->context)
		&& BN_nnmod(verifier->x, verifier->x, order, verifier->context)
		&& BN_cmp(verifier->x, verifier->r) == 0;
}

bool verifier_accepts(struct verifier *verifier, const char *signed_bytes, size_t size,
		const unsigned char signature[SIGNATURE_BYTES])
{
	ERR_set_mark();
	bool good = read_numbers(verifier, signed_bytes, size, signature) && is_signature(verifier);
	ERR_pop_to_mark();
	return good;
}
