/* Atome engine: language models and classifiers on small chips. Integers only, no heap, no globals, no library.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Copy atome.h and atome.c into your project and put a model.atome in flash. In short:
 *
 *     static uint32_t arena[6573];                     // RAM: 26,292 bytes; "atome inspect" and atome_check say how much
 *     uint32_t need, i, symbol;
 *     if (atome_check(model, model_bytes, &need)) return;  // once: is every byte in range?
 *     atome_t *a = atome_init(model, arena, sizeof arena); // NULL when the arena is too small
 *     for (i = 0; i < n; i++) atome_feed(a, prompt[i]);    // symbols of the prompt: atome_encode
 *     atome_logits(a);
 *     for (;;) {                                           // for ever: a stream has no end
 *       symbol = atome_argmax(a);                          // or atome_sample(a, &sampler)
 *       atome_step(a, symbol);                             // feed and logits
 *     }
 *
 * RAM, in bytes, on a 32-bit core, for a model with d = dModel, w = max(d, dInner), r = d in the base block and 2 w in the
 * gated one, O outputs, g = 2 with the gates of recall and 0 without, L layers and the memoryBytes of its header:
 *     2144 + 4 (d + 4) + 4 (max(O + g, r) + 2 dHead + 3) + 2 (w + 4), rounded up to 4, + 8 L + memoryBytes
 * and with ATOME_TABLES 1, in place of 2144, 96 + max(504, 2 O rounded up to 4)
 * and 16 less on an AVR.
 *
 * Contracts, for all calls: pointers are valid and, where said, aligned; only atome_check and atome_init look at them. `a`
 * comes from atome_init and is not NULL; the model has passed atome_check and stays where it is, unchanged, as long as `a` is
 * used. A number out of the range that stands at the call is refused where the call says so; elsewhere the caller keeps to it.
 * SPEC.md 6.1 lists all bad calls. Several `a` may run side by side. No call blocks, allocates or recurses; the stack needed is
 * below 512 bytes on 32-bit cores and on an AVR. SPEC.md says what every bit is.
 */
#ifndef ATOME_H
#define ATOME_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Stands in each pointer that may lead into the model; empty where code reads flash as it reads RAM. An AVR does not: there
 * these pointers have 24 bits and lead anywhere in program memory, or into RAM, and
 *   - the compiler is gcc with -std=gnu99 or later; C++ has no such pointers and calls the engine through a file of C;
 *   - an array of C is too small for most models: .incbin "model.atome" in a file of assembler, after .balign 4, and
 *     extern const ATOME_FLASH uint8_t model[];
 *   - a core that multiplies bytes needs gcc's own library for longer products, and for reading program memory. */
#ifdef __AVR__
#ifndef __MEMX
#error "atome needs -std=gnu99 on an AVR"
#endif
#define ATOME_FLASH __memx
#else
#define ATOME_FLASH
#endif

/* What a product does not use can be left out: define these to 0 for atome.c and for every file that includes atome.h. */
#ifndef ATOME_GATED
#define ATOME_GATED 1 /* models of the gated block */
#endif
#ifndef ATOME_BASE
#define ATOME_BASE 1 /* models of the base block */
#endif
#ifndef ATOME_SPARSE
#define ATOME_SPARSE 1 /* layers with sparse attention */
#endif
#ifndef ATOME_INT4
#define ATOME_INT4 1 /* 4-bit tables and matrices */
#endif
#ifndef ATOME_RECALL
#define ATOME_RECALL 1 /* models with recall, atome_recall */
#endif
#ifndef ATOME_NGRAMS
#define ATOME_NGRAMS 1 /* models with n-grams */
#endif
#ifndef ATOME_POOLED
#define ATOME_POOLED 1 /* classifiers that answer from the sum over all steps */
#endif
#ifndef ATOME_SENSOR
#define ATOME_SENSOR 1 /* models of samples, atome_feed_sample */
#endif
#ifndef ATOME_DECIDE
#define ATOME_DECIDE 1 /* models with a decision's threshold, atome_decide */
#endif
#ifndef ATOME_CHECK
#define ATOME_CHECK 1 /* atome_check */
#endif
#ifndef ATOME_SAMPLE
#define ATOME_SAMPLE 1 /* atome_sample */
#endif
#ifndef ATOME_SCORES
#define ATOME_SCORES 1 /* atome_scores, atome_entropy */
#endif
#ifndef ATOME_ROUTER
#define ATOME_ROUTER 1 /* atome_router */
#endif
#ifndef ATOME_TOKENS
#define ATOME_TOKENS 1 /* atome_encode, atome_decode */
#endif

/* Tables of sums held at a time, 504 bytes of RAM each: 4, or 1 for chips of a few KB. The same bits; with 1 a symbol of a
 * small model takes up to three tenths more instructions, of a large one up to seven tenths. */
#ifndef ATOME_TABLES
#define ATOME_TABLES 4
#endif

/* Why a model is refused: SPEC.md section 6. */
enum {
  ATOME_OK = 0,
  ATOME_ERROR_POINTER = 1,
  ATOME_ERROR_ALIGNMENT = 2,
  ATOME_ERROR_SIZE = 3,
  ATOME_ERROR_MAGIC = 4,
  ATOME_ERROR_VERSION = 5,
  ATOME_ERROR_CHECKSUM = 6,
  ATOME_ERROR_DIMENSION = 7,
  ATOME_ERROR_OPTION = 8,
  ATOME_ERROR_SCALE = 9,
  ATOME_ERROR_SECTION = 10,
  ATOME_ERROR_LAYER = 11,
  ATOME_ERROR_CODE = 12,
  ATOME_ERROR_TAP = 13,
  ATOME_ERROR_STATE = 14,
  ATOME_ERROR_WEIGHTS = 15,
  ATOME_ERROR_TOKEN = 16,
  ATOME_ERROR_CLASS = 17,
  ATOME_ERROR_ARENA = 18,
  ATOME_ERROR_RECALL = 19,
  ATOME_ERROR_NGRAMS = 20,
  ATOME_ERROR_SENSOR = 21,
  ATOME_ERROR_DECISION = 22
};

/* What atome_decide answers when the model is not sure enough, and a value that was not measured. */
#define ATOME_NONE UINT32_C(65535)
#define ATOME_MISSING INT32_MIN

/* A running stream: the first bytes of the arena. Its members are the engine's own. */
typedef struct atome atome_t;

/* How to choose the next symbol: SPEC.md section 3.8. */
typedef struct {
  uint16_t temperature; /* in 1/256: 256 = 1.0; 0 = always the most likely */
  uint16_t top_k;       /* keep the k most likely; 0 = all */
  uint16_t top_p;       /* in 1/32768: keep the most likely that together reach it; 0 = all */
  uint32_t random;      /* generator state: any seed; the same seed gives the same stream everywhere */
} atome_sampler_t;

/* Proves that `bytes` bytes at `model` (aligned to 4) are a model that this engine can run without ever reading or
 * computing out of range. Reads every byte, about 100 instructions each on a Cortex-M0; needs no arena. Returns ATOME_OK
 * or the reason. On ATOME_OK, *arena_bytes is the RAM that atome_init needs. */
uint32_t atome_check(const ATOME_FLASH void *model, uint32_t bytes, uint32_t *arena_bytes);

/* Makes a stream in `arena` (aligned as uint32_t and pointers are: to 4 on 32-bit cores) for a model that passed atome_check, and
 * resets it. Returns NULL when `arena_bytes` is less than the model needs or a pointer is null or misaligned. */
atome_t *atome_init(const ATOME_FLASH void *model, void *arena, uint32_t arena_bytes);

/* Forgets everything: the state after atome_init, but for what atome_recall has set. */
void atome_reset(atome_t *a);

/* How far the logits follow what the stream said before; a model without recall does not mind. Symbols that followed a match
 * of more than `longest` symbols (0..6) are left alone; those that followed one of `repeats` symbols or more (0..7) lose
 * `penalty` (0..32767, in 1/2048 bit) instead. After atome_init 6, 7, 0: all of what was learned, which is right for text
 * that is read. Text that the model writes would go in circles: 1, 4, 6144 keeps it from that; 0, 0, 0 is no recall. */
void atome_recall(atome_t *a, uint32_t longest, uint32_t repeats, int32_t penalty);

/* Takes one symbol (< vocab) without computing logits: cheaper than atome_step, for all but the last of a prompt.
 * Returns 0, or 1 and changes nothing when the symbol is out of range. */
uint32_t atome_feed(atome_t *a, uint32_t symbol);

/* Takes one sample in place of a symbol: a value per column of the sensor, in the units of the model's metadata. A value outside
 * of the column's range, which is of the model too, is missing, which models know; ATOME_MISSING is outside of all. Returns 0, or
 * 1 and changes nothing when the model is of no sensor. */
uint32_t atome_feed_sample(atome_t *a, const int32_t *values);

/* Computes the logits after the last symbol fed (there must be one): `outputs` of them, in 1/2048 bit. They stay valid, at
 * the same place, until the next call of atome_feed, atome_feed_sample, atome_step, atome_scores or atome_decide. */
const int32_t *atome_logits(atome_t *a);

/* atome_feed and atome_logits. NULL when the symbol is out of range (nothing is changed). */
const int32_t *atome_step(atome_t *a, uint32_t symbol);

/* The index of the largest logit (the lowest among equals). Needs atome_logits or atome_step before; so do all below. */
uint32_t atome_argmax(const atome_t *a);

/* Draws an output by the sampler's rules. Costs about 17 passes over the outputs. */
uint32_t atome_sample(atome_t *a, atome_sampler_t *sampler);

/* Turns the logits into probabilities in 1/32768, in place, and returns them: the scores of a class model. */
const int32_t *atome_scores(atome_t *a);

/* The class, or ATOME_NONE when its confidence is below the model's threshold; a model without one is always sure. Turns the
 * logits into probabilities as atome_scores does; *probability is the largest of them. */
uint32_t atome_decide(atome_t *a, int32_t *probability);

/* Entropy in 1/2048 bit of n probabilities in 1/32768, each 0..32768; 0 of none. */
uint32_t atome_entropy(const int32_t *probability, uint32_t n);

/* The router's mix of a layer in the last step, in 1/32768, in the order local, state, sparse; 0 for a pathway that the
 * layer lacks. Returns its entropy in 1/2048 bit. All are 0 when there is no such layer. */
uint32_t atome_router(const atome_t *a, uint32_t layer, int32_t mix[3]);

/* Takes the longest token off the front of text[0..bytes-1] and writes 1 or 3 symbols (3: an escaped byte). Returns how
 * many, with *used bytes eaten; 0 when there is no byte, or it cannot be encoded (a model without tokens, byte >= vocab).
 * End a prompt that is to be written on where a word ends, without a blank: the model's own tokens begin with theirs. */
uint32_t atome_encode(const atome_t *a, const ATOME_FLASH uint8_t *text, uint32_t bytes, uint16_t symbols[3], uint32_t *used);

/* The bytes of a symbol of the output stream: returns how many (0..255; 0 of a symbol >= vocab) and points *text at them, in
 * the model or in `a`. Keeps the escape's state in `a`, so give it every symbol once, in order. */
uint32_t atome_decode(atome_t *a, uint32_t symbol, const ATOME_FLASH uint8_t **text);

/* The name of class `index`: returns its length in bytes and points *name at it. 0 when the model has none of it. */
uint32_t atome_class_name(const atome_t *a, uint32_t index, const ATOME_FLASH uint8_t **name);

#ifdef __cplusplus
}
#endif
#endif
