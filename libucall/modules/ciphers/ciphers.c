// SPDX-License-Identifier: MIT
/* The ciphers module, by libcrypto. */
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include <ucall/ucall.h>

#include "modules/ciphers.h"

/* XTS needs two different keys; libcrypto checks that when it gets them. */
static int new_key(uint8_t key[UCALL_XTS_KEY_SIZE])
{
	return RAND_bytes(key, UCALL_XTS_KEY_SIZE) == 1 ? 0 : -1;
}

static int xts(bool encrypt, const uint8_t key[UCALL_XTS_KEY_SIZE], uint64_t unit, const void *from,
	       void *to, size_t size)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t tweak[16] = { 0 };
	int n, good;

	for (int i = 0; i < 8; i++)
		tweak[i] = (uint8_t)(unit >> 8 * i);
	good = c && EVP_CipherInit_ex(c, EVP_aes_128_xts(), NULL, key, tweak, encrypt) == 1 &&
	       EVP_CipherUpdate(c, to, &n, from, (int)size) == 1 && n == (int)size;
	EVP_CIPHER_CTX_free(c);
	return good ? 0 : -1;
}

static int sha384(const void *data, size_t size, uint8_t digest[UCALL_DIGEST_SIZE])
{
	return EVP_Digest(data, size, digest, NULL, EVP_sha384(), NULL) == 1 ? 0 : -1;
}

extern UCALL_PUBLIC const struct ucall_ciphers ucall_ciphers;
const struct ucall_ciphers ucall_ciphers = {
	.version = UCALL_VERSION,
	.new_key = new_key,
	.xts = xts,
	.sha384 = sha384,
};
