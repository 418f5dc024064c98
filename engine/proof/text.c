/* atome_encode, atome_decode and atome_class_name with every list of strings that fits into one word, for Frama-C's Eva;
 * scripts/prove.mjs runs it. Each length is given each value that it can have; all other bytes are arbitrary.
 * SPDX-License-Identifier: Apache-2.0 */
#include "atome.c"

#include "__fc_builtin.h"

#define SOME(least, most) Frama_C_unsigned_int_interval(least, most)

enum { LIST_BYTES = 4, TEXT_BYTES = 3, CONTENT_WORD = (HEADER_BYTES + 3 * SECTION_BYTES) / 4 };

/* Three sections of one word each: weights, tokens, class names. */
static uint32_t model[CONTENT_WORD + 3];

/* A valid list (bad_strings): `cuts` says where strings begin, those beyond the last are zeros. Returns how many there are. */
static uint32_t put_list(uint8_t *list, uint32_t used, uint32_t cuts) {
  uint32_t i, start = 0, strings = 0;
  Frama_C_make_unknown((char *)list, LIST_BYTES);
  for (i = 1; i <= used; i++)
    if (i == used || cuts >> (i - 1) & 1) {
      list[start] = (uint8_t)(i - start - 1);
      start = i;
      strings++;
    }
  for (i = used; i < LIST_BYTES; i++) list[i] = 0;
  return strings;
}

static void put_sections(uint32_t with_tokens) {
  uint32_t i;
  for (i = 0; i < 3; i++) {
    model[HEADER_BYTES / 4 + 2 * i] = i == 1 && !with_tokens ? 4 : i + 1;
    model[HEADER_BYTES / 4 + 2 * i + 1] = 4;
  }
}

static void prove_encode(const atome_t *a) {
  uint8_t text[TEXT_BYTES];
  uint16_t symbols[3];
  uint32_t bytes, used;
  for (bytes = 1; bytes <= TEXT_BYTES; bytes++) {
    Frama_C_make_unknown((char *)text, bytes);
    if (atome_encode(a, text, bytes, symbols, &used)) { /*@ assert used: 1 <= used <= bytes; */
    }
  }
}

static void prove_decode(const atome_t *a, uint32_t escape, uint32_t symbol) {
  atome_t copy = *a;
  const uint8_t *text;
  uint32_t bytes;
  copy.escape = (uint8_t)escape;
  copy.byte = (uint8_t)SOME(0, 255);
  bytes = atome_decode(&copy, symbol, &text);
  /*@ assert text: bytes == 0 || \valid_read(text + (0 .. bytes - 1)); */
}

static void prove_name(const atome_t *a, uint32_t index) {
  const uint8_t *name;
  uint32_t bytes = atome_class_name(a, index, &name);
  /*@ assert name: bytes == 0 || \valid_read(name + (0 .. bytes - 1)); */
}

/* Every index, those beyond the last at once: intervals do not follow the count down to 0. */
static void prove_calls(const atome_t *a) {
  uint32_t i, escape;
  prove_encode(a);
  for (i = 0; i <= a->vocab; i++) {
    uint32_t symbol = i < a->vocab ? i : SOME(a->vocab, UINT32_MAX);
    for (escape = 0; escape <= 2; escape++) prove_decode(a, escape, symbol);
    prove_name(a, symbol);
  }
}

void prove_text(void) {
  uint32_t used, cuts, with_tokens;
  atome_t a;
  a.model = (const uint8_t *)model;
  a.content = (const uint8_t *)(model + CONTENT_WORD);
  for (with_tokens = 0; with_tokens <= 1; with_tokens++)
    for (used = 1; used <= LIST_BYTES; used++)
      for (cuts = 0; cuts < 1 << (used - 1); cuts++) {
        put_sections(with_tokens);
        a.vocab = put_list((uint8_t *)(model + CONTENT_WORD + 1), used, cuts);
        a.outputs = put_list((uint8_t *)(model + CONTENT_WORD + 2), used, cuts);
        prove_calls(&a);
      }
}
