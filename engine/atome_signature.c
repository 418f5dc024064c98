/* Signatures of Atome models: see atome_signature.h for the manual and SPEC.md section 7 for the bytes.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "atome_signature.h"

#include "atome.h"

/* Offsets and sizes: SPEC.md 1.1, 1.2 and 7. */
enum {
  HEAD_BYTES = 12, /* up to the checksum */
  TOTAL_BYTES = 8,
  SECTION_COUNT = 46,
  HEADER_BYTES = 52,
  ENTRY_BYTES = 8,
  SMALLEST_FILE = HEADER_BYTES + ENTRY_BYTES,
  SIGNATURE_ID = 5,
  SECTION_BYTES = 80,
  SMALLEST_SIGNED_FILE = HEADER_BYTES + 2 * ENTRY_BYTES + SECTION_BYTES,
  MESSAGE = 16, /* after the checksum */
  MODEL_VERSION = 12,
  SIGNATURE = 16
};

static uint32_t word(const uint8_t *at) {
  return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Whether the last section is a signature. No read is beyond `bytes`: five entries end before SMALLEST_SIGNED_FILE does. */
static int has_signature(const uint8_t *file, uint32_t bytes) {
  uint32_t count = word(file + SECTION_COUNT) & 0xFFFF;
  const uint8_t *entry;
  if (bytes < SMALLEST_SIGNED_FILE || count < 2 || count > SIGNATURE_ID) return 0;
  entry = file + HEADER_BYTES + (count - 1) * ENTRY_BYTES;
  return word(entry) == SIGNATURE_ID && word(entry + 4) == SECTION_BYTES;
}

uint32_t atome_signature_check(const void *model, uint32_t bytes, const uint8_t key[32], uint32_t minimum_version,
                               atome_ed25519_t *verify) {
  const uint8_t *file = model, *section;
  uint32_t i;
  if (!model || !key || !verify) return ATOME_ERROR_POINTER;
  if (bytes < SMALLEST_FILE || word(file + TOTAL_BYTES) != bytes) return ATOME_ERROR_SIZE;
  if (!has_signature(file, bytes)) return ATOME_ERROR_UNSIGNED;
  section = file + bytes - SECTION_BYTES;
  for (i = 0; i < HEAD_BYTES; i++) {
    if (section[i] != file[i]) return ATOME_ERROR_SIGNATURE;
  }
  if (verify(section + SIGNATURE, key, file + MESSAGE, bytes - SECTION_BYTES) != 0) return ATOME_ERROR_SIGNATURE;
  return atome_signature_version(model, bytes) < minimum_version ? ATOME_ERROR_MODEL_VERSION : 0;
}

uint32_t atome_signature_version(const void *model, uint32_t bytes) {
  return word((const uint8_t *)model + bytes - SECTION_BYTES + MODEL_VERSION);
}
