/* Atome engine. SPEC.md is the contract: section numbers below are its own. src/engine/mirror.ts says the same in
 * TypeScript, function by function, in the same order.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Letters: d = width of the model, e = inner width of the gated block (0: base block), w = width of the pathways.
 * Weights are read in the order of the file, once per symbol: `weights` is the cursor. So is `memory` in the arena.
 * Every product and sum below is bounded in SPEC.md section 5, for all models that atome_check accepts. */
#include "atome.h"

#if (-1 >> 1) != -1
#error "atome needs an arithmetic right shift"
#endif

#if defined(__GNUC__)
#define ALIAS __attribute__((may_alias)) /* the arena is used as 16-bit and 32-bit words in turn */
#define NOINLINE __attribute__((noinline)) /* inner loops get all the registers */
#else
#define ALIAS
#define NOINLINE
#endif

/* Both are one or two instructions here; elsewhere they would need a library. */
#if defined(__thumb2__) || defined(__riscv_mul) || defined(__wasm__) || UINTPTR_MAX > UINT32_MAX
#define WIDE_PRODUCT 1
#else
#define WIDE_PRODUCT 0
#endif
#if defined(__ARM_FEATURE_IDIV) || defined(__riscv_div) || defined(__wasm__) || UINTPTR_MAX > UINT32_MAX
#define DIVISION 1
#else
#define DIVISION 0
#endif

/* Hints that compute nothing: `v` is in a register now (of the eight that every Thumb instruction can use; or of the
 * others), and nothing is known about its value. In the three innermost loops they keep gcc from spilling and from
 * merging pointers, which saves a sixth of all instructions on a Cortex-M0. */
#if defined(__GNUC__) && defined(__thumb__)
#define KEEP(v) __asm__("" : "+l"(v))
#define KEEP_HIGH(v) __asm__("" : "+h"(v))
#else
#define KEEP(v)
#define KEEP_HIGH(v)
#endif

typedef uint16_t ALIAS alias16_t;
typedef uint32_t ALIAS alias32_t;
typedef const ATOME_FLASH uint8_t flash_t; /* a byte of the model, or of a text */

/* An address; of one in flash the low bits, where such are longer. */
#define LOW_BITS(p) ((uintptr_t)(const void *)(p))

/* p + bytes and to - from, for distances that may need more than 15 bits: gcc for AVR takes the low 16 bits of what is added
 * to a pointer or is between two, though those into flash have 24. */
#ifdef __AVR__
#pragma GCC optimize("no-ivopts") /* the optimisation of loop variables does the same */
#define FORWARD(p, bytes) ((flash_t *)((__uint24)(p) + (__uint24)(bytes)))
#define DISTANCE(from, to) ((int32_t)(__uint24)((__uint24)(to) - (__uint24)(from)))
#else
#define FORWARD(p, bytes) ((p) + (bytes))
#define DISTANCE(from, to) ((to) - (from))
#endif

/* The logits' table has rows for the gates of recall behind those of the outputs. */
#define GATES(a) (ATOME_RECALL ? (a)->options >> 9 & 2 : 0)
#define IS_GATED(a) (ATOME_GATED && (!ATOME_BASE || (a)->inner))
/* The tables; in their place the sampler and recall want 2 bytes per output. */
#if ATOME_TABLES == 4
#define SCRATCH_BYTES(a) 2048
#elif ATOME_TABLES == 1
#define SCRATCH_BYTES(a) ((a)->outputs < TABLE_ENTRIES ? 2 * TABLE_ENTRIES : align4(2 * (a)->outputs))
#else
#error "ATOME_TABLES must be 4 or 1"
#endif

enum { HEADER_BYTES = 52, SECTION_BYTES = 8, RECORD_BYTES = 56, RECALL_BYTES = 116, NGRAM_BYTES = 8, DECISION_BYTES = 8 };
enum { LOCAL = 1, STATE = 2, SPARSE = 4 }; /* pathways */
enum { TIED = 1, EMBED_INT4 = 2, UNEMBED_INT4 = 4, CLASSIFIER = 8, RECALL = 16, NGRAMS = 32, POOLED = 64, SENSOR = 128, DECISION = 256, MATRICES_INT4 = 512, RECALL_GATES = 1024, RECALL_SYMBOLS = 2048 }; /* options */
#define OPTIONS_INT4 (ATOME_INT4 ? EMBED_INT4 | UNEMBED_INT4 | MATRICES_INT4 : 0)
#define OPTIONS_MORE (ATOME_RECALL * (RECALL | RECALL_GATES | RECALL_SYMBOLS) | ATOME_NGRAMS * NGRAMS | ATOME_POOLED * POOLED | ATOME_SENSOR * SENSOR | ATOME_DECIDE * DECISION)
#define OPTIONS_RUN (TIED | CLASSIFIER | OPTIONS_INT4 | OPTIONS_MORE) /* of models that this build runs */
enum { SECTION_WEIGHTS = 1, SECTION_TOKENS = 2, SECTION_CLASSES = 3, SECTION_LAST = 5 };
enum { EPSILON = 32, EMBED_SCALE = 36, LOGIT_SCALE = 40, FINAL_SHIFT = 44, SECTION_COUNT = 46, MEMORY_BYTES = 48 }; /* in the header */
enum { NORM_SHIFT = 1, WINDOW = 2, SCALES = 4, ROUTER = 16, SCORE = 20, QUERY = 24, KEY = 28, VALUE = 32, IN = 36, GATE = 40, OUT = 44, ROUTER_BIAS = 48, TAP_SHIFT = 54, MIX_SHIFT = 55 }; /* in a layer's record */
enum { FORGET = 2, PAIRS = 4, PAIR_BYTES = 4 }; /* in the recall record, after the window */
enum { ORDERS = 2, NGRAM_SCALE = 4 };          /* in the n-gram record, after the buckets */
enum { ENTRIES = 4, ENTRY_BYTES = 12 };        /* in the sensor record, after the number of columns */
enum { LEAST = 4, GREATEST = 8 };              /* in a column's entry, after its numbers of thresholds */
enum { PROBABILITY, MARGIN, ENTROPY, ENERGY }; /* signals of the decision record; the threshold follows */
enum { MATCH_MAX = 6, MATCH_SHIFT = 11, COUNT_MASK = 2047 };
enum { VECTOR_MAX = 6553 };
#define RESIDUAL_MAX INT32_C(0x1FFFFF) /* no enum holds them where int has 16 bits */
#define MIX_MAX INT32_C(0x1FFFF)
#define HASH_FACTOR UINT32_C(0x9E3779B1)
#define SIGN UINT32_C(0x80000000)
enum { TABLE_ENTRIES = 252, MIX_BYTES = 8 };

struct atome {
  uint8_t escape;           /* decoding: how many symbols of an escaped byte have come */
  uint8_t byte;             /* decoded */
  uint8_t longest, repeats; /* of recall: atome_recall */
  flash_t *model;
  flash_t *content;  /* of the sections: first the weights, and so the embedding table */
  flash_t *weights;  /* cursor */
  flash_t *record;   /* of the layer being run */
  uint8_t *memory;   /* cursor: what the layers remember between steps */
  uint16_t *table;   /* ATOME_TABLES of 252 sums; also the sampler's weights, and what recall counts */
  int32_t *residual; /* d, and 4 spare */
  int32_t *product;  /* rows of the last matrix; the logits, and the gates of recall */
  int16_t *vector;   /* max(d, e), and 4 zeros */
  uint16_t *mix;     /* 4 per layer: the router's probabilities, the last unused */
  uint32_t vocab, outputs, width, inner, head, paths_width; /* paths_width: w */
  uint32_t layers, top_k, options;
  uint32_t memory_bytes, product_bytes, vector_bytes; /* in the arena */
  int32_t penalty; /* of recall */
};

/* What a member of a struct is aligned to: to 1 where the core does not care. */
enum { ARENA_ALIGNMENT = sizeof(struct { uint8_t first; atome_t atome; }) - sizeof(atome_t) };

/* ---- reading: little-endian, aligned ---- */

static uint32_t read16(flash_t *p) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  return *(const ATOME_FLASH alias16_t *)(const ATOME_FLASH void *)p;
#else
  return p[0] | (uint32_t)p[1] << 8;
#endif
}

static int32_t read_signed16(flash_t *p) { return (int16_t)read16(p); }

static uint32_t read32(flash_t *p) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  return *(const ATOME_FLASH alias32_t *)(const ATOME_FLASH void *)p;
#else
  return read16(p) | read16(p + 2) << 16;
#endif
}

static uint32_t align4(uint32_t bytes) { return (bytes + 3) & ~UINT32_C(3); }

/* ---- arithmetic: 3.1 ---- */

static int32_t mul_q15(int32_t a, int32_t m) {
#if WIDE_PRODUCT
  return (int32_t)(((int64_t)a * m) >> 15);
#else
  return (a >> 15) * m + (((a & 32767) * m) >> 15);
#endif
}

#if ATOME_SPARSE || ATOME_INT4
static int32_t rescale(int32_t v, flash_t *scale) { return mul_q15(v, (int32_t)read16(scale)) >> read16(scale + 2); }
#endif

/* Inlined, it costs 40 to 50 bytes and saves 1 instruction in 100. */
static NOINLINE int32_t clamp(int32_t v, int32_t limit) {
  int32_t sign = v >> 31;
  return (uint32_t)v + (uint32_t)limit > 2 * (uint32_t)limit ? (limit ^ sign) - sign : v;
}

/* max(v, -v - 1): the bits that v needs */
static uint32_t magnitude(int32_t v) { return (uint32_t)(v ^ (v >> 31)); }

static uint32_t divide(uint32_t n, uint32_t d) {
#if DIVISION
  return n / d;
#else
  uint32_t rest = 0, i = 32;
  do {
    rest = rest << 1 | n >> 31;
    n <<= 1; /* what is shifted in becomes the quotient */
    if (rest >= d) {
      rest -= d;
      n++;
    }
  } while (--i);
  return n;
#endif
}

static uint32_t square_root(uint32_t v) {
  uint32_t root = 0, bit;
  for (bit = UINT32_C(1) << 15; bit; bit >>= 1)
    if ((root | bit) * (root | bit) <= v) root |= bit;
  return root;
}

/* 2^(-f/2048) in Q15, f >= 0 */
static int32_t exp2_negative(int32_t f) {
  int32_t r = f & 2047;
  if (f >> 11 > 15) return 0;
  return (32768 - ((r * (22660 - ((r * (7566 - ((r * 1292) >> 11))) >> 11))) >> 11)) >> (f >> 11);
}

static int32_t maximum(const int32_t *v, uint32_t n, uint32_t *index) {
  uint32_t i, best = 0;
  for (i = 1; i < n; i++)
    if (v[i] > v[best]) best = i;
  *index = best;
  return v[best];
}

/* v: 1/2048 bit -> probabilities in Q15, in place */
static void softmax(int32_t *v, uint32_t n) {
  uint32_t i, sum = 0;
  int32_t top = maximum(v, n, &i), q;
  for (i = 0; i < n; i++) sum += (uint32_t)(v[i] = exp2_negative(top - v[i]));
  q = (int32_t)divide(UINT32_C(1) << 30, sum);
  for (i = 0; i < n; i++) v[i] = (v[i] * q) >> 15;
}

static NOINLINE void fill(int32_t *v, uint32_t n, int32_t value) {
  do *v++ = value;
  while (--n);
}

/* ---- matrices: 2.1, 2.2, 3.4 ---- */

/* (columns + 4) / 5 */
static uint32_t group_count(uint32_t columns) { return ((columns + 4) * 3277) >> 14; }

/* The 252 biased sums of each of n groups. A running sum takes every value: each step of a trit adds the difference from
 * the value before: 410 instructions for a group on a Cortex-M3, 520 on a Cortex-M0. Measured and left: a pass for each
 * trit (575, 711); 64-bit words (gcc 12 splits them, and calls a library for their product). Returns the next group's
 * values. */
static NOINLINE const uint16_t *build_tables(uint16_t *table, const uint16_t *v, uint32_t n) {
  do {
    uint32_t one = v[0], two = v[1], three = v[2], sum = 32768 - one - two - three - v[3] - v[4], other, i = 3, j;
    alias32_t *pair = (alias32_t *)(void *)table, *end, *last;
    three -= 3 * two;
    two -= 2 * one;
    KEEP(two);
    KEEP(three);
    KEEP_HIGH(pair);
    KEEP_HIGH(v);
    do {
      j = 3;
      do {
        table[0] = (uint16_t)sum;
        sum += one;
        table[1] = (uint16_t)sum;
        sum += one;
        table[2] = (uint16_t)sum;
        sum += two;
        table += 3;
        KEEP(sum);
        KEEP(table);
        KEEP(j);
      } while (--j);
      sum += three;
      KEEP(sum);
    } while (--i);
    *table = table[-1];
    KEEP(pair);
    end = pair + 14;
    last = pair + 126;
    one = (uint32_t)(int16_t)v[3] * 65537;
    two = (uint32_t)(int16_t)v[4] * 65537 - 2 * one;
    do { /* two of the 28 sums at a time, with all values of the last two trits */
      sum = pair[0];
      other = pair[1];
      do {
        pair[0] = sum;
        pair[1] = other;
        sum += one;
        other += one;
        pair[14] = sum;
        pair[15] = other;
        sum += one;
        other += one;
        pair[28] = sum;
        pair[29] = other;
        sum += two;
        other += two;
        pair += 42;
        KEEP(sum);
        KEEP(other);
        KEEP(pair);
      } while (pair != last);
      last += 2;
      pair -= 124;
    } while (pair != end);
    table = (uint16_t *)(void *)(pair + 112);
    v += 5;
  } while (--n);
  return v;
}

#if ATOME_TABLES == 4
/* Adds four groups to every row: 17 instructions on a Cortex-M3, 21 on a Cortex-M0 (18 and 25 without the hints). */
static NOINLINE flash_t *add_four(flash_t *code, int32_t *row, uint32_t rows, const uint16_t *t0) {
  const int32_t *end = row + rows;
  const uint16_t *t1 = t0 + TABLE_ENTRIES, *t2 = t1 + TABLE_ENTRIES, *t3 = t2 + TABLE_ENTRIES;
  KEEP(t1);
  KEEP(t2);
  KEEP(t3);
  KEEP_HIGH(end);
  do {
    uint32_t sum = (uint32_t)*row;
    sum += t0[code[0]];
    KEEP(sum);
    sum += t1[code[1]];
    KEEP(sum);
    sum += t2[code[2]];
    KEEP(sum);
    sum += t3[code[3]];
    KEEP(sum);
    code += 4;
    KEEP(code);
    *row++ = (int32_t)sum;
    KEEP(row);
    KEEP_HIGH(end);
  } while (row != end);
  return code;
}

static flash_t *add_one(flash_t *code, int32_t *row, uint32_t rows, const uint16_t *table) {
  do *row++ += table[*code++];
  while (--rows);
  return code;
}
#else
/* Adds one group to every row; its codes stand `step` bytes apart. */
static void add_one(flash_t *code, uint32_t step, int32_t *row, uint32_t rows, const uint16_t *table) {
  do {
    *row++ += table[*code];
    code += step;
  } while (--rows);
}
#endif

/* product = T . vector; moves the cursor past T */
static void multiply_ternary(atome_t *a, uint32_t rows, uint32_t columns, int32_t *product) {
  int16_t *spare = a->vector + columns;
  const uint16_t *v = (const uint16_t *)a->vector;
  flash_t *code = a->weights;
  uint16_t *table = a->table;
  uint32_t groups = group_count(columns), n;
  a->weights = FORWARD(code, align4(rows * groups));
  if (!rows) return;
  spare[0] = spare[1] = spare[2] = spare[3] = 0;
  fill(product, rows, -(int32_t)(groups << 15));
  do {
    n = groups < 4 ? 1 : 4;
#if ATOME_TABLES == 4
    v = build_tables(table, v, n);
    if (n == 1)
      code = add_one(code, product, rows, table);
    else
      code = add_four(code, product, rows, table);
#else
    uint32_t i;
    for (i = 0; i < n; i++) {
      v = build_tables(table, v, 1);
      add_one(code + i, n, product, rows, table);
    }
    code = FORWARD(code, n * rows);
#endif
    groups -= n;
  } while (groups);
}

#if ATOME_INT4
/* product = 8 Q . vector times the steps, over 2^shift; moves the cursor past Q */
static NOINLINE void multiply_int4(atome_t *a, uint32_t rows, uint32_t columns, int32_t *product, uint32_t shift) {
  flash_t *step = a->weights, *nibble = FORWARD(step, align4(2 * rows));
  const int16_t *v = a->vector, *end = v + columns;
  int32_t bias = 0;
  a->weights = FORWARD(nibble, align4(rows * ((columns + 1) >> 1)));
  a->vector[columns] = 0;
  for (; v != end; v++) bias += 8 * (int32_t)*v;
  for (; rows; rows--, step += 2) {
    int32_t sum = -bias;
    for (v = a->vector; v < end; v += 2, nibble++) sum += (*nibble & 15) * (int32_t)v[0] + (*nibble >> 4) * (int32_t)v[1];
    *product++ = mul_q15(8 * sum, (int32_t)read16(step)) >> shift;
  }
}
#endif

/* product = M . vector, M a matrix of a layer; moves the cursor past M */
static void multiply(atome_t *a, uint32_t rows, uint32_t columns, int32_t *product) {
#if ATOME_INT4
  if (a->options & MATRICES_INT4)
    multiply_int4(a, rows, columns, product, 5);
  else
#endif
    multiply_ternary(a, rows, columns, product);
}

/* x = row of a ternary table, times scale; moves the cursor past the table */
static void load_ternary(atome_t *a, int32_t *x, uint32_t rows, uint32_t row, uint32_t scale) {
  flash_t *table = a->weights;
  uint32_t groups = group_count(a->width), g;
  a->weights = FORWARD(table, align4(rows * groups));
  for (g = 0; g < groups; g++) {
    uint32_t code = *FORWARD(table, g < (groups & ~UINT32_C(3)) ? ((g >> 2) * rows + row) * 4 + (g & 3) : g * rows + row), place = 84;
    x += 5;
    do {
      int32_t value = -(int32_t)scale;
      for (; code >= place; code -= place) value += (int32_t)scale;
      *--x = value;
      place = (place * 86) >> 8; /* 28, 9, 3, 1, 0 */
    } while (place);
    x += 5;
  }
}

/* Rows of the embedding table. */
static uint32_t table_rows(const atome_t *a) { return a->vocab + (a->options & TIED ? GATES(a) : 0); }

/* x = row of the embedding table; moves the cursor past the table */
static void load_row(atome_t *a, int32_t *x, uint32_t row) {
  uint32_t rows = table_rows(a), scale = read32(a->model + EMBED_SCALE);
#if ATOME_INT4
  if (a->options & EMBED_INT4) {
    uint32_t row_bytes = (a->width + 1) >> 1;
    int32_t step = (int32_t)read16(a->weights + 2 * row);
    flash_t *nibble = a->weights + align4(2 * rows);
    a->weights = FORWARD(nibble, align4(rows * row_bytes));
    for (nibble = FORWARD(nibble, row * row_bytes); row_bytes; row_bytes--, nibble++) {
      *x++ = (((*nibble & 15) - 8) * step) >> scale;
      *x++ = (((*nibble >> 4) - 8) * step) >> scale;
    }
    return;
  }
#endif
  load_ternary(a, x, rows, row, scale);
}

/* residual += product */
static void add_product(atome_t *a) {
  int32_t *x = a->residual, *end = x + a->width;
  const int32_t *product = a->product;
  do {
    *x = clamp(*x + *product++, RESIDUAL_MAX);
    x++;
  } while (x != end);
}

/* vector = norm(residual); moves the cursor past the norm's pairs */
static void normalize(atome_t *a, uint32_t shift) {
  const int32_t *x = a->residual, *end = x + a->width;
  flash_t *pairs = a->weights;
  int16_t *n = a->vector;
  uint32_t bits = 0, sum = 0, k = 0, j = 19;
  int32_t mean, q;
  do {
    sum += (uint32_t)*x;
    bits |= magnitude(*x++);
  } while (x != end);
  mean = (int32_t)divide(sum + (a->width << 21), a->width) - (INT32_C(1) << 21);
  for (bits <<= 6; bits >> 14; bits >>= 1) k++;
  sum = read32(a->model + EPSILON) >> (2 * k);
  x = a->residual;
  do {
    int32_t u = (64 * (*x++ - mean)) >> k;
    sum += (uint32_t)(u * u) >> 10;
  } while (x != end);
  sum |= 1;
  for (; !(sum >> 28); sum <<= 2) j--;
  q = (int32_t)divide(UINT32_C(1) << 29, square_root(sum));
  x = a->residual;
  do {
    int32_t u = (64 * (*x++ - mean)) >> k;
    *n++ = (int16_t)clamp(((((u * q) >> j) * read_signed16(pairs)) >> shift) + read_signed16(pairs + 2), VECTOR_MAX);
    pairs += 4;
  } while (x != end);
  a->weights = pairs;
}

/* ---- one layer: 3.3 ---- */

/* Takes words from the memory. */
static void *take_memory(atome_t *a, uint32_t bytes) {
  uint8_t *p = a->memory;
  a->memory = p + align4(bytes);
  return p;
}

/* Rows of the router: one per pathway, none when there is only one. */
static uint32_t router_rows(uint32_t paths) {
  return paths & (paths - 1) ? (paths & 1) + (paths >> 1 & 1) + (paths >> 2) : 0;
}

/* Bytes of a layer's taps and tap scales. */
static uint32_t tap_bytes(uint32_t gated, uint32_t w) { return gated ? 4 * w + align4(2 * w) : align4(2 * w); }

/* v[i] = scale(64 v[i]), clamped */
static void scale_product(int32_t *v, uint32_t n, flash_t *scale, int32_t limit) {
  int32_t multiplier = (int32_t)read16(scale);
  uint32_t shift = read16(scale + 2);
  do {
    *v = clamp(mul_q15(64 * *v, multiplier) >> shift, limit);
    v++;
  } while (--n);
}

/* 3.5.1: gain = the router's probability of each pathway times the pathway's multiplier; v: the router's products */
static void route(const atome_t *a, int32_t *v, uint16_t *mix, int32_t gain[3]) {
  flash_t *record = a->record;
  uint32_t i, paths = *record, n = router_rows(paths);
  if (!n) v[n++] = 0;
  scale_product(v, n, record + ROUTER, INT32_MAX);
  for (i = 0; i < n; i++) v[i] += read_signed16(record + ROUTER_BIAS + 2 * i);
  softmax(v, n);
  for (i = 0; i < 3; i++, paths >>= 1) {
    int32_t p = paths & 1 ? *v++ : 0;
    if (ATOME_ROUTER) mix[i] = (uint16_t)p;
    gain[i] = (p * (int32_t)read16(record + SCALES + 4 * i)) >> 15;
  }
}

/* vector = local pathway of vector */
static NOINLINE void convolve(atome_t *a, flash_t *taps) {
  uint32_t w = a->paths_width, gated = IS_GATED(a), bits = gated ? 6 : 2, unused = 32 - 5 * bits;
  alias32_t *history = take_memory(a, 4 * w);
  int16_t *v = a->vector, *end = v + w;
  flash_t *tap_scale = taps + 4 * w;
  do {
    uint32_t old = *history, tap = gated ? read32(taps) : read16(taps);
    int32_t now = clamp((*v + 16) >> 5, 127), sum = now * ((int32_t)(tap << (32 - bits)) >> (32 - bits));
    *history++ = old << 8 | ((uint32_t)now & 255);
    tap <<= unused;
    do { /* oldest first: both it and its tap are the top bits */
      sum += ((int32_t)old >> 24) * ((int32_t)tap >> (32 - bits));
      tap <<= bits;
      old <<= 8;
    } while (old);
    taps += 2;
    if (gated) {
      taps += 2;
      sum = clamp((sum * read_signed16(tap_scale)) >> a->record[TAP_SHIFT], VECTOR_MAX);
      tap_scale += 2;
    }
    *v++ = (int16_t)sum;
  } while (v != end);
}

/* state = a state + 64 vector; product += state pathway */
static NOINLINE void step_state(atome_t *a, flash_t *constants, int32_t gain) {
  uint32_t w = a->paths_width, shift = read16(a->record + SCALES + 6);
  int32_t *state = take_memory(a, 4 * w), *product = a->product;
  const int16_t *v = a->vector, *end = v + w;
  do {
    int32_t s = mul_q15(*state, read_signed16(constants)) + 64 * (int32_t)*v++;
    *state++ = s;
    *product++ += mul_q15(mul_q15(s, read_signed16(constants + 2)), gain) >> shift;
    constants += 4;
  } while (v != end);
}

#if ATOME_SPARSE
/* out = scale(64 v) / 2, rounded, as i8 */
static void quantize(int8_t *out, int32_t *v, uint32_t n, flash_t *scale) {
  scale_product(v, n, scale, 254);
  for (; n; n--) *out++ = (int8_t)((*v++ + 1) >> 1);
}

static int32_t dot(const int8_t *p, const int8_t *q, uint32_t n) {
  int32_t sum = 0;
  do {
    n--;
    sum += p[n] * q[n];
  } while (n);
  return sum;
}

/* sum += (weight v) >> shift */
static void add_weighted(int32_t *sum, const int8_t *v, uint32_t n, int32_t weight, uint32_t shift) {
  do {
    n--;
    sum[n] += (weight * v[n]) >> shift;
  } while (n);
}

/* 3.5.2: stores key and value in the next slot; product = sparse pathway. query: dHead products, then the key's */
static NOINLINE void attend(atome_t *a, int32_t *query, int32_t *value, int32_t gain) {
  flash_t *record = a->record;
  uint32_t head = a->head, w = a->paths_width, window = read16(record + WINDOW), slot, n, j, kept = 0;
  uint16_t *ring = take_memory(a, 4);
  int8_t *keys = take_memory(a, window * (head + w)), *values = keys + window * head, *q = (int8_t *)a->table;
  int32_t weight[5];
  const int8_t *chosen[5];

  slot = ring[0];
  n = ring[1];
  if (n < window) ring[1] = (uint16_t)++n;
  ring[0] = (uint16_t)(slot + 1 == window ? 0 : slot + 1);
  quantize(q, query, head, record + QUERY);
  quantize(keys + slot * head, query + head, head, record + KEY);
  quantize(values + slot * w, value, w, record + VALUE);

  do {
    int32_t score = rescale(64 * dot(keys, q, head), record + SCORE);
    for (j = kept; j > 0 && score > weight[j - 1]; j--) {
      weight[j] = weight[j - 1];
      chosen[j] = chosen[j - 1];
    }
    weight[j] = score;
    chosen[j] = values;
    if (kept < a->top_k) kept++;
    keys += head;
    values += w;
  } while (--n);
  softmax(weight, kept);
  fill(a->product, w, 0);
  for (j = 0; j < kept; j++) add_weighted(a->product, chosen[j], w, (weight[j] * gain) >> 15, read16(record + SCALES + 10));
}
#endif

/* Runs one layer and moves both cursors past it. */
static void run_layer(atome_t *a, uint16_t *mix) {
  flash_t *record = a->weights, *taps, *constants;
  uint32_t gated = IS_GATED(a), paths = *record, w = a->paths_width, rows = 2 * w, shift, c;
  int32_t *product = a->product, gain[3];

  a->record = record;
  a->weights = record + RECORD_BYTES;
  normalize(a, record[NORM_SHIFT]);
  if (!gated) rows = ATOME_SPARSE && paths & SPARSE ? 2 * a->head + w : 0;
  multiply(a, rows + router_rows(paths), a->width, product);
  route(a, product + rows, mix, gain);

  taps = constants = a->weights;
  if (paths & LOCAL) constants += tap_bytes(gated, w);
  a->weights = constants + (paths & STATE ? 4 * w : 0);
  if (gated) {
    scale_product(product, w, record + IN, VECTOR_MAX);
    scale_product(product + w, w, record + GATE, VECTOR_MAX);
    for (c = 0; c < w; c++) a->vector[c] = (int16_t)product[c];
    convolve(a, taps);
  }
  if (ATOME_SPARSE && paths & SPARSE) {
#if ATOME_SPARSE
    int32_t *query = gated ? product + rows + 3 : product;
    if (gated) multiply(a, 2 * a->head, w, query);
    attend(a, query, gated ? product : product + 2 * a->head, gain[2]);
#endif
  } else
    fill(product, w, 0);
  if (paths & STATE) step_state(a, constants, gain[1]);
  if (!gated && paths & LOCAL) convolve(a, taps);

  shift = read16(record + SCALES + 2);
  c = w;
  do {
    int32_t mixed;
    c--;
    mixed = product[c] += (a->vector[c] * gain[0]) >> shift;
    if (gated) a->vector[c] = (int16_t)clamp((clamp(mixed, MIX_MAX) * product[w + c]) >> record[MIX_SHIFT], VECTOR_MAX);
  } while (c);
  if (gated) {
    multiply(a, a->width, w, product);
    scale_product(product, a->width, record + OUT, INT32_MAX);
  }
  add_product(a);
}

#if ATOME_NGRAMS
/* ---- n-grams: 3.2.1 ---- */

/* residual += rows of the last runs; moves both cursors past what is theirs. The memory: the last symbols, newest first, each
 * plus 1. */
static NOINLINE void add_ngrams(atome_t *a, uint32_t symbol) {
  flash_t *record = a->weights, *table = record + NGRAM_BYTES;
  alias16_t *before = (alias16_t *)(void *)a->memory;
  uint32_t buckets = read16(record), orders = read16(record + ORDERS), n = 0, next = symbol + 1, hash = next * HASH_FACTOR;
  do {
    uint32_t older = before[n];
    before[n++] = (uint16_t)next;
    next = older;
    hash = (hash + next) * HASH_FACTOR;
    if (orders & 1) {
      a->weights = table;
      load_ternary(a, a->product, buckets, ((hash >> 16) * buckets) >> 16, read32(record + NGRAM_SCALE));
      add_product(a);
    }
  } while (orders >>= 1);
  take_memory(a, 2 * n);
}
#endif

#if ATOME_SENSOR
/* ---- samples: 3.2.2 ---- */

/* Moves both cursors past what is the sensor's. */
static void open_sensor(atome_t *a) {
  flash_t *entry = a->weights + ENTRIES, *end;
  uint32_t columns = read16(a->weights);
  take_memory(a, 4 * columns);
  for (end = entry + ENTRY_BYTES * columns; columns; columns--, entry += ENTRY_BYTES) end += 4 * (entry[0] + entry[1]);
  a->weights = end;
}

/* residual += the row of v's level among n thresholds, of the table from `row` on; returns the first row after theirs. */
static NOINLINE uint32_t add_level(atome_t *a, flash_t *table, flash_t *threshold, uint32_t n, uint32_t row, int32_t v) {
  uint32_t level = 0;
  if (!n) return row;
  if (v != ATOME_MISSING)
    for (level = 1; level <= n && (int32_t)read32(threshold) <= v; level++) threshold += 4;
  a->weights = table;
  load_row(a, a->product, row + level);
  add_product(a);
  return row + n + 2;
}

/* residual = rows of the levels of a sample; moves both cursors past what is the sensor's. The memory: the last values, with
 * their sign turned, so that at first they are missing. */
static NOINLINE void load_sample(atome_t *a, const int32_t *values) {
  flash_t *entry = a->weights + ENTRIES, *threshold, *table;
  alias32_t *last = (alias32_t *)(void *)a->memory;
  uint32_t columns = read16(a->weights), row = 0;
  threshold = entry + ENTRY_BYTES * columns;
  open_sensor(a);
  table = a->weights;
  fill(a->residual, a->width, 0);
  for (; columns; columns--, entry += ENTRY_BYTES) {
    int32_t v = *values++, before = (int32_t)(*last ^ SIGN);
    if (v < (int32_t)read32(entry + LEAST) || v > (int32_t)read32(entry + GREATEST)) v = ATOME_MISSING;
    *last++ = (uint32_t)v ^ SIGN;
    row = add_level(a, table, threshold, entry[0], row, v);
    threshold += 4 * entry[0];
    v = v == ATOME_MISSING || before == ATOME_MISSING ? ATOME_MISSING : v - before;
    row = add_level(a, table, threshold, entry[1], row, v);
    threshold += 4 * entry[1];
  }
}
#endif

#if ATOME_POOLED
/* ---- the sum over the steps: 3.2, 3.6 ---- */

/* OR of the magnitudes of the sums, which the memory holds. */
static uint32_t sum_bits(const atome_t *a) {
  const int32_t *sum = (const int32_t *)(const void *)a->memory, *end = sum + a->width;
  uint32_t bits = 0;
  do bits |= magnitude(*sum++);
  while (sum != end);
  return bits;
}

/* Adds the residual to the sums. */
static void add_step(atome_t *a) {
  int32_t *sum = (int32_t *)(void *)a->memory;
  uint32_t c, shift;
  for (c = 0; c < a->width; c++) sum[c] += a->residual[c];
  shift = sum_bits(a) >> 29 ? 1 : 0;
  for (c = 0; c < a->width; c++) sum[c] >>= shift;
}

/* residual = the sums, in the range of a residual */
static void load_sum(atome_t *a) {
  const int32_t *sum = (const int32_t *)(const void *)a->memory;
  uint32_t bits = sum_bits(a), k = 0, c;
  for (; bits >> 21; bits >>= 1) k++;
  for (c = 0; c < a->width; c++) a->residual[c] = sum[c] >> k;
}
#endif

#if ATOME_RECALL
/* ---- recall: 3.6.1 ---- */

/* The last of the weights. */
static flash_t *recall_record(const atome_t *a) {
  return FORWARD(a->content, read32(a->model + HEADER_BYTES + 4) - RECALL_BYTES);
}

/* The memory: how many places there are, their symbols, newest first, and their matches. A symbol read moves all symbols one
 * place on, and then what stood before the symbol of a place is what was at the place: each match grows or ends there. */
static NOINLINE void remember(atome_t *a, uint32_t symbol) {
  flash_t *record = recall_record(a);
  alias32_t *count = (alias32_t *)(void *)a->memory;
  alias16_t *symbols = (alias16_t *)(void *)(a->memory + 4);
  uint32_t window = read16(record), n = *count, newer = symbol, before, match;
  uint8_t *matches = (uint8_t *)(symbols + window);
  if (n < window) symbols[n++] = UINT16_MAX; /* no symbol: the oldest match is 0 */
  if (symbol == read16(record + FORGET)) n = 0;
  *count = n;
  for (; n; n--) {
    before = *symbols;
    *symbols++ = (uint16_t)newer;
    newer = before;
    match = *matches;
    if (match < MATCH_MAX) match++;
    *matches++ = (uint8_t)(before == symbol ? match : 0);
  }
}

/* The longest match so far and, in the low 11 bits, how many have it; with one more. */
static uint32_t count_match(uint32_t counted, uint32_t match) {
  if (counted >> MATCH_SHIFT < match) counted = match << MATCH_SHIFT;
  return counted >> MATCH_SHIFT == match ? counted + 1 : counted;
}

/* Counts the matches of n places by symbol, and returns the count of all. */
static NOINLINE uint32_t count_matches(alias16_t *counted, const alias16_t *symbols, const uint8_t *matches, uint32_t n) {
  uint32_t all = 0;
#if ATOME_TABLES == 4
  fill((int32_t *)(void *)counted, SCRATCH_BYTES(a) / 4, 0);
#else
  while (all < n) counted[symbols[all++]] = 0;
  all = 0;
#endif
  for (; n; n--) {
    uint32_t symbol = *symbols++, match = *matches++;
    counted[symbol] = (uint16_t)count_match(counted[symbol], match);
    all = count_match(all, match);
  }
  return all;
}

/* What a symbol adds by itself, without (row 0) or with a match (row 1): of the table before the record. */
static int32_t own_bonus(const atome_t *a, flash_t *record, uint32_t row, uint32_t symbol) {
  uint32_t row_bytes = (a->vocab + 1) >> 1;
  flash_t *step = FORWARD(record, -(int32_t)(4 + align4(2 * row_bytes)));
  flash_t *nibble = step + 4 + row * row_bytes + (symbol >> 1);
  return ((symbol & 1 ? *nibble >> 4 : *nibble & 15) - 8) * (int32_t)read16(step + 2 * row);
}

/* Changes the logit of each symbol that stands at a remembered place, once. */
static NOINLINE void follow_matches(atome_t *a) {
  flash_t *record = recall_record(a), *pair;
  const alias16_t *symbols = (const alias16_t *)(const void *)(a->memory + 4);
  alias16_t *counted = (alias16_t *)(void *)a->table;
  uint32_t n = *(const alias32_t *)(const void *)a->memory, all, own, match, i;
  int32_t top = maximum(a->product, a->outputs, &i), *logit;
  const int32_t *gates = a->product + a->outputs;
  all = count_matches(counted, symbols, (const uint8_t *)(symbols + read16(record)), n);
  for (; n; n--) {
    i = *symbols++;
    own = counted[i];
    if (!own) continue;
    counted[i] = 0;
    logit = a->product + i;
    match = own >> MATCH_SHIFT;
    pair = record + PAIRS + 4 * PAIR_BYTES * match;
    if (match == all >> MATCH_SHIFT) {
      own &= COUNT_MASK;
      pair += 2 * own <= (all & COUNT_MASK) ? PAIR_BYTES : own == 1 ? 2 * PAIR_BYTES : 3 * PAIR_BYTES;
    }
    if (match >= a->repeats)
      *logit -= a->penalty;
    else if (match <= a->longest) {
      *logit += mul_q15(top - *logit, read_signed16(pair + 2)) + read_signed16(pair);
      if (GATES(a)) *logit += gates[match ? 1 : 0];
      if (a->options & RECALL_SYMBOLS) *logit += own_bonus(a, record, match ? 1 : 0, i);
    }
  }
}
#endif

/* ---- opening a model: 1, 2, 6 ---- */

/* Reads the dimensions. Returns the bytes of arena that the model needs. */
static uint32_t read_header(atome_t *a, flash_t *model) {
  uint32_t rows, most;
  a->model = model;
  a->content = model + HEADER_BYTES + SECTION_BYTES * read16(model + SECTION_COUNT);
  a->vocab = read16(model + 16);
  a->outputs = read16(model + 18);
  most = a->width = read16(model + 20);
  a->inner = read16(model + 22);
  a->head = read16(model + 24);
  a->layers = model[26];
  a->top_k = model[27];
  a->options = read16(model + 28);
  rows = a->outputs + GATES(a);
  a->memory_bytes = read32(model + MEMORY_BYTES) + MIX_BYTES * a->layers;
  a->paths_width = a->width;
  if (IS_GATED(a)) {
    a->paths_width = a->inner;
    if (most < a->inner) most = a->inner;
    if (rows < 2 * most) rows = 2 * most;
  }
  if (rows < most) rows = most;
  most += 4;
  rows += 2 * a->head + 3;
  a->vector_bytes = align4(2 * most);
  a->product_bytes = 4 * rows;
  return (uint32_t)sizeof *a + SCRATCH_BYTES(a) + 4 * (a->width + 4) + 4 * rows + a->vector_bytes + a->memory_bytes;
}

#if ATOME_CHECK
/* A walk over the weights, in the order of the file. */
typedef struct {
  atome_t a; /* of it the dimensions and the cursor */
  flash_t *end;
  uint32_t error;
} walk_t;

/* What a part of the weights holds, and so what is checked; the low three bits: bytes of a unit. */
enum { ANY = 0, CODES = 1, STEPS = 2, TAPS6 = 4, TAPS2 = 8 | 2, CONSTANTS = 8 | 4, THRESHOLDS = 16 | 4 };

static uint32_t out_of(uint32_t v, uint32_t least, uint32_t most) { return v - least > most - least; }

/* multiplier < 2^15, shift 2..31 */
static uint32_t bad_scale(flash_t *scale) {
  uint32_t v = read32(scale);
  return !(v >> 17) || v & UINT32_C(0xFFE08000);
}

/* Is this unit of a part invalid? */
static uint32_t bad_unit(flash_t *p, uint32_t kind) {
  uint32_t v = *p;
  if (kind == CODES) {
    if (v >= TABLE_ENTRIES) return ATOME_ERROR_CODE;
    while (v >= 28) {
      v -= 28;
      KEEP(v); /* gcc 12 loses v behind this loop at -Os where a core has low-overhead loops: Cortex-M55 */
    }
    return v == 27 ? ATOME_ERROR_CODE : 0;
  }
  if (kind == STEPS) return p[1] >> 7 ? ATOME_ERROR_SCALE : 0;
#if ATOME_SENSOR
  if (kind == THRESHOLDS) return (int32_t)read32(p) >= (int32_t)read32(p + 4) ? ATOME_ERROR_SENSOR : 0;
#endif
  v = read16(p);
  if (kind == TAPS2) return v >> 10 | (v >> 1 & ~v & 0x155) ? ATOME_ERROR_TAP : 0;
  if (kind == TAPS6) return p[3] >> 6 ? ATOME_ERROR_TAP : 0;
  return out_of((v + 32760) & 65535, 0, 65520) ? ATOME_ERROR_STATE : 0;
}

/* Moves past a part of n units, and `more` bytes of any content. */
static void pass(walk_t *walk, uint32_t kind, uint32_t n, uint32_t more) {
  flash_t *p = walk->a.weights;
  uint32_t unit = kind & 7, bytes = align4(n * unit) + align4(more);
  if (walk->error) return;
  if (bytes > (uint32_t)DISTANCE(p, walk->end)) {
    walk->error = ATOME_ERROR_WEIGHTS;
    return;
  }
  walk->a.weights = FORWARD(p, bytes);
  for (; n && !walk->error; n--, p += unit) walk->error = bad_unit(p, kind);
}

static NOINLINE void pass_table(walk_t *walk, uint32_t rows, uint32_t columns, uint32_t int4) {
  if (int4)
    pass(walk, STEPS, rows, rows * ((columns + 1) >> 1));
  else
    pass(walk, CODES, rows * group_count(columns), 0);
}

/* Walks one layer; returns the bytes of memory it needs. */
static NOINLINE uint32_t pass_layer(walk_t *walk) {
  flash_t *record = walk->a.weights;
  uint32_t gated = IS_GATED(&walk->a), d = walk->a.width, w = walk->a.paths_width, heads = 0, paths, bytes = 0, i;
  uint32_t int4 = walk->a.options & MATRICES_INT4;
  pass(walk, ANY, 0, RECORD_BYTES);
  if (walk->error) return 0;
  paths = *record;
  i = read16(record + WINDOW);
  if (out_of(paths, 1, 7) || (gated && !(paths & LOCAL)) || (paths & SPARSE ? !ATOME_SPARSE || out_of(i, 1, 1024) : i)) {
    walk->error = ATOME_ERROR_LAYER;
    return 0;
  }
  if (ATOME_SPARSE && paths & SPARSE) {
    heads = 2 * walk->a.head;
    bytes = 4 + align4(i * (walk->a.head + w));
  }
  if ((record[NORM_SHIFT] | record[TAP_SHIFT] | record[MIX_SHIFT]) > 31) walk->error = ATOME_ERROR_SCALE;
  for (i = SCALES; i <= OUT; i += 4)
    if (bad_scale(record + i)) walk->error = ATOME_ERROR_SCALE;
  i = gated ? 2 * w : heads ? heads + d : 0;
  pass(walk, ANY, 0, 4 * d);
  pass_table(walk, i + router_rows(paths), d, int4);
  if (paths & LOCAL) {
    bytes += 4 * w;
    pass(walk, gated ? TAPS6 : TAPS2, w, gated ? 2 * w : 0);
  }
  if (paths & STATE) {
    bytes += 4 * w;
    pass(walk, CONSTANTS, w, 0);
  }
  if (gated) {
    pass_table(walk, heads, w, int4);
    pass_table(walk, d, w, int4);
  }
  return bytes;
}
#endif

#if ATOME_RECALL && ATOME_CHECK
/* Walks the recall record; returns the bytes of memory it needs. */
static uint32_t pass_recall(walk_t *walk) {
  flash_t *record = walk->a.weights;
  uint32_t window, bad, i;
  pass(walk, ANY, 0, RECALL_BYTES);
  if (walk->error) return 0;
  window = read16(record);
  bad = out_of(window, 1, 1024) || (read32(record) + 65536) >> 16 > walk->a.vocab; /* FFFF becomes 0 */
  for (i = PAIRS; i < RECALL_BYTES; i += PAIR_BYTES) bad |= record[i + 3] >> 7;
  if (bad) walk->error = ATOME_ERROR_RECALL;
  return 4 + align4(3 * window);
}
#endif

#if ATOME_NGRAMS && ATOME_CHECK
/* Walks the n-gram record and its table; returns the bytes of memory they need. */
static uint32_t pass_ngrams(walk_t *walk) {
  flash_t *record = walk->a.weights;
  uint32_t orders, bytes = 2;
  pass(walk, ANY, 0, NGRAM_BYTES);
  if (walk->error) return 0;
  orders = read16(record + ORDERS);
  if (!read16(record) || out_of(orders, 1, 255) || read32(record + NGRAM_SCALE) > RESIDUAL_MAX) {
    walk->error = ATOME_ERROR_NGRAMS;
    return 0;
  }
  pass_table(walk, read16(record), walk->a.width, 0);
  while (orders >>= 1) bytes += 2;
  return align4(bytes);
}
#endif

#if ATOME_SENSOR && ATOME_CHECK
/* Walks n thresholds; returns the rows that belong to them. */
static NOINLINE uint32_t pass_levels(walk_t *walk, uint32_t n) {
  if (!n) return 0;
  pass(walk, THRESHOLDS, n - 1, 4);
  return n + 2;
}

/* Is this column's entry invalid? */
static uint32_t bad_entry(flash_t *entry) {
  uint32_t least = read32(entry + LEAST) + SIGN / 2, greatest = read32(entry + GREATEST) + SIGN / 2; /* from -2^30 on */
  return out_of(entry[0] | entry[1], 1, 63) || entry[3] || least > greatest || greatest >> 31;
}

/* Walks the sensor record; returns the bytes of memory it needs. */
static uint32_t pass_sensor(walk_t *walk) {
  flash_t *entry = walk->a.weights;
  uint32_t columns, rows = 0, i;
  pass(walk, ANY, 0, ENTRIES);
  if (walk->error) return 0;
  columns = read32(entry);
  entry += ENTRIES;
  if (!out_of(columns, 1, 64)) {
    pass(walk, ANY, 0, ENTRY_BYTES * columns);
    for (i = columns; i && !walk->error; i--, entry += ENTRY_BYTES) {
      if (bad_entry(entry)) walk->error = ATOME_ERROR_SENSOR;
      rows += pass_levels(walk, entry[0]);
      rows += pass_levels(walk, entry[1]);
    }
  }
  if (!walk->error && rows != walk->a.vocab) walk->error = ATOME_ERROR_SENSOR;
  return 4 * columns;
}
#endif

#if ATOME_DECIDE && ATOME_CHECK
/* Walks the decision record. */
static void pass_decision(walk_t *walk) {
  flash_t *record = walk->a.weights;
  pass(walk, ANY, 0, DECISION_BYTES);
  if (!walk->error && read32(record) > ENERGY) walk->error = ATOME_ERROR_DECISION;
}
#endif

#if ATOME_TOKENS || ATOME_CHECK
/* The longest string of the list that text starts with; *length is 0 when there is none, and then the result is the
 * escape or `count`. */
static uint32_t longest_match(flash_t *list, uint32_t count, flash_t *text, uint32_t bytes, uint32_t *length) {
  uint32_t i, j, best = count, best_length = 0;
  for (i = 0; i < count; i++) {
    uint32_t n = *list++;
    for (j = 0; j < n && j < bytes && list[j] == text[j];) j++;
    if (j == n && (n > best_length || best == count)) {
      best = i;
      best_length = n;
    }
    list += n;
  }
  *length = best_length;
  return best;
}
#endif

#if ATOME_CHECK
/* Does a section hold other than exactly `count` strings? *empty: how many are empty. */
static uint32_t bad_strings(flash_t *p, uint32_t bytes, uint32_t count, uint32_t *empty) {
  flash_t *end = FORWARD(p, bytes);
  *empty = 0;
  for (; count; count--) {
    if (p >= end || *p >= DISTANCE(p, end)) return 1;
    *empty += !*p;
    p += *p + 1;
  }
  if (DISTANCE(p, end) > 3) return 1;
  while (p != end)
    if (*p++) return 1;
  return 0;
}

static uint32_t bad_tokens(flash_t *list, uint32_t bytes, uint32_t vocab) {
  uint32_t i, length, empty, missing = 0;
  if (bad_strings(list, bytes, vocab, &empty)) return 1;
  for (i = 0; i < 256; i++) {
    uint8_t byte = (uint8_t)i;
    longest_match(list, vocab, &byte, 1, &length);
    missing |= !length;
  }
  return empty > 1 || (missing && (!empty || vocab < 17));
}

static uint32_t checksum(flash_t *p, uint32_t bytes) {
  uint32_t crc = UINT32_MAX, i, bit;
  for (i = 0; i < bytes; i++) {
    if (i == 12) i = 16;
    crc ^= *FORWARD(p, i);
    for (bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (UINT32_C(0xEDB88320) & (0 - (crc & 1)));
  }
  return ~crc;
}

uint32_t atome_check(const ATOME_FLASH void *at, uint32_t bytes, uint32_t *arena_bytes) {
  static const ATOME_FLASH uint16_t limits[] = {2, 1024, 2, 1024, 2, 1024, 0, 2048, 1, 256};
  flash_t *model = at, *entry, *p;
  walk_t walk;
  uint32_t i, end, options, id, size, seen = 1;

  if (!model || !arena_bytes) return ATOME_ERROR_POINTER;
  if (LOW_BITS(model) & 3) return ATOME_ERROR_ALIGNMENT;
  if (bytes < HEADER_BYTES + SECTION_BYTES) return ATOME_ERROR_SIZE;
  if (read32(model) != UINT32_C(0x4D4F5441)) return ATOME_ERROR_MAGIC;
  if (read32(model + 4) != ((uint32_t)HEADER_BYTES << 16 | 1)) return ATOME_ERROR_VERSION;
  if (read32(model + 8) != bytes) return ATOME_ERROR_SIZE;
  if (read32(model + 12) != checksum(model, bytes)) return ATOME_ERROR_CHECKSUM;
  for (i = 0; i < 10; i += 2)
    if (out_of(read16(model + 16 + i), limits[i], limits[i + 1])) return ATOME_ERROR_DIMENSION;
  options = read32(model + 28);
  if (out_of(model[26], 1, 64) || out_of(model[27], 1, 4) || (!(options & CLASSIFIER) && read16(model + 16) != read16(model + 18)))
    return ATOME_ERROR_DIMENSION;
  if (options & ~(uint32_t)OPTIONS_RUN || options & (options & CLASSIFIER ? TIED | RECALL : POOLED | SENSOR | DECISION) ||
      (options & TIED && (options ^ options >> 1) & EMBED_INT4) || (options & (RECALL_GATES | RECALL_SYMBOLS) && !(options & RECALL)) ||
      (options & SENSOR && options & NGRAMS) || (read16(model + 22) ? !ATOME_GATED : !ATOME_BASE))
    return ATOME_ERROR_OPTION;
  if (read32(model + EPSILON) >> 30 || read32(model + EMBED_SCALE) > (options & EMBED_INT4 ? 15 : RESIDUAL_MAX) ||
      bad_scale(model + LOGIT_SCALE) || read16(model + FINAL_SHIFT) > 31)
    return ATOME_ERROR_SCALE;

  i = read16(model + SECTION_COUNT);
  end = HEADER_BYTES + SECTION_BYTES * i;
  if (out_of(i, 1, SECTION_LAST) || end > bytes) return ATOME_ERROR_SECTION;
  for (entry = model + HEADER_BYTES; i; i--, entry += SECTION_BYTES) {
    id = read32(entry);
    size = read32(entry + 4);
    if (id > SECTION_LAST || seen >> id || size & 3 || size > bytes - end) return ATOME_ERROR_SECTION;
    seen |= UINT32_C(1) << id;
    end += size;
  }
  /* the bit of the class names is that of the option */
  if (end != bytes || !(seen & 1 << SECTION_WEIGHTS) || (seen ^ options) & CLASSIFIER || (options & SENSOR && seen & 1 << SECTION_TOKENS))
    return ATOME_ERROR_SECTION;

  *arena_bytes = read_header(&walk.a, model);
  entry = model + HEADER_BYTES;
  walk.a.weights = walk.a.content;
  walk.end = FORWARD(walk.a.content, read32(entry + 4));
  walk.error = 0;
  end = options & POOLED ? 4 * walk.a.width : 0;
#if ATOME_SENSOR
  if (options & SENSOR) end += pass_sensor(&walk);
#endif
  pass_table(&walk, table_rows(&walk.a), walk.a.width, options & EMBED_INT4);
#if ATOME_NGRAMS
  if (options & NGRAMS) end += pass_ngrams(&walk);
#endif
  for (i = 0; i < walk.a.layers && !walk.error; i++) end += pass_layer(&walk);
  pass(&walk, ANY, 0, 4 * walk.a.width);
  if (!(options & TIED)) pass_table(&walk, walk.a.outputs + GATES(&walk.a), walk.a.width, options & UNEMBED_INT4);
#if ATOME_RECALL
  if (options & RECALL_SYMBOLS) pass_table(&walk, 2, walk.a.vocab, 1);
  if (options & RECALL) end += pass_recall(&walk);
#endif
#if ATOME_DECIDE
  if (options & DECISION) pass_decision(&walk);
#endif
  if (walk.error) return walk.error;
  if (walk.a.weights != walk.end || end != read32(model + MEMORY_BYTES)) return ATOME_ERROR_WEIGHTS;
  for (p = walk.end; (entry += SECTION_BYTES) != walk.a.content; p = FORWARD(p, size)) {
    id = read32(entry);
    size = read32(entry + 4);
    if (id == SECTION_TOKENS && bad_tokens(p, size, walk.a.vocab)) return ATOME_ERROR_TOKEN;
    if (id == SECTION_CLASSES && bad_strings(p, size, walk.a.outputs, &i)) return ATOME_ERROR_CLASS;
  }
  return ATOME_OK;
}
#endif

/* ---- running: 3.2, 3.6 ---- */

atome_t *atome_init(const ATOME_FLASH void *model, void *arena, uint32_t arena_bytes) {
  atome_t *a = arena;
  if (!model || !arena || LOW_BITS(model) & 3 || LOW_BITS(arena) & (ARENA_ALIGNMENT - 1) || arena_bytes < sizeof *a) return 0;
  if (read_header(a, model) > arena_bytes) return 0;
  a->table = (uint16_t *)(void *)(a + 1);
  a->residual = (int32_t *)(void *)(a->table + SCRATCH_BYTES(a) / 2);
  a->product = a->residual + a->width + 4;
  a->vector = (int16_t *)(void *)((uint8_t *)a->product + a->product_bytes);
  a->mix = (uint16_t *)(void *)((uint8_t *)a->vector + a->vector_bytes);
#if ATOME_RECALL
  atome_recall(a, MATCH_MAX, MATCH_MAX + 1, 0);
#endif
  atome_reset(a);
  return a;
}

void atome_reset(atome_t *a) {
  a->escape = 0;
  fill((int32_t *)(void *)a->mix, a->memory_bytes / 4, 0);
}

#if ATOME_RECALL
void atome_recall(atome_t *a, uint32_t longest, uint32_t repeats, int32_t penalty) {
  a->longest = (uint8_t)longest;
  a->repeats = (uint8_t)repeats;
  a->penalty = penalty;
}
#endif

/* Sets both cursors to where a step begins. */
static void begin_step(atome_t *a) {
  a->weights = a->content;
  a->memory = (uint8_t *)(a->mix + MIX_BYTES / 2 * a->layers);
}

static void run_layers(atome_t *a) {
  uint32_t i;
  for (i = 0; i < a->layers; i++) run_layer(a, a->mix + MIX_BYTES / 2 * i);
#if ATOME_POOLED
  if (a->options & POOLED) add_step(a);
#endif
}

uint32_t atome_feed(atome_t *a, uint32_t symbol) {
  if (symbol >= a->vocab) return 1;
  begin_step(a);
#if ATOME_SENSOR
  if (a->options & SENSOR) open_sensor(a);
#endif
  load_row(a, a->residual, symbol);
#if ATOME_NGRAMS
  if (a->options & NGRAMS) add_ngrams(a, symbol);
#endif
  run_layers(a);
#if ATOME_RECALL
  if (a->options & RECALL) remember(a, symbol);
#endif
  return 0;
}

#if ATOME_SENSOR
uint32_t atome_feed_sample(atome_t *a, const int32_t *values) {
  if (!(a->options & SENSOR)) return 1;
  begin_step(a);
  load_sample(a, values);
  run_layers(a);
  return 0;
}
#endif

const int32_t *atome_logits(atome_t *a) {
  flash_t *final_norm = a->weights;
  uint32_t rows = a->outputs + GATES(a);
  int32_t *logits = a->product;
#if ATOME_POOLED
  if (a->options & POOLED) load_sum(a);
#endif
  normalize(a, read16(a->model + FINAL_SHIFT));
  if (a->options & TIED) a->weights = a->content;
#if ATOME_INT4
  if (a->options & UNEMBED_INT4) {
    uint32_t i;
    multiply_int4(a, rows, a->width, logits, 0);
    for (i = 0; i < rows; i++) logits[i] = rescale(logits[i], a->model + LOGIT_SCALE);
  } else
#endif
  {
    multiply_ternary(a, rows, a->width, logits);
    scale_product(logits, rows, a->model + LOGIT_SCALE, INT32_MAX);
  }
#if ATOME_RECALL
  if (a->options & RECALL) follow_matches(a);
#endif
  a->weights = final_norm;
  return logits;
}

const int32_t *atome_step(atome_t *a, uint32_t symbol) { return atome_feed(a, symbol) ? 0 : atome_logits(a); }

uint32_t atome_argmax(const atome_t *a) {
  uint32_t index;
  maximum(a->product, a->outputs, &index);
  return index;
}

#if ATOME_SAMPLE
static uint32_t next_random(uint32_t *state) {
  uint32_t z = *state += UINT32_C(0x9E3779B9);
  z = (z ^ z >> 16) * UINT32_C(0x21F0AAAD);
  z = (z ^ z >> 15) * UINT32_C(0x735A2D97);
  return z ^ z >> 15;
}

uint32_t atome_sample(atome_t *a, atome_sampler_t *sampler) {
  const int32_t *logits = a->product;
  uint16_t *weight = a->table;
  uint32_t n = a->outputs, i, bit, mask, random, count, mass = 0, wanted = UINT32_MAX, threshold = 0;
  int32_t top = maximum(logits, n, &i), temperature = sampler->temperature, q;
  if (!temperature) return i;
  q = (int32_t)divide(UINT32_C(1) << 23, (uint32_t)temperature);
  for (i = 0; i < n; i++) {
    int32_t below = top - logits[i];
    if (below > temperature << 7) below = temperature << 7;
    mass += weight[i] = (uint16_t)exp2_negative((below * q) >> 15);
  }
  if (sampler->top_p - UINT32_C(1) < 32767) wanted = (uint32_t)mul_q15((int32_t)mass, sampler->top_p);
  for (bit = UINT32_C(1) << 15;; bit >>= 1) {
    uint32_t least = bit ? threshold + bit : threshold ? threshold : 1;
    for (i = count = mass = 0; i < n; i++)
      if (weight[i] >= least) {
        count++;
        mass += weight[i];
      }
    if (!bit) {
      threshold = least;
      break;
    }
    if ((sampler->top_k && count >= sampler->top_k) || mass >= wanted) threshold = least;
  }
  mask = mass - 1;
  for (bit = 1; bit < 32; bit <<= 1) mask |= mask >> bit;
  do random = next_random(&sampler->random) & mask;
  while (random >= mass);
  for (i = 0;; i++)
    if (weight[i] >= threshold) {
      if (random < weight[i]) return i;
      random -= weight[i];
    }
}
#endif

#if ATOME_SCORES
const int32_t *atome_scores(atome_t *a) {
  softmax(a->product, a->outputs);
  return a->product;
}
#endif

#if ATOME_SCORES || ATOME_ROUTER || ATOME_DECIDE
/* 2048 log2(v / 2^15), v in 2^15 .. 2^16 - 1 */
static int32_t log2_fraction(uint32_t v) {
  int32_t fraction = 0, i;
  for (i = 1024; i; i >>= 1) {
    v = (v * v) >> 15;
    if (v >> 16) {
      v >>= 1;
      fraction += i;
    }
  }
  return fraction;
}

uint32_t atome_entropy(const int32_t *probability, uint32_t n) {
  int32_t entropy = 0;
  for (; n; n--) {
    uint32_t p = (uint32_t)*probability++, bits;
    int32_t surprise = 0;
    if (!p) continue;
    for (bits = p; bits < 32768; bits <<= 1) surprise += 2048;
    entropy += ((int32_t)p * (surprise - log2_fraction(bits))) >> 15;
  }
  return (uint32_t)entropy;
}
#endif

#if ATOME_DECIDE
uint32_t atome_decide(atome_t *a, int32_t *probability) {
  flash_t *record = FORWARD(a->content, read32(a->model + HEADER_BYTES + 4) - DECISION_BYTES); /* the last of the weights */
  int32_t *v = a->product, top, second = INT32_MIN, confidence;
  uint32_t n = a->outputs, sum = 0, best, signal, i;
  top = maximum(v, n, &best);
  for (i = 0; i < n; i++) {
    if (i != best && v[i] > second) second = v[i];
    sum += (uint32_t)exp2_negative(top - v[i]);
  }
  softmax(v, n);
  *probability = confidence = v[best];
  if (!(a->options & DECISION)) return best;
  signal = read32(record);
  if (signal == MARGIN) confidence = top - second;
  if (signal == ENTROPY) confidence = -(int32_t)atome_entropy(v, n);
  if (signal == ENERGY) {
    for (; sum >> 16; sum >>= 1) top += 2048;
    confidence = top + log2_fraction(sum);
  }
  return confidence < (int32_t)read32(record + 4) ? ATOME_NONE : best;
}
#endif

#if ATOME_ROUTER
uint32_t atome_router(const atome_t *a, uint32_t layer, int32_t mix[3]) {
  uint32_t i;
  for (i = 0; i < 3; i++) mix[i] = layer < a->layers ? a->mix[MIX_BYTES / 2 * layer + i] : 0;
  return atome_entropy(mix, 3);
}
#endif

#if ATOME_TOKENS
/* The content of a section, or NULL. */
static flash_t *find_section(const atome_t *a, uint32_t id) {
  flash_t *entry = a->model + HEADER_BYTES, *content = a->content, *end = content;
  for (; entry != end; entry += SECTION_BYTES) {
    if (read32(entry) == id) return content;
    content = FORWARD(content, read32(entry + 4));
  }
  return 0;
}

uint32_t atome_encode(const atome_t *a, flash_t *text, uint32_t bytes, uint16_t symbols[3], uint32_t *used) {
  flash_t *list = find_section(a, SECTION_TOKENS);
  uint32_t symbol, length = 1;
  if (!bytes) return 0;
  symbol = *text;
  if (list) symbol = longest_match(list, a->vocab, text, bytes, &length);
  if (symbol >= a->vocab) return 0;
  symbols[0] = (uint16_t)symbol;
  *used = 1;
  if (length) {
    *used = length;
    return 1;
  }
  symbols[1] = *text >> 4;
  symbols[2] = *text & 15;
  return 3;
}

/* String `index` of a list. */
static uint32_t find_string(flash_t *list, uint32_t index, flash_t **text) {
  while (index--) list += *list + 1;
  *text = list + 1;
  return *list;
}

uint32_t atome_decode(atome_t *a, uint32_t symbol, flash_t **text) {
  flash_t *list = find_section(a, SECTION_TOKENS);
  uint32_t length;
  *text = &a->byte;
  if (a->escape == 1) {
    a->escape = 2;
    a->byte = (uint8_t)(symbol << 4);
    return 0;
  }
  if (a->escape) {
    a->escape = 0;
    a->byte = (uint8_t)(a->byte | (symbol & 15));
    return 1;
  }
  if (symbol >= a->vocab) return 0;
  if (!list) {
    a->byte = (uint8_t)symbol;
    return 1;
  }
  length = find_string(list, symbol, text);
  a->escape = !length;
  return length;
}

uint32_t atome_class_name(const atome_t *a, uint32_t index, flash_t **name) {
  flash_t *list = find_section(a, SECTION_CLASSES);
  return list && index < a->outputs ? find_string(list, index, name) : 0;
}
#endif
