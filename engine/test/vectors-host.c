/* Runs the calls of test vectors on the engine and prints what they give, one line of JSON each.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Standard input holds jobs, one after the other, little-endian, nothing aligned:
 *
 *     u32 bytes of the model, the model, then calls {u32 what, u32 n, n x u32}; what = 0 ends the job
 *
 * The first line of a job is what atome_check says; a refused model has no calls. The model lies in a heap block of exactly
 * its size, the arena in one of exactly the size that atome_check asks for, so that a sanitizer sees the first byte beyond.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "atome.h"

enum { END, RESET, STEP, STREAM, GREEDY, SAMPLE, ROUTER, SCORES, ENCODE, DECODE, NAMES, RECALL, STEP_SAMPLES, STREAM_SAMPLES, DECIDE };

static const uint8_t *input, *input_end;

/* One model and its stream. */
typedef struct {
  uint8_t *model;
  void *arena;
  atome_t *atome;
  uint32_t outputs, layers, columns;
} job_t;

static void fail(const char *what) {
  fprintf(stderr, "vectors-host: %s\n", what);
  exit(2);
}

static void *allocate(size_t bytes) {
  void *block = malloc(bytes);
  if (!block && bytes) fail("no memory");
  return block;
}

static uint32_t next_word(void) {
  uint32_t word;
  if (input_end - input < 4) fail("the input ends early");
  word = input[0] | (uint32_t)input[1] << 8 | (uint32_t)input[2] << 16 | (uint32_t)input[3] << 24;
  input += 4;
  return word;
}

static void read_input(void) {
  size_t size = 0, room = 1 << 16;
  uint8_t *buffer = allocate(room);
  for (;;) {
    size += fread(buffer + size, 1, room - size, stdin);
    if (size < room) break;
    room *= 2;
    buffer = realloc(buffer, room);
    if (!buffer) fail("no memory");
  }
  input = buffer;
  input_end = buffer + size;
}

static uint32_t hash_word(uint32_t hash, uint32_t word) {
  uint32_t i;
  for (i = 0; i < 4; i++, word >>= 8) hash = (hash ^ (word & 255)) * UINT32_C(0x01000193);
  return hash;
}

static void print_numbers(const int32_t *v, uint32_t n) {
  uint32_t i;
  for (i = 0; i < n; i++) printf("%s%ld", i ? "," : "[", (long)v[i]);
  fputs(n ? "]" : "[]", stdout);
}

static void print_hex(const uint8_t *p, uint32_t n) {
  putchar('"');
  for (; n; n--) printf("%02x", *p++);
  putchar('"');
}

static const int32_t *step(const job_t *job, uint32_t symbol) {
  const int32_t *logits = atome_step(job->atome, symbol);
  if (!logits) fail("a symbol is out of range");
  return logits;
}

/* The values of a sample lie in a heap block of their own, as short as it is. */
static const int32_t *step_sample(const job_t *job) {
#if ATOME_SENSOR
  int32_t *values = allocate(4 * (size_t)job->columns);
  uint32_t i;
  for (i = 0; i < job->columns; i++) values[i] = (int32_t)next_word();
  if (atome_feed_sample(job->atome, values)) fail("a sample for a model of no sensor");
  free(values);
  return atome_logits(job->atome);
#else
  (void)job;
  fail("a sample without sensor");
  return NULL;
#endif
}

/* Logits after the next symbol or sample of the input. */
static const int32_t *next_step(const job_t *job, int is_sample) { return is_sample ? step_sample(job) : step(job, next_word()); }

static void run_step(const job_t *job, uint32_t n, int is_sample) {
  uint32_t i;
  putchar('[');
  for (i = 0; i < n; i++) {
    const int32_t *logits = next_step(job, is_sample);
    if (i) putchar(',');
    print_numbers(logits, job->outputs);
  }
  putchar(']');
}

static void run_stream(const job_t *job, uint32_t n, int is_sample) {
  uint32_t logits_hash = UINT32_C(0x811C9DC5), router_hash = logits_hash, i;
  for (; n; n--) {
    const int32_t *logits = next_step(job, is_sample);
    for (i = 0; i < job->outputs; i++) logits_hash = hash_word(logits_hash, (uint32_t)logits[i]);
    for (i = 0; i < job->layers; i++) {
      int32_t mix[3];
      uint32_t entropy = atome_router(job->atome, i, mix), j;
      for (j = 0; j < 3; j++) router_hash = hash_word(router_hash, (uint32_t)mix[j]);
      router_hash = hash_word(router_hash, entropy);
    }
  }
  printf("{\"logits\":\"%08lx\",\"router\":\"%08lx\"}", (unsigned long)logits_hash, (unsigned long)router_hash);
}

static void run_greedy(const job_t *job) {
  uint32_t count = next_word(), i;
  putchar('[');
  for (i = 0; i < count; i++) {
    uint32_t symbol = atome_argmax(job->atome);
    printf("%s%lu", i ? "," : "", (unsigned long)symbol);
    step(job, symbol);
  }
  putchar(']');
}

static void run_sample(const job_t *job) {
  uint32_t count = next_word(), feed = next_word(), i;
  atome_sampler_t sampler;
  sampler.temperature = (uint16_t)next_word();
  sampler.top_k = (uint16_t)next_word();
  sampler.top_p = (uint16_t)next_word();
  sampler.random = next_word();
  fputs("{\"symbols\":[", stdout);
  for (i = 0; i < count; i++) {
    uint32_t symbol = atome_sample(job->atome, &sampler);
    printf("%s%lu", i ? "," : "", (unsigned long)symbol);
    if (feed) step(job, symbol);
  }
  printf("],\"random\":%lu}", (unsigned long)sampler.random);
}

static void run_recall(const job_t *job) {
#if ATOME_RECALL
  uint32_t longest = next_word(), repeats = next_word();
  atome_recall(job->atome, longest, repeats, (int32_t)next_word());
  fputs("null", stdout);
#else
  (void)job;
  fail("recall without recall");
#endif
}

static void run_router(const job_t *job) {
  uint32_t i;
  for (i = 0; i < job->layers; i++) {
    int32_t mix[3];
    uint32_t entropy = atome_router(job->atome, i, mix);
    fputs(i ? ",{\"mix\":" : "[{\"mix\":", stdout);
    print_numbers(mix, 3);
    printf(",\"entropy\":%lu}", (unsigned long)entropy);
  }
  putchar(']');
}

static void run_scores(const job_t *job) {
  const int32_t *scores = atome_scores(job->atome);
  fputs("{\"scores\":", stdout);
  print_numbers(scores, job->outputs);
  printf(",\"entropy\":%lu}", (unsigned long)atome_entropy(scores, job->outputs));
}

static void run_decide(const job_t *job) {
#if ATOME_DECIDE
  int32_t probability;
  uint32_t class = atome_decide(job->atome, &probability);
  if (class == ATOME_NONE) fputs("{\"class\":-1", stdout);
  else printf("{\"class\":%lu", (unsigned long)class);
  printf(",\"probability\":%ld}", (long)probability);
#else
  (void)job;
  fail("a decision without them");
#endif
}

/* One byte per word. The text lies in a heap block of its own, as short as it is. null: a byte cannot be encoded. */
static void run_encode(const job_t *job, uint32_t n) {
  uint8_t *text = allocate(n);
  uint16_t *symbols = allocate(6 * (size_t)n);
  uint32_t at = 0, used, i, found = 0, count = 1;
  for (i = 0; i < n; i++) text[i] = (uint8_t)next_word();
  for (; at < n && count; at += used) {
    used = 0;
    count = atome_encode(job->atome, text + at, n - at, symbols + found, &used);
    found += count;
  }
  if (!count) fputs("null", stdout);
  for (i = 0; i < found && count; i++) printf("%s%u", i ? "," : "[", (unsigned)symbols[i]);
  if (count) fputs(found ? "]" : "[]", stdout);
  free(symbols);
  free(text);
}

static void run_decode(const job_t *job, uint32_t n) {
  uint32_t i;
  putchar('[');
  for (i = 0; i < n; i++) {
    const uint8_t *text;
    uint32_t length = atome_decode(job->atome, next_word(), &text);
    if (i) putchar(',');
    print_hex(text, length);
  }
  putchar(']');
}

static void run_names(const job_t *job) {
  uint32_t i;
  for (i = 0; i < job->outputs; i++) {
    const uint8_t *name = NULL;
    uint32_t length = atome_class_name(job->atome, i, &name);
    putchar(i ? ',' : '[');
    print_hex(name, length);
  }
  putchar(']');
}

static void run_call(const job_t *job, uint32_t what, uint32_t n) {
  if (what == RESET) {
    atome_reset(job->atome);
    fputs("null", stdout);
  } else if (what == STEP) run_step(job, n, 0);
  else if (what == STEP_SAMPLES) run_step(job, n / job->columns, 1);
  else if (what == STREAM) run_stream(job, n, 0);
  else if (what == STREAM_SAMPLES) run_stream(job, n / job->columns, 1);
  else if (what == GREEDY) run_greedy(job);
  else if (what == SAMPLE) run_sample(job);
  else if (what == ROUTER) run_router(job);
  else if (what == SCORES) run_scores(job);
  else if (what == DECIDE) run_decide(job);
  else if (what == ENCODE) run_encode(job, n);
  else if (what == DECODE) run_decode(job, n);
  else if (what == NAMES) run_names(job);
  else if (what == RECALL) run_recall(job);
  else fail("an unknown call");
  putchar('\n');
}

/* What the header promises of bad calls before there is a stream: SPEC.md 6.1. Returns the first broken promise. */
static const char *check_opening(const job_t *job, uint32_t bytes, uint32_t need) {
  uint32_t other, *shifted = allocate(bytes + 4 + need);
  const char *broken = NULL;
  memset(shifted, 0, bytes + 4 + need);
  if (atome_check(NULL, bytes, &other) != ATOME_ERROR_POINTER) broken = "no model";
  if (atome_check(job->model, bytes, NULL) != ATOME_ERROR_POINTER) broken = "nowhere to tell the arena's size";
  if (atome_check((uint8_t *)shifted + 2, bytes, &other) != ATOME_ERROR_ALIGNMENT) broken = "a model not aligned";
  if (atome_check((uint8_t *)shifted + 1, bytes, &other) != ATOME_ERROR_ALIGNMENT) broken = "a model at an odd address";
  if (atome_check(shifted, 0, &other) != ATOME_ERROR_SIZE) broken = "no bytes";
  if (atome_init(NULL, shifted, need)) broken = "no model to start";
  if (atome_init(job->model + 2, shifted, need)) broken = "a model to start that is not aligned";
  if (atome_init(job->model, NULL, need)) broken = "no arena";
  if (atome_init(job->model, shifted, need - 1)) broken = "an arena too small";
  if (atome_init(job->model, shifted, 0)) broken = "an empty arena";
  if (atome_init(job->model, (uint8_t *)shifted + 2, need)) broken = "an arena not aligned";
  if (atome_init(job->model, (uint8_t *)shifted + 1, need)) broken = "an arena at an odd address";
  free(shifted);
  return broken;
}

static int has_layer(const job_t *job, uint32_t layer) {
  int32_t mix[3] = {1, 1, 1};
  return atome_router(job->atome, layer, mix) || mix[0] || mix[1] || mix[2];
}

/* And of those on a stream: they change nothing, or the answers that follow are wrong. */
static const char *check_stream(const job_t *job) {
  uint32_t vocab = job->model[16] | (uint32_t)job->model[17] << 8, used;
  uint16_t symbols[3];
  const uint8_t *bytes;
  void *nothing = malloc(0);
  const char *broken = NULL;
  if (atome_feed(job->atome, vocab) != 1) broken = "a symbol one too large";
  if (atome_feed(job->atome, UINT32_MAX) != 1) broken = "a symbol far too large";
  if (atome_step(job->atome, vocab) || atome_step(job->atome, UINT32_MAX)) broken = "a step with a symbol too large";
#if ATOME_SENSOR
  if (!job->columns && atome_feed_sample(job->atome, nothing) != 1) broken = "a sample for a model of no sensor";
#endif
  if (has_layer(job, job->layers) || has_layer(job, UINT32_MAX)) broken = "a layer too many";
  if (atome_entropy(nothing, 0)) broken = "no probabilities";
  if (atome_encode(job->atome, nothing, 0, symbols, &used)) broken = "no text";
  if (atome_decode(job->atome, vocab, &bytes) || atome_decode(job->atome, UINT32_MAX, &bytes)) broken = "no such symbol";
  if (atome_class_name(job->atome, job->outputs, &bytes)) broken = "a class too many";
  if (atome_class_name(job->atome, UINT32_MAX, &bytes)) broken = "a class far too many";
  free(nothing);
  return broken;
}

/* Reads and answers one job. */
static void run_job(void) {
  job_t job;
  uint32_t bytes = next_word(), need = 0, error, what;
  const char *broken;
  if ((uint32_t)(input_end - input) < bytes) fail("the input ends within a model");
  job.model = allocate(bytes);
  if (bytes) memcpy(job.model, input, bytes);
  input += bytes;
  if (bytes) error = atome_check(job.model, bytes, &need);
  else error = atome_check(&what, 0, &need); /* malloc(0) may give NULL */
  printf("{\"error\":%lu,\"arenaBytes\":%lu}\n", (unsigned long)error, (unsigned long)(error ? 0 : need));
  job.arena = allocate(error ? 1 : need);
  if (!error) {
    memset(job.arena, 0xA5, need);
    job.atome = atome_init(job.model, job.arena, need);
    if (!job.atome) fail("atome_init refused an arena of the size that atome_check told");
    job.outputs = job.model[18] | (uint32_t)job.model[19] << 8;
    job.layers = job.model[26];
    job.columns = job.model[28] & 128 ? job.model[52 + 8 * job.model[46]] : 0;
    broken = check_opening(&job, bytes, need);
    if (!broken) broken = check_stream(&job);
    if (broken) fail(broken);
  }
  while ((what = next_word()) != END) {
    uint32_t n = next_word();
    if (error) fail("calls for a refused model");
    run_call(&job, what, n);
  }
  /* Again, now that there is something behind the last layer's mix. */
  if (!error && has_layer(&job, job.layers)) fail("a layer too many");
  free(job.arena);
  free(job.model);
}

int main(void) {
  read_input();
  while (input != input_end) run_job();
  return 0;
}
