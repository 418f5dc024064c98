/* One step of any stream of any model of one shape, for Frama-C's Eva; scripts/prove.mjs has the shapes and runs it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The model is every model of the shape that atome_check accepts, and more: each put_ below gives an item all values that
 * SPEC.md calls valid (the function of atome.c that refuses all others is named), CRC aside. Its buffer has exactly
 * its size. The arena has exactly the size that atome_init wants, and holds nothing: what is read before it was written is
 * an alarm.
 * The state is every state that the invariant below allows; atome_reset and each step are shown to lead into it, so
 * what holds for one step holds for streams of any length. */
#include "contracts.h"
#include "shapes.h"

#include "atome.c"

#include "__fc_builtin.h"

#include <stdlib.h>
#include <string.h>

#define ANY(least, most) Frama_C_unsigned_int_interval(least, most)
#define ANY_SIGNED(least, most) Frama_C_int_interval(least, most)

enum { PATHS_WIDTH = INNER ? INNER : WIDTH, MODEL_WORDS = 8192 };

/* |s| of 3.3 stays below 1.72e9. Intervals do not know that both parts of mulq15 come from one s, and need a little more:
 * the least multiple of 2^15 that 32760/32768 of it + 32760 + 64 x 6553 does not exceed. */
enum { STATE_MAX = 56519 * 32768 };

/* ---- any model of the shape: SPEC.md sections 1 and 2 ---- */

static uint8_t *at;

static void put8(uint32_t v) { *at++ = (uint8_t)v; }

static void put16(uint32_t v) {
  *(uint16_t *)(void *)at = (uint16_t)v;
  at += 2;
}

static void put_signed16(int32_t v) {
  *(int16_t *)(void *)at = (int16_t)v;
  at += 2;
}

static void put32(uint32_t v) {
  *(uint32_t *)(void *)at = v;
  at += 4;
}

/* To the next multiple of 4, with anything. */
static void put_padding(uint32_t bytes) {
  for (; bytes & 3; bytes++) put8(ANY(0, 255));
}

/* bad_scale */
static void put_scale(void) {
  put16(ANY(0, 32767));
  put16(ANY(2, 31));
}

/* bad_unit: CODES; valid are fewer, without those of which the rest by 28 is 27 */
static void put_ternary(uint32_t rows, uint32_t columns) {
  uint32_t n = rows * ((columns + 4) / 5), i;
  for (i = 0; i < n; i++) put8(ANY(0, 251));
  put_padding(n);
}

/* bad_unit: STEPS */
static void put_int4(uint32_t rows, uint32_t columns) {
  uint32_t n = rows * ((columns + 1) / 2), i;
  for (i = 0; i < rows; i++) put16(ANY(0, 32767));
  put_padding(2 * rows);
  for (i = 0; i < n; i++) put8(ANY(0, 255));
  put_padding(n);
}

static void put_table(uint32_t rows, uint32_t columns, uint32_t int4) {
  if (int4)
    put_int4(rows, columns);
  else
    put_ternary(rows, columns);
}

static void put_any16(uint32_t n) {
  for (; n; n--) put_signed16(ANY_SIGNED(-32768, 32767));
}

/* pass_layer, and bad_unit: TAPS2, TAPS6, CONSTANTS */
static void put_layer(uint32_t paths, uint32_t window) {
  uint32_t sparse = paths & SPARSE ? 2 * HEAD : 0, i;
  put8(paths);
  put8(ANY(0, 31));
  put16(window);
  for (i = 0; i < 11; i++) put_scale();
  put_any16(3);
  put8(ANY(0, 31));
  put8(ANY(0, 31));
  put_any16(2 * WIDTH);
  put_table((INNER ? 2 * INNER : sparse ? sparse + WIDTH : 0) + router_rows(paths), WIDTH, OPTIONS & MATRICES_INT4);
  if (paths & LOCAL) {
    for (i = 0; i < PATHS_WIDTH; i++)
      if (INNER)
        put32(ANY(0, 0x3FFFFFFF));
      else
        put16(ANY(0, 0x3FF));
    put_padding((INNER ? 4 : 2) * PATHS_WIDTH);
    if (INNER) {
      put_any16(PATHS_WIDTH);
      put_padding(2 * PATHS_WIDTH);
    }
  }
  if (paths & STATE)
    for (i = 0; i < PATHS_WIDTH; i++) {
      put_signed16(ANY_SIGNED(-32760, 32760));
      put_any16(1);
    }
  if (INNER) {
    put_table(sparse, INNER, OPTIONS & MATRICES_INT4);
    put_table(WIDTH, INNER, OPTIONS & MATRICES_INT4);
  }
}

/* pass_recall */
static void put_recall(void) {
  uint32_t i;
  put16(PLACES);
  put16(Frama_C_nondet(0, 1) ? ANY(0, VOCAB - 1) : 65535);
  for (i = 0; i < 28; i++) {
    put_any16(1);
    put_signed16(ANY_SIGNED(0, 32767));
  }
}

static uint32_t memory_bytes(uint32_t paths, uint32_t window) {
  return (paths & LOCAL ? 4 * PATHS_WIDTH : 0) + (paths & STATE ? 4 * PATHS_WIDTH : 0) + (paths & SPARSE ? 4 + align4(window * (HEAD + PATHS_WIDTH)) : 0);
}

static const uint8_t layer_paths[] = {PATHS};
enum { LAYERS = sizeof layer_paths };

/* atome_check: the header */
static void put_header(void) {
  uint32_t i, memory = OPTIONS & RECALL ? 4 + align4(3 * PLACES) : 0;
  for (i = 0; i < LAYERS; i++) memory += memory_bytes(layer_paths[i], layer_paths[i] & SPARSE ? WINDOW_SLOTS : 0);
  put32(0x4D4F5441);
  put32(HEADER_BYTES << 16 | 1);
  put32(0);
  put32(ANY(0, UINT32_MAX));
  put16(VOCAB);
  put16(OUTPUTS);
  put16(WIDTH);
  put16(INNER);
  put16(HEAD);
  put8(LAYERS);
  put8(TOP_K);
  put32(OPTIONS);
  put32(ANY(0, 0x3FFFFFFF));
  put32(OPTIONS & EMBED_INT4 ? ANY(0, 15) : ANY(0, RESIDUAL_MAX));
  put_scale();
  put16(ANY(0, 31));
  put16(1);
  put32(memory);
}

static const uint8_t *any_model(void) {
  uint32_t buffer[MODEL_WORDS], gates = OPTIONS & RECALL_GATES ? 2 : 0, i;
  uint8_t *begin = (uint8_t *)buffer, *model;
  at = begin;
  put_header();
  put32(SECTION_WEIGHTS);
  at += 4;
  put_table(VOCAB + (OPTIONS & TIED ? gates : 0), WIDTH, OPTIONS & EMBED_INT4);
  for (i = 0; i < LAYERS; i++) put_layer(layer_paths[i], layer_paths[i] & SPARSE ? WINDOW_SLOTS : 0);
  put_any16(2 * WIDTH);
  if (!(OPTIONS & TIED)) put_table(OUTPUTS + gates, WIDTH, OPTIONS & UNEMBED_INT4);
  if (OPTIONS & RECALL_SYMBOLS) put_table(2, VOCAB, 1);
  if (OPTIONS & RECALL) put_recall();
  buffer[2] = (uint32_t)(at - begin);
  buffer[HEADER_BYTES / 4 + 1] = buffer[2] - HEADER_BYTES - SECTION_BYTES;
  model = malloc(buffer[2]);
  memcpy(model, buffer, buffer[2]);
  return model;
}

/* ---- any state: SPEC.md sections 3.3, 3.5.2, 3.6.1, 3.7 ----
 * history: anything; state: at most STATE_MAX; ring: slot < W, count <= W; keys and values: anything; recall: count <= W,
 * symbols < V and matches <= 6 in as many places, anything in the others. */

static void any_memory(atome_t *a) {
  uint8_t *memory = (uint8_t *)(a->mix + 4 * a->layers);
  uint32_t i, j;
  for (i = 0; i < LAYERS; i++) {
    uint32_t paths = layer_paths[i];
    /* in the order of the calls of take_memory: the gated block's history comes first, the base block's last */
    for (j = 0; INNER && j < PATHS_WIDTH; j++, memory += 4) *(uint32_t *)(void *)memory = ANY(0, UINT32_MAX);
    if (paths & SPARSE) {
      ((uint16_t *)(void *)memory)[0] = (uint16_t)Frama_C_interval_split(0, WINDOW_SLOTS - 1);
      ((uint16_t *)(void *)memory)[1] = (uint16_t)Frama_C_interval_split(0, WINDOW_SLOTS);
      Frama_C_make_unknown((char *)memory + 4, WINDOW_SLOTS * (HEAD + PATHS_WIDTH));
      memory += 4 + align4(WINDOW_SLOTS * (HEAD + PATHS_WIDTH));
    }
    if (paths & STATE)
      for (j = 0; j < PATHS_WIDTH; j++, memory += 4) *(int32_t *)(void *)memory = ANY_SIGNED(-STATE_MAX, STATE_MAX);
    if (!INNER && paths & LOCAL)
      for (j = 0; j < PATHS_WIDTH; j++, memory += 4) *(uint32_t *)(void *)memory = ANY(0, UINT32_MAX);
  }
  if (OPTIONS & RECALL) {
    uint32_t places = (uint32_t)Frama_C_interval_split(0, PLACES);
    *(uint32_t *)(void *)memory = places;
    memory += 4;
    for (j = 0; j < PLACES; j++, memory += 2) *(uint16_t *)(void *)memory = (uint16_t)ANY(0, j < places ? VOCAB - 1 : 65535);
    for (j = 0; j < PLACES; j++) *memory++ = (uint8_t)ANY(0, j < places ? MATCH_MAX : 255);
  }
}

static void prove_memory(const atome_t *a) {
  const uint8_t *memory = (const uint8_t *)(a->mix + 4 * a->layers);
  uint32_t i, j;
  for (i = 0; i < LAYERS; i++) {
    uint32_t paths = layer_paths[i];
    memory += INNER ? 4 * PATHS_WIDTH : 0;
    if (paths & SPARSE) {
      const uint16_t *ring = (const uint16_t *)(const void *)memory;
      /*@ assert slot: ring[0] < WINDOW_SLOTS; */
      /*@ assert slots: ring[1] <= WINDOW_SLOTS; */
      memory += 4 + align4(WINDOW_SLOTS * (HEAD + PATHS_WIDTH));
    }
    if (paths & STATE)
      for (j = 0; j < PATHS_WIDTH; j++, memory += 4) {
        int32_t state = *(const int32_t *)(const void *)memory;
        /*@ assert state: -STATE_MAX <= state <= STATE_MAX; */
      }
    memory += !INNER && paths & LOCAL ? 4 * PATHS_WIDTH : 0;
  }
  if (OPTIONS & RECALL) {
    const uint16_t *symbols = (const uint16_t *)(const void *)(memory + 4);
    const uint8_t *matches = (const uint8_t *)(symbols + PLACES);
    uint32_t places = *(const uint32_t *)(const void *)memory;
    /*@ assert places: places <= PLACES; */
    for (j = 0; j < places; j++) {
      /*@ assert symbol: symbols[j] < VOCAB; */
      /*@ assert match: matches[j] <= MATCH_MAX; */
    }
  }
}

/* ---- one step ---- */

static void any_choice(atome_t *a) {
  atome_sampler_t sampler;
  int32_t mix[3];
  uint32_t layer;
  atome_argmax(a);
  sampler.temperature = (uint16_t)ANY(0, 65535);
  sampler.top_k = (uint16_t)ANY(0, 65535);
  sampler.top_p = (uint16_t)ANY(0, 65535);
  sampler.random = ANY(0, UINT32_MAX);
  atome_sample(a, &sampler);
  for (layer = 0; layer < LAYERS; layer++) atome_router(a, layer, mix);
  atome_entropy(atome_scores(a), a->outputs);
}

int main(void) {
  const uint8_t *model = any_model();
  atome_t dimensions, *a;
  uint32_t bytes = read_header(&dimensions, model);
  void *arena = malloc(bytes);
  a = atome_init(model, arena, bytes);
  if (!a) return 1;
  prove_memory(a);
  atome_recall(a, ANY(0, 6), ANY(0, 7), ANY_SIGNED(0, 32767));
  any_memory(a);
  if (!atome_step(a, ANY(0, UINT32_MAX))) return 1;
  prove_memory(a);
  any_choice(a);
  return 0;
}
