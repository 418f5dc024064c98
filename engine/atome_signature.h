/* Signatures of Atome models: who made this file? Optional, beside atome.h and atome.c; two more files to copy.
 * SPDX-License-Identifier: Apache-2.0
 *
 * "atome keygen" makes a key, "atome sign" signs a model with it. The device holds the public key (key.pub.h) in flash that
 * an attacker cannot write, and asks before it starts a model:
 *
 *     if (atome_signature_check(model, model_bytes, atome_public_key, minimum_version, crypto_ed25519_check)) return;
 *     if (atome_check(model, model_bytes, &need)) return;
 *     atome_t *a = atome_init(model, arena, sizeof arena);
 *
 * The Ed25519 itself is yours to choose: this module has no cryptography. It hands over one piece of memory, so nothing of
 * the model is copied, and calls nothing but what you give it. What fits:
 *
 * Monocypher (monocypher.c, monocypher-ed25519.c), as it is: crypto_ed25519_check has the type below.
 *
 * libsodium:
 *
 *     static int check(const uint8_t signature[64], const uint8_t key[32], const uint8_t *message, size_t bytes) {
 *       return crypto_sign_verify_detached(signature, message, bytes, key);
 *     }
 *
 * PSA Crypto, where its implementation has PSA_ALG_PURE_EDDSA (mbedTLS alone has not; drivers of chips' makers have):
 *
 *     static int check(const uint8_t signature[64], const uint8_t key[32], const uint8_t *message, size_t bytes) {
 *       psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
 *       psa_key_id_t id;
 *       psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_PUBLIC_KEY(PSA_ECC_FAMILY_TWISTED_EDWARDS));
 *       psa_set_key_algorithm(&attributes, PSA_ALG_PURE_EDDSA);
 *       psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_VERIFY_MESSAGE);
 *       if (psa_import_key(&attributes, key, 32, &id)) return -1;
 *       psa_status_t status = psa_verify_message(id, PSA_ALG_PURE_EDDSA, message, bytes, signature, 64);
 *       psa_destroy_key(id);
 *       return (int)status;
 *     }
 *
 * TweetNaCl does not fit: its crypto_sign_open wants two copies of the message in RAM.
 *
 * The tests of this repository run the adapter of libsodium (1.0.18). That of PSA was compiled, with the headers of mbedTLS
 * 2.28, and not run; Monocypher (4.0) was neither: its header has the type.
 *
 * An older model that was signed is signed still. To refuse it, sign with "--model-version n", n growing, and keep the
 * greatest version that was accepted (atome_signature_version) where an attacker cannot lower it: it is the minimum_version of
 * the next check.
 */
#ifndef ATOME_SIGNATURE_H
#define ATOME_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Why a file is not taken for one of the key's owner: SPEC.md section 7. 1 and 3 are ATOME_ERROR_POINTER and _SIZE. */
enum {
  ATOME_ERROR_UNSIGNED = 32,
  ATOME_ERROR_SIGNATURE = 33,
  ATOME_ERROR_MODEL_VERSION = 34
};

/* Ed25519 (RFC 8032): returns 0 when `signature` is that of the `bytes` bytes at `message` by the owner of `key`. */
typedef int atome_ed25519_t(const uint8_t signature[64], const uint8_t key[32], const uint8_t *message, size_t bytes);

/* Whether the owner of `key` signed these `bytes` bytes at `model`, with a version of at least `minimum_version` (0: any).
 * Returns 0 or the reason. Reads only bytes 0..bytes-1, whatever they are, and needs no alignment; so it may stand before
 * atome_check, which must follow: a signature says who made a file, not that it is one this engine can run. */
uint32_t atome_signature_check(const void *model, uint32_t bytes, const uint8_t key[32], uint32_t minimum_version,
                               atome_ed25519_t *verify);

/* The version of a model that has passed atome_signature_check. */
uint32_t atome_signature_version(const void *model, uint32_t bytes);

#ifdef __cplusplus
}
#endif
#endif
