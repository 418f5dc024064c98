/* Runs one job on the model beside it and prints the result as one line of JSON. Every board and the host share this file.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The job, little-endian:
 *
 *     offset  type  field
 *          0  u32   prompt: number of prompt symbols (0: the prompt is the text)
 *          4  u32   generate: number of symbols to generate after the prompt
 *          8  u16   temperature, u16 top_k, u16 top_p: the sampler; temperature 0 is argmax
 *         14  u16   bit 0, details: to exercise and hash the rest of the interface too; bit 1: the text is samples of a
 *                   sensor, an i32 for each of their values
 *         16  u32   random: the sampler's generator state
 *         20  u32   text: number of bytes of prompt text
 *         24  u16 x prompt, then u8 x text
 *
 * The logits are computed after every symbol fed, the prompt's and the generated ones (the last one too), and `hash` is the
 * FNV-1a hash (32 bits) of the little-endian bytes of all of them, in order. `details` is the same kind of hash over: after
 * every symbol fed, for each layer, the router's mix and its entropy; before every generated symbol is fed, the bytes it
 * decodes to; after every sample the decision; at the end the name of the likeliest class, the scores, their entropy, and,
 * recall set to take a bit from what was said, the logits after a reset and the first symbol again (0 after samples), and the
 * decision. A generated token costs what atome_argmax (or atome_sample) and atome_step
 * cost, a sample what atome_feed_sample, atome_logits and atome_argmax do.
 */
#include "port.h"

#define NO_SYMBOL_ERROR 100u /* "error" of the result: a symbol is out of range, or the prompt is empty */
#define JOB_HEADER_BYTES 24u
#define FNV_OFFSET 0x811c9dc5u
#define FNV_PRIME 0x01000193u

typedef struct {
  flash_t *model;
  flash_t *job;
  atome_t *atome;
  uint32_t hash;
  uint32_t details;
  int32_t *sample;       /* room for one */
  uint32_t columns;      /* values of a sample; 0 when the job or the model has none */
  uint32_t fed;          /* symbols and samples fed so far */
  uint32_t first_symbol; /* of them */
  uint32_t step_ticks;
  uint32_t ticks, max_ticks; /* of all generated tokens or samples, and of the longest */
} run_t;

static uint32_t read_u16(flash_t *p) { return p[0] | (uint32_t)p[1] << 8; }
static uint32_t read_u32(flash_t *p) { return read_u16(p) | read_u16(p + 2) << 16; }

/* Decimal without a division: Cortex-M0 has none, and no library may be linked. */
static void write_number(uint32_t value) {
  static const uint32_t power[10] = {1000000000, 100000000, 10000000, 1000000, 100000, 10000, 1000, 100, 10, 1};
  char text[11];
  uint32_t n = 0;
  for (uint32_t i = 0; i < 10; i++) {
    char digit = '0';
    for (; value >= power[i]; value -= power[i]) digit++;
    if (digit != '0' || n > 0 || i == 9) text[n++] = digit;
  }
  text[n] = 0;
  port_write(text);
}

static void write_field(const char *prefix, uint32_t value) {
  port_write(prefix);
  write_number(value);
}

static void write_hash(const char *prefix, uint32_t value) {
  char text[9];
  for (uint32_t i = 0; i < 8; i++, value <<= 4) text[i] = "0123456789abcdef"[value >> 28];
  text[8] = 0;
  port_write(prefix);
  port_write(text);
}

static uint32_t hash_byte(uint32_t hash, uint32_t byte) { return (hash ^ byte) * FNV_PRIME; }

static uint32_t hash_words(uint32_t hash, const void *words, uint32_t count) {
  for (const uint32_t *word = words; count > 0; count--, word++)
    for (uint32_t shift = 0; shift < 32; shift += 8) hash = hash_byte(hash, *word >> shift & 255);
  return hash;
}

#if ATOME_ROUTER || ATOME_SCORES || ATOME_TOKENS || ATOME_DECIDE
static int wants_details(const run_t *run) { return read_u16(run->job + 14) & 1; }
#endif

/* Whether the prompt is samples. */
static int wants_samples(const run_t *run) { return (read_u16(run->job + 14) & 2) != 0; }

static uint32_t outputs(const run_t *run) { return read_u16(run->model + 18); }

/* Hashes what there is after a step. */
static void hash_step(run_t *run, const int32_t *logits) {
  run->hash = hash_words(run->hash, logits, outputs(run));
#if ATOME_ROUTER
  for (uint32_t layer = 0; wants_details(run) && layer < run->model[26]; layer++) {
    int32_t mix[3];
    uint32_t entropy = atome_router(run->atome, layer, mix);
    run->details = hash_words(run->details, mix, 3);
    run->details = hash_words(run->details, &entropy, 1);
  }
#endif
}

/* Feeds a symbol; 0 when it is out of range. */
static int feed(run_t *run, uint32_t symbol) {
  uint32_t start = port_ticks();
  const int32_t *logits = atome_step(run->atome, symbol);
  run->step_ticks = (port_ticks() - start) & port_ticks_mask;
  if (!logits) return 0;
  if (run->fed++ == 0) run->first_symbol = symbol;
  hash_step(run, logits);
  return 1;
}

#if ATOME_DECIDE
/* Overwrites the logits. */
static void hash_decision(run_t *run) {
  int32_t probability;
  uint32_t class = atome_decide(run->atome, &probability);
  run->details = hash_words(run->details, &class, 1);
  run->details = hash_words(run->details, &probability, 1);
}
#endif

/* Counts those of a generated token or, where none is to be generated, of a sample. */
static void count_ticks(run_t *run, uint32_t ticks) {
  run->ticks += ticks;
  if (run->max_ticks < ticks) run->max_ticks = ticks;
}

#if ATOME_SENSOR
static int feed_samples(run_t *run, flash_t *values, uint32_t bytes) {
  for (; bytes >= 4 * run->columns; bytes -= 4 * run->columns) {
    for (uint32_t i = 0; i < run->columns; i++, values += 4) run->sample[i] = (int32_t)read_u32(values);
    uint32_t start = port_ticks();
    if (atome_feed_sample(run->atome, run->sample)) return 0;
    const int32_t *logits = atome_logits(run->atome);
    atome_argmax(run->atome);
    if (read_u32(run->job + 4) == 0) count_ticks(run, (port_ticks() - start) & port_ticks_mask);
    run->fed++;
    hash_step(run, logits);
#if ATOME_DECIDE
    if (wants_details(run)) hash_decision(run);
#endif
  }
  return 1;
}
#endif

#if ATOME_TOKENS
static int feed_text(run_t *run, flash_t *text, uint32_t bytes) {
  while (bytes > 0) {
    uint16_t symbols[3];
    uint32_t used;
    uint32_t count = atome_encode(run->atome, text, bytes, symbols, &used);
    if (count == 0) return 0;
    for (uint32_t i = 0; i < count; i++)
      if (!feed(run, symbols[i])) return 0;
    text += used;
    bytes -= used;
  }
  return 1;
}
#endif

static int feed_prompt(run_t *run) {
  flash_t *symbol = run->job + JOB_HEADER_BYTES;
  uint32_t count = read_u32(run->job);
  for (uint32_t n = count; n > 0; n--, symbol += 2)
    if (!feed(run, read_u16(symbol))) return 0;
#if ATOME_SENSOR
  if (wants_samples(run)) return run->columns > 0 && feed_samples(run, symbol, read_u32(run->job + 20)) && run->fed > 0;
#endif
#if ATOME_TOKENS
  if (count == 0 && !feed_text(run, symbol, read_u32(run->job + 20))) return 0;
#endif
  return run->fed > 0;
}

/* Generates and prints the symbols; returns how many. */
static uint32_t generate(run_t *run) {
  uint32_t count = read_u32(run->job + 4);
#if ATOME_SAMPLE
  atome_sampler_t sampler;
  sampler.temperature = (uint16_t)read_u16(run->job + 8);
  sampler.top_k = (uint16_t)read_u16(run->job + 10);
  sampler.top_p = (uint16_t)read_u16(run->job + 12);
  sampler.random = read_u32(run->job + 16);
#endif
  for (uint32_t i = 0; i < count; i++) {
    uint32_t start = port_ticks();
#if ATOME_SAMPLE
    uint32_t symbol = sampler.temperature ? atome_sample(run->atome, &sampler) : atome_argmax(run->atome);
#else
    uint32_t symbol = atome_argmax(run->atome);
#endif
    uint32_t ticks = (port_ticks() - start) & port_ticks_mask;
    write_field(i == 0 ? "" : ",", symbol);
#if ATOME_TOKENS
    if (wants_details(run)) {
      flash_t *text;
      for (uint32_t n = atome_decode(run->atome, symbol, &text); n > 0; n--)
        run->details = hash_byte(run->details, *text++);
    }
#endif
    if (!feed(run, symbol)) return i;
    count_ticks(run, ticks + run->step_ticks);
  }
  return count;
}

#if ATOME_SCORES
/* The last of the details. Overwrites the logits. */
static void hash_scores(run_t *run) {
  flash_t *name;
  for (uint32_t n = atome_class_name(run->atome, atome_argmax(run->atome), &name); n > 0; n--)
    run->details = hash_byte(run->details, *name++);
  const int32_t *scores = atome_scores(run->atome);
  uint32_t entropy = atome_entropy(scores, outputs(run));
  run->details = hash_words(run->details, scores, outputs(run));
  run->details = hash_words(run->details, &entropy, 1);
#if ATOME_RECALL
  atome_recall(run->atome, 0, 0, 2048);
#endif
  atome_reset(run->atome);
  atome_feed(run->atome, run->first_symbol);
  run->details = hash_words(run->details, atome_logits(run->atome), outputs(run));
#if ATOME_DECIDE
  hash_decision(run);
#endif
}
#endif

/* Values of a sample, if the job has some, as the model's sensor record says. */
static uint32_t columns_of(const run_t *run) {
  int is_sensor = (read_u16(run->model + 28) & 128) != 0;
  return is_sensor && wants_samples(run) ? read_u16(run->model + 52 + 8 * read_u16(run->model + 46)) : 0;
}

void run_job(void) {
  port_data_t data = port_data();
  run_t run = {data.model, data.job, 0, FNV_OFFSET, FNV_OFFSET, 0, 0, 0, 0, 0, 0, 0};
  uint32_t error = ATOME_OK, need_bytes = 0, arena_bytes = 0, check_ticks = 0;

  port_stack_paint();
#if ATOME_CHECK
  check_ticks = port_ticks();
  error = atome_check(data.model, data.model_bytes, &need_bytes);
  check_ticks = (port_ticks() - check_ticks) & port_ticks_mask;
#endif
  if (error == ATOME_OK) {
    run.columns = columns_of(&run);
    uint8_t *arena = port_arena(need_bytes + 4 * run.columns, &arena_bytes);
    uint32_t sample_at = (arena_bytes - 4 * run.columns) & ~UINT32_C(3);
    run.sample = (int32_t *)(void *)(arena + sample_at);
    run.atome = atome_init(data.model, arena, sample_at);
    if (!run.atome) error = ATOME_ERROR_ARENA;
  }
  port_write("{\"tokens\":[");
  if (error == ATOME_OK) {
    atome_reset(run.atome);
    if (!feed_prompt(&run) || generate(&run) < read_u32(run.job + 4)) error = NO_SYMBOL_ERROR;
  }
#if ATOME_SCORES
  if (error == ATOME_OK && wants_details(&run)) hash_scores(&run);
#endif
  write_field("],\"error\":", error);
  write_field(",\"fed\":", run.fed);
  write_hash(",\"hash\":\"", run.hash);
  write_hash("\",\"details\":\"", run.details);
  write_field("\",\"arenaBytes\":", need_bytes);
  write_field(",\"ramBytes\":", arena_bytes);
  write_field(",\"stackBytes\":", port_stack_bytes());
  write_field(",\"checkTicks\":", check_ticks);
  write_field(",\"ticks\":", run.ticks);
  write_field(",\"maxTicks\":", run.max_ticks);
  write_field(",\"clockHz\":", port_clock_hz);
  port_write("}\n");
}
