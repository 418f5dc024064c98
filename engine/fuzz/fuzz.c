/* Fuzzing of the engine, by libFuzzer and AFL++ alike: any bytes as a model, and calls on every one that is accepted.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Model, arena and text each lie in a heap block of exactly their size, so that a sanitizer sees the first byte beyond.
 * A checksum stops nearly all that a fuzzer thinks of, so what is refused for its envelope is tried again with a right one. */
#include <stdlib.h>
#include <string.h>

#include "../atome.c" /* for the checksum, the generator and what stands where */

#define HOLDS(condition) \
  if (!(condition)) abort()

enum { ROUNDS = 8, TEXT_BYTES = 5, LOGIT_MAX = 233686636 }; /* 2^27.8: SPEC.md section 5 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);

static void *copy_of(const void *bytes, size_t size) {
  void *block = malloc(size);
  HOLDS(block || !size);
  if (size) memcpy(block, bytes, size);
  return block;
}

static void write32(uint8_t *p, uint32_t v) {
  uint32_t i;
  for (i = 0; i < 4; i++, v >>= 8) *p++ = (uint8_t)v;
}

/* Makes magic, version, size and checksum right. */
static void seal(uint8_t *model, uint32_t bytes) {
  write32(model, UINT32_C(0x4D4F5441));
  write32(model + 4, HEADER_BYTES << 16 | 1);
  write32(model + 8, bytes);
  write32(model + 12, checksum(model, bytes));
}

/* Each error, and each set of options that is accepted, is a feature of its own to libFuzzer, however the code is compiled. */
#ifndef __AFL_COMPILER
__attribute__((section("__libfuzzer_extra_counters")))
#endif
static uint8_t reached[ATOME_ERROR_DECISION + 1 + 512];

/* Draws from the logits, and turns them into scores. */
static void choose(atome_t *a, uint32_t *random) {
  uint32_t total = 0, i;
  const int32_t *scores;
  atome_sampler_t sampler;
  sampler.temperature = (uint16_t)(next_random(random) >> (next_random(random) & 31));
  sampler.top_k = (uint16_t)(next_random(random) >> (next_random(random) & 31));
  sampler.top_p = (uint16_t)next_random(random);
  sampler.random = *random;
  HOLDS(atome_argmax(a) < a->outputs);
  HOLDS(atome_sample(a, &sampler) < a->outputs);
  scores = atome_scores(a);
  for (i = 0; i < a->outputs; i++) total += (uint32_t)scores[i];
  HOLDS(total <= 32768);
  HOLDS(atome_entropy(scores, a->outputs) <= 10 * 2048 + 2048);
}

/* A sample of numbers of any size, in a heap block of exactly its size; then its decision. */
static void measure(atome_t *a, uint32_t *random) {
  uint32_t columns = a->options & SENSOR ? read16(a->content) : 0, i, answer;
  int32_t *values = malloc(4 * columns), probability;
  HOLDS(values || !columns);
  for (i = 0; i < columns; i++) {
    uint32_t word = next_random(random);
    values[i] = (int32_t)word >> (word & 31);
  }
  HOLDS(atome_feed_sample(a, values) == !columns);
  free(values);
  if (!columns) return;
  atome_logits(a);
  answer = atome_decide(a, &probability);
  HOLDS(answer < a->outputs || (answer == ATOME_NONE && a->options & DECISION));
  HOLDS(probability >= 0 && probability <= 32768);
}

/* Steps, with symbols in and out of range, and what can be asked after each. */
static void stream(atome_t *a, uint32_t *random) {
  uint32_t i, j;
  for (i = 0; i < ROUNDS; i++) {
    uint32_t symbol = i % 4 ? next_random(random) % a->vocab : next_random(random) % (a->vocab + 1);
    const int32_t *logits = i & 1 ? atome_step(a, symbol) : atome_feed(a, symbol) ? 0 : atome_logits(a);
    HOLDS(!logits == (symbol >= a->vocab));
    for (j = 0; logits && j < a->outputs; j++) HOLDS(magnitude(logits[j]) <= LOGIT_MAX);
    for (j = 0; j <= a->layers; j++) {
      int32_t mix[3];
      HOLDS(atome_router(a, j, mix) <= 2 * 2048);
      HOLDS(mix[0] + mix[1] + mix[2] <= 32768);
    }
    if (i % 3 == 2 && logits) choose(a, random);
    if (i % 3 == 1) measure(a, random);
    if (i == ROUNDS / 2) atome_recall(a, next_random(random) % 7, next_random(random) % 8, (int32_t)(next_random(random) & 32767));
  }
}

/* Text there and back: pieces of the model's own end, which hold what its tokens hold, and of chance. */
static void translate(atome_t *a, const uint8_t *model, uint32_t bytes, uint32_t *random) {
  uint32_t i, used, count;
  for (i = 0; i < ROUNDS; i++) {
    uint32_t size = next_random(random) % (TEXT_BYTES + 1), at = next_random(random) % (bytes - size);
    uint8_t *text = copy_of(model + at, size);
    const uint8_t *decoded;
    uint16_t symbols[3];
    count = atome_encode(a, text, size, symbols, &used);
    HOLDS(size ? count == 0 || count == 1 || count == 3 : count == 0);
    HOLDS(!count || (used && used <= size && symbols[count - 1] < a->vocab));
    free(text);
    atome_decode(a, next_random(random) % (a->vocab + 2), &decoded);
    atome_decode(a, next_random(random), &decoded);
    atome_class_name(a, next_random(random) % (a->outputs + 2), &decoded);
  }
}

static void run(const uint8_t *model, uint32_t bytes, uint32_t need) {
  void *arena = malloc(need);
  uint32_t random = read32(model + 12); /* the checksum: other calls for each model */
  atome_t *a;
  HOLDS(arena);
  memset(arena, 0xA5, need);
  HOLDS(!atome_init(model, arena, need - 1));
  a = atome_init(model, arena, need);
  HOLDS(a);
  stream(a, &random);
  translate(a, model, bytes, &random);
  atome_reset(a);
  stream(a, &random);
  free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint8_t *model = copy_of(data, size);
  uint32_t bytes = (uint32_t)size, need = 0, error = bytes ? atome_check(model, bytes, &need) : ATOME_ERROR_SIZE;
  if (error >= ATOME_ERROR_SIZE && error <= ATOME_ERROR_CHECKSUM && bytes >= HEADER_BYTES + SECTION_BYTES) {
    seal(model, bytes);
    error = atome_check(model, bytes, &need);
    HOLDS(error == ATOME_OK || error > ATOME_ERROR_CHECKSUM);
  }
  reached[error ? error : ATOME_ERROR_DECISION + UINT32_C(1) + read16(model + 28)] = 1;
  if (!error) run(model, bytes, need);
  free(model);
  return 0;
}

/* A file that grows or shrinks is nearly always refused: three of four changes stay within a few bytes. (AFL++ has its own.) */
#ifndef __AFL_COMPILER
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed) {
  size_t at = size ? (seed >> 2) % size : 0, left = size - at;
  if (seed % 4 == 0 || !left) return LLVMFuzzerMutate(data, size, most);
  LLVMFuzzerMutate(data + at, left < 4 ? left : 4, left < 4 ? left : 4);
  return size;
}
#endif
