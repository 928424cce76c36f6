/* Signatures by a known key, right ones and such as the input spoils: each answer must be that of OpenSSL's own
 * verification. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "verify.h"

#define NUMBER_BYTES 32
#define PEM_BYTES 512

struct pair {
	EVP_PKEY *public_key;
	BIGNUM *secret;
	struct verifier *verifier;
};

static EC_GROUP *curve;
static const BIGNUM *order;
static BN_CTX *context;
static struct pair pair;

static void require(int truth)
{
	if(!truth) abort();
}

static void to_pem(EVP_PKEY *key, char pem[PEM_BYTES])
{
	BIO *file = BIO_new(BIO_s_mem());
	require(PEM_write_bio_PUBKEY(file, key));
	int size = BIO_read(file, pem, PEM_BYTES - 1);
	require(size > 0);
	pem[size] = '\0';
	BIO_free(file);
}

static EVP_PKEY *public_key_of(const BIGNUM *secret)
{
	unsigned char bytes[1 + 2 * NUMBER_BYTES];
	EVP_PKEY *key = NULL;
	EC_POINT *point = EC_POINT_new(curve);
	require(EC_POINT_mul(curve, point, secret, NULL, NULL, context));
	require(EC_POINT_point2oct(curve, point, POINT_CONVERSION_UNCOMPRESSED, bytes, sizeof bytes, context) == sizeof bytes);
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)"P-256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, bytes, sizeof bytes),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	require(EVP_PKEY_fromdata_init(maker) == 1 && EVP_PKEY_fromdata(maker, &key, EVP_PKEY_PUBLIC_KEY, parameters) == 1);
	EVP_PKEY_CTX_free(maker);
	EC_POINT_free(point);
	return key;
}

static struct pair make_pair(BIGNUM *secret)
{
	char pem[PEM_BYTES];
	struct pair made = {.public_key = public_key_of(secret), .secret = secret};
	to_pem(made.public_key, pem);
	made.verifier = verifier_new(pem);
	require(made.verifier != NULL);
	return made;
}

static void free_pair(struct pair *old)
{
	EVP_PKEY_free(old->public_key);
	BN_free(old->secret);
	verifier_free(old->verifier);
}

/* What OpenSSL says of it. */
static bool is_good(EVP_PKEY *key, const uint8_t *text, size_t size, const unsigned char *signature)
{
	unsigned char der[80], *end = der;
	ECDSA_SIG *numbers = ECDSA_SIG_new();
	require(ECDSA_SIG_set0(numbers, BN_bin2bn(signature, NUMBER_BYTES, NULL), BN_bin2bn(signature + NUMBER_BYTES, NUMBER_BYTES, NULL)));
	int length = i2d_ECDSA_SIG(numbers, &end);
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	require(EVP_DigestVerifyInit(digest, NULL, EVP_sha256(), NULL, key) == 1);
	bool good = EVP_DigestVerify(digest, der, (size_t)length, text, size) == 1;
	EVP_MD_CTX_free(digest);
	ECDSA_SIG_free(numbers);
	return good;
}

static bool check(const struct pair *by, const uint8_t *text, size_t size, const unsigned char *signature)
{
	bool good = verifier_accepts(by->verifier, (const char *)text, size, signature);
	require(good == is_good(by->public_key, text, size, signature));
	return good;
}

static BIGNUM *digest_of(const uint8_t *text, size_t size)
{
	unsigned char digest[NUMBER_BYTES];
	require(EVP_Digest(text, size, digest, NULL, EVP_sha256(), NULL));
	return BN_bin2bn(digest, NUMBER_BYTES, NULL);
}

/* The x of a random point, as a number below the order. */
static BIGNUM *x_of(const BIGNUM *nonce)
{
	BIGNUM *x = BN_new();
	EC_POINT *point = EC_POINT_new(curve);
	require(EC_POINT_mul(curve, point, nonce, NULL, NULL, context));
	require(EC_POINT_get_affine_coordinates(curve, point, x, NULL, context) && BN_nnmod(x, x, order, context));
	EC_POINT_free(point);
	return x;
}

/* s = (digest + r * secret) / nonce */
static void sign(const BIGNUM *secret, const BIGNUM *nonce, const uint8_t *text, size_t size, unsigned char *signature)
{
	BIGNUM *r = x_of(nonce), *digest = digest_of(text, size), *s = BN_new(), *inverse = BN_mod_inverse(NULL, nonce, order, context);
	require(BN_mod_mul(s, r, secret, order, context) && BN_mod_add(s, s, digest, order, context));
	require(BN_mod_mul(s, s, inverse, order, context));
	require(BN_bn2binpad(r, signature, NUMBER_BYTES) == NUMBER_BYTES);
	require(BN_bn2binpad(s, signature + NUMBER_BYTES, NUMBER_BYTES) == NUMBER_BYTES);
	BN_free(r);
	BN_free(digest);
	BN_free(s);
	BN_free(inverse);
}

/* A key chosen for one text, so that the two points to be added are the same one, or each other's opposite. */
static void check_special_sum(bool opposite)
{
	static const uint8_t text[] = "text";
	unsigned char signature[SIGNATURE_BYTES];
	BIGNUM *nonce = BN_new(), *digest = digest_of(text, sizeof text);
	require(BN_set_word(nonce, 12345));
	BIGNUM *r = x_of(nonce), *secret = BN_mod_inverse(NULL, r, order, context);
	require(BN_mod_mul(secret, secret, digest, order, context));
	if(opposite) require(BN_sub(secret, order, secret));
	struct pair special = make_pair(secret);
	sign(secret, nonce, text, sizeof text, signature);
	if(opposite) signature[SIGNATURE_BYTES - 1] = 1; /* s was 0; whatever it is, the sum is no point with an x */
	require(check(&special, text, sizeof text, signature) == !opposite);
	free_pair(&special);
	BN_free(nonce);
	BN_free(digest);
	BN_free(r);
}

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
	(void)count;
	(void)arguments;
	BIGNUM *secret = NULL;
	curve = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	order = EC_GROUP_get0_order(curve);
	context = BN_CTX_new();
	require(BN_hex2bn(&secret, "6e6967687461726e6967687461726e6967687461726e6967687461726e696768"));
	pair = make_pair(secret);
	check_special_sum(false);
	check_special_sum(true);
	return 0;
}

/* Put zero, the order, or a number beside them in the place of one number of the signature. */
static void put_edge(unsigned char *number, unsigned choice)
{
	BIGNUM *edge = choice & 4 ? BN_dup(order) : BN_new();
	if(choice & 1) require(BN_add_word(edge, 1));
	if(choice & 2 && !BN_is_zero(edge)) require(BN_sub_word(edge, 2));
	require(BN_bn2binpad(edge, number, NUMBER_BYTES) == NUMBER_BYTES);
	BN_free(edge);
}

/* First byte: what to do with a right signature. Then 64 bytes to do it with, and the text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char signature[SIGNATURE_BYTES];
	if(size < 1 + SIGNATURE_BYTES) return 0;
	const uint8_t *given = data + 1, *text = given + SIGNATURE_BYTES;
	size_t length = size - 1 - SIGNATURE_BYTES;
	BIGNUM *nonce = digest_of(data, size);
	if(BN_cmp(nonce, order) >= 0) require(BN_sub(nonce, nonce, order));
	sign(pair.secret, nonce, text, length, signature);
	BN_free(nonce);
	require(check(&pair, text, length, signature));
	switch(data[0] & 3){
		case 0: /* alter bits of it */
			for(size_t i = 0; i < SIGNATURE_BYTES; i++) signature[i] ^= given[i];
			break;
		case 1: /* any numbers */
			memcpy(signature, given, SIGNATURE_BYTES);
			break;
		case 2:
			put_edge(signature, data[0] >> 2 & 7);
			break;
		default:
			put_edge(signature + NUMBER_BYTES, data[0] >> 2 & 7);
	}
	check(&pair, text, length, signature);
	return 0;
}
