/* atome_check on arbitrary bytes, for Frama-C's Eva, part by part; scripts/prove.mjs runs each function named prove_.
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a part proves of itself is the contract with which the parts that call it are analysed. A cursor and the end of what
 * it moves in are given each value they can have, one after the other, because an interval of one and an interval of the
 * other do not say which comes first. All else stays arbitrary. */
#include "contracts.h"

#include "atome.c"

#include "__fc_builtin.h"

#include <stdlib.h>

#define SOME(least, most) Frama_C_unsigned_int_interval(least, most)

enum { MOST_BYTES = 128, CONTENT_BYTES = 8 };

/* ---- contracts of parts ---- */

/*@ requires inside: \subset(walk->a.weights, walk->end + (-MOST_BYTES .. 0));
    assigns walk->a.weights \from walk->a.weights;
    assigns walk->error \from walk->error, kind, n, more;
    ensures inside: \subset(walk->a.weights, walk->end + (-MOST_BYTES .. 0));
    ensures object: \object_pointer(walk->a.weights); */
static void pass(walk_t *walk, uint32_t kind, uint32_t n, uint32_t more);

/*@ requires inside: \subset(walk->a.weights, walk->end + (-MOST_BYTES .. 0));
    assigns walk->a.weights \from walk->a.weights;
    assigns walk->error \from walk->error;
    assigns \result \from walk->error;
    ensures inside: \subset(walk->a.weights, walk->end + (-MOST_BYTES .. 0));
    ensures object: \object_pointer(walk->a.weights); */
static NOINLINE uint32_t pass_layer(walk_t *walk);

/*@ requires inside: \subset(walk->a.weights, walk->end + (-MOST_BYTES .. 0));
    assigns walk->a.weights \from walk->a.weights;
    assigns walk->error \from walk->error;
    assigns \result \from walk->error;
    ensures inside: \subset(walk->a.weights, walk->end + (-MOST_BYTES .. 0));
    ensures object: \object_pointer(walk->a.weights); */
static uint32_t pass_recall(walk_t *walk);

/*@ requires inside: \subset(walk->a.weights, walk->end + (-MOST_BYTES .. 0));
    assigns walk->a.weights \from walk->a.weights;
    assigns walk->error \from walk->error;
    assigns \result \from walk->error;
    ensures inside: \subset(walk->a.weights, walk->end + (-MOST_BYTES .. 0));
    ensures object: \object_pointer(walk->a.weights); */
static uint32_t pass_ngrams(walk_t *walk);

/*@ requires inside: \subset(walk->a.weights, walk->end + (-MOST_BYTES .. 0));
    assigns walk->a.weights \from walk->a.weights;
    assigns walk->error \from walk->error;
    assigns \result \from walk->error;
    ensures inside: \subset(walk->a.weights, walk->end + (-MOST_BYTES .. 0));
    ensures object: \object_pointer(walk->a.weights); */
static uint32_t pass_sensor(walk_t *walk);

/*@ requires inside: \subset(walk->a.weights, walk->end + (-MOST_BYTES .. 0));
    assigns walk->a.weights \from walk->a.weights;
    assigns walk->error \from walk->error;
    ensures inside: \subset(walk->a.weights, walk->end + (-MOST_BYTES .. 0));
    ensures object: \object_pointer(walk->a.weights); */
static void pass_decision(walk_t *walk);

/*@ requires readable: \valid_read(p + (0 .. bytes - 1));
    assigns \result \from p[0 .. bytes - 1]; */
static uint32_t checksum(const uint8_t *p, uint32_t bytes);

/*@ requires readable: bytes == 0 || \valid_read(p + (0 .. bytes - 1));
    assigns \result \from p[0 .. bytes - 1];
    assigns *empty \from p[0 .. bytes - 1];
    ensures written: \initialized(empty); */
static uint32_t bad_strings(const uint8_t *p, uint32_t bytes, uint32_t count, uint32_t *empty);

/*@ requires readable: bytes == 0 || \valid_read(list + (0 .. bytes - 1));
    assigns \result \from list[0 .. bytes - 1]; */
static uint32_t bad_tokens(const uint8_t *list, uint32_t bytes, uint32_t vocab);

/* ---- a walk over arbitrary weights ---- */

enum { PART_BYTES = 12 };

static uint32_t weights[MOST_BYTES / 4];
static walk_t walk;

/* All that read_header can leave there: the fields are 8 and 16 bits. */
static void any_walk(uint32_t at, uint32_t bytes) {
  Frama_C_make_unknown((char *)weights, MOST_BYTES);
  walk.a.weights = (const uint8_t *)weights + at;
  walk.end = (const uint8_t *)weights + bytes;
  walk.error = Frama_C_nondet(0, 1);
  walk.a.vocab = SOME(2, 1024);
  walk.a.outputs = SOME(2, 1024);
  walk.a.width = SOME(2, 1024);
  walk.a.inner = SOME(0, 2048);
  walk.a.head = SOME(1, 256);
  walk.a.paths_width = SOME(1, 2048);
  walk.a.layers = SOME(1, 64);
  walk.a.options = SOME(0, 511);
}

/* Units are at most 4 bytes; a part of more units than there are bytes never fits, and nothing of it is read. */
void prove_pass(void) {
  static const uint32_t kinds[] = {ANY, CODES, STEPS, TAPS6, TAPS2, CONSTANTS};
  uint32_t at, i, n;
  for (at = 0; at <= PART_BYTES; at++)
    for (i = 0; i < sizeof kinds / sizeof *kinds; i++)
      for (n = 0; n <= PART_BYTES + 1; n++) {
        any_walk(at, PART_BYTES);
        /* the most units: a table of 65535 rows of 1024 columns; the most other bytes: a 4-bit table of them */
        pass(&walk, kinds[i], n <= PART_BYTES ? n : SOME(PART_BYTES + 1, 65535 * 205), Frama_C_nondet(0, 1) ? 0 : SOME(0, 1024 * 1024));
      }
  /* each threshold is compared with the next: the last is no unit of its own */
  for (at = 0; at <= PART_BYTES; at++)
    for (n = 0; n <= 62; n++) {
      any_walk(at, PART_BYTES);
      pass(&walk, THRESHOLDS, n, 4);
    }
}

/* No whole record is left. */
void prove_short_layer(void) {
  uint32_t at;
  for (at = MOST_BYTES - RECORD_BYTES + 1; at <= MOST_BYTES; at++) {
    any_walk(at, MOST_BYTES);
    pass_layer(&walk);
  }
}

void prove_layer(void) {
  uint32_t at;
  for (at = 0; at <= MOST_BYTES - RECORD_BYTES; at++) {
    any_walk(at, MOST_BYTES);
    pass_layer(&walk);
  }
}

void prove_short_recall(void) {
  uint32_t at;
  for (at = MOST_BYTES - RECALL_BYTES + 1; at <= MOST_BYTES; at++) {
    any_walk(at, MOST_BYTES);
    pass_recall(&walk);
  }
}

void prove_recall(void) {
  uint32_t at;
  for (at = 0; at <= MOST_BYTES - RECALL_BYTES; at++) {
    any_walk(at, MOST_BYTES);
    pass_recall(&walk);
  }
}

void prove_short_ngrams(void) {
  uint32_t at;
  for (at = MOST_BYTES - NGRAM_BYTES + 1; at <= MOST_BYTES; at++) {
    any_walk(at, MOST_BYTES);
    pass_ngrams(&walk);
  }
}

void prove_ngrams(void) {
  uint32_t at;
  for (at = 0; at <= MOST_BYTES - NGRAM_BYTES; at++) {
    any_walk(at, MOST_BYTES);
    pass_ngrams(&walk);
  }
}

void prove_short_decision(void) {
  uint32_t at;
  for (at = MOST_BYTES - DECISION_BYTES + 1; at <= MOST_BYTES; at++) {
    any_walk(at, MOST_BYTES);
    pass_decision(&walk);
  }
}

void prove_decision(void) {
  uint32_t at;
  for (at = 0; at <= MOST_BYTES - DECISION_BYTES; at++) {
    any_walk(at, MOST_BYTES);
    pass_decision(&walk);
  }
}

/* More columns than there are bytes for, or than there may be; no error so far, which would end it before anything is read. */
void prove_short_sensor(void) {
  uint32_t at, columns;
  any_walk(MOST_BYTES, MOST_BYTES);
  pass_sensor(&walk);
  for (at = 0; at < MOST_BYTES; at += 4) {
    for (columns = (MOST_BYTES - at - ENTRIES) / ENTRY_BYTES + 1; columns <= 64; columns++) {
      any_walk(at, MOST_BYTES);
      walk.error = 0;
      weights[at / 4] = columns;
      pass_sensor(&walk);
    }
    any_walk(at, MOST_BYTES);
    walk.error = 0;
    weights[at / 4] = SOME(65, UINT32_MAX);
    pass_sensor(&walk);
  }
}

void prove_sensor(void) {
  uint32_t at, columns;
  for (at = 0; at < MOST_BYTES; at += 4)
    for (columns = 0; columns <= (MOST_BYTES - at - ENTRIES) / ENTRY_BYTES; columns++) {
      any_walk(at, MOST_BYTES);
      weights[at / 4] = columns;
      pass_sensor(&walk);
    }
}

/* ---- lists of strings ---- */

enum { LIST_BYTES = 4 };

static uint8_t list[LIST_BYTES];

/* Every list: where its first `count` strings begin is in `cuts`, the last of them may claim more than there is, all other
 * bytes are arbitrary. */
static void any_list(uint32_t cuts, uint32_t count, uint32_t too_long) {
  uint32_t i, start = 0, last = 0, strings = 0;
  Frama_C_make_unknown((char *)list, LIST_BYTES);
  for (i = 1; i <= LIST_BYTES && strings < count; i++)
    if (i == LIST_BYTES || cuts >> (i - 1) & 1) {
      list[start] = (uint8_t)(i - start - 1);
      last = start;
      start = i;
      strings++;
    }
  if (too_long) list[last] = (uint8_t)SOME(LIST_BYTES - last, 255);
}

void prove_strings(void) {
  uint32_t cuts, count, empty;
  for (cuts = 0; cuts < 1 << (LIST_BYTES - 1); cuts++)
    for (count = 1; count <= LIST_BYTES + 1; count++) {
      any_list(cuts, count, 0);
      bad_strings(list, LIST_BYTES, count, &empty);
      any_list(cuts, count, 1);
      bad_strings(list, LIST_BYTES, count, &empty);
    }
  bad_strings(list, 0, SOME(1, 1024), &empty);
}

void prove_tokens(void) {
  uint32_t cuts, count;
  for (cuts = 0; cuts < 1 << (LIST_BYTES - 1); cuts++)
    for (count = 2; count <= LIST_BYTES + 1; count++) {
      any_list(cuts, count, 0);
      bad_tokens(list, LIST_BYTES, count);
      any_list(cuts, count, 1);
      bad_tokens(list, LIST_BYTES, count);
    }
  bad_tokens(list, 0, SOME(2, 1024));
}

/* ---- the whole ---- */

void prove_checksum(void) {
  Frama_C_make_unknown((char *)weights, MOST_BYTES);
  checksum((const uint8_t *)weights, MOST_BYTES);
}

/* How a section's size can be: not a multiple of 4, more than the `rest` bytes that are left, or one of those words. */
enum { TOO_LARGE = 3, FIRST_SIZE = 4 };

static uint32_t any_size(uint32_t choice, uint32_t rest) {
  if (choice < TOO_LARGE) return 4 * SOME(0, UINT32_MAX / 4) + choice + 1;
  return choice == TOO_LARGE ? SOME(rest + 1, UINT32_MAX) : 4 * (choice - FIRST_SIZE);
}

/* Arbitrary bytes with `count` sections, of which the sizes are chosen up to the first that cannot be. Returns its index or
 * the last. rests: the bytes that are left for each. */
static uint32_t any_table(uint32_t *model, uint32_t count, const uint32_t *choice, uint32_t *rests) {
  uint32_t i;
  Frama_C_make_unknown((char *)model, HEADER_BYTES + SECTION_BYTES * count + CONTENT_BYTES);
  ((uint16_t *)model)[SECTION_COUNT / 2] = (uint16_t)count;
  rests[0] = CONTENT_BYTES;
  for (i = 0;; i++) {
    model[(HEADER_BYTES + SECTION_BYTES * i) / 4 + 1] = any_size(choice[i], rests[i]);
    if (choice[i] < FIRST_SIZE || i == count - 1) return i;
    rests[i + 1] = rests[i] - 4 * (choice[i] - FIRST_SIZE);
  }
}

static void prove_tables(uint32_t count) {
  uint32_t choice[SECTION_LAST] = {0}, rests[SECTION_LAST], bytes = HEADER_BYTES + SECTION_BYTES * count + CONTENT_BYTES, need;
  uint32_t *model = malloc(bytes);
  for (;;) {
    uint32_t i = any_table(model, count, choice, rests);
    atome_check(model, bytes, &need);
    while (++choice[i] > FIRST_SIZE + rests[i] / 4) {
      choice[i] = 0;
      if (!i--) return;
    }
  }
}

void prove_check_1(void) { prove_tables(1); }
void prove_check_2(void) { prove_tables(2); }
void prove_check_3(void) { prove_tables(3); }
void prove_check_4(void) { prove_tables(4); }
void prove_check_5(void) { prove_tables(5); }

/* Too many sections or none, too few bytes, null pointers. */
void prove_check_head(void) {
  uint32_t need;
  Frama_C_make_unknown((char *)weights, MOST_BYTES);
  ((uint16_t *)weights)[SECTION_COUNT / 2] = 0;
  atome_check(weights, MOST_BYTES, &need);
  ((uint16_t *)weights)[SECTION_COUNT / 2] = (uint16_t)SOME(SECTION_LAST + 1, 65535);
  atome_check(weights, MOST_BYTES, &need);
  ((uint16_t *)weights)[SECTION_COUNT / 2] = (uint16_t)SOME(0, 65535);
  atome_check(weights, SOME(0, HEADER_BYTES + SECTION_BYTES - 1), &need);
  atome_check(0, SOME(0, UINT32_MAX), &need);
  atome_check(weights, SOME(0, UINT32_MAX), 0);
}
