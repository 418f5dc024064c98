/* Judges the signatures of files by atome_signature_check and prints the verdicts, one line each.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Standard input holds jobs, one after the other, little-endian, nothing aligned:
 *
 *     u32 bytes of the file, the file, 32 bytes of key, u32 minimum version
 *
 * The file lies in a heap block of exactly its size, so that a sanitizer sees the first byte beyond. adapter.h holds the
 * function `check` of the manual in atome_signature.h.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "atome.h"
#include "atome_signature.h"

#include "adapter.h"

static void fail(const char *what) {
  fprintf(stderr, "signature-host: %s\n", what);
  exit(2);
}

static uint32_t word_of(const uint8_t at[4]) {
  return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void read_exactly(void *to, size_t bytes) {
  if (fread(to, 1, bytes, stdin) != bytes) fail("the input ends within a job");
}

static void run_job(uint32_t bytes) {
  uint8_t *file = malloc(bytes ? bytes : 1), key[32], minimum[4];
  uint32_t error;
  if (!file) fail("no memory");
  read_exactly(file, bytes);
  read_exactly(key, sizeof key);
  read_exactly(minimum, sizeof minimum);
  if (atome_signature_check(NULL, bytes, key, 0, check) != ATOME_ERROR_POINTER) fail("no model");
  if (atome_signature_check(file, bytes, NULL, 0, check) != ATOME_ERROR_POINTER) fail("no key");
  if (atome_signature_check(file, bytes, key, 0, NULL) != ATOME_ERROR_POINTER) fail("no Ed25519");
  error = atome_signature_check(file, bytes, key, word_of(minimum), check);
  printf("[%lu,%lu]\n", (unsigned long)error, (unsigned long)(error ? 0 : atome_signature_version(file, bytes)));
  free(file);
}

int main(void) {
  uint8_t bytes[4];
  if (sodium_init() < 0) fail("libsodium does not start");
  while (fread(bytes, 1, sizeof bytes, stdin) == sizeof bytes) run_job(word_of(bytes));
  return 0;
}
