/* Proves by Frama-C's Eva the contracts that stand for functions: contracts.h. Each case is one in which no interval wraps
 * around, and all cases together are all values.
 * SPDX-License-Identifier: Apache-2.0 */
#include "atome.c"

#include "__fc_builtin.h"

/* All limits that atome.c names. */
static const int32_t limits[] = {127, 254, VECTOR_MAX, MIX_MAX, RESIDUAL_MAX, INT32_MAX};

static int32_t any(int32_t least, int32_t most) { return Frama_C_int_interval(least, most); }

static void prove_clamp(int32_t limit) {
  int32_t v, clamped, moved;
  if (limit < INT32_MAX) {
    v = any(limit + 1, INT32_MAX);
    clamped = clamp(v, limit);
    /*@ assert most: clamped == limit; */
  }
  v = any(INT32_MIN, -limit - 1);
  clamped = clamp(v, limit);
  /*@ assert least: clamped == -limit; */
  v = any(-limit, -1);
  moved = clamp(v, limit) - v;
  /*@ assert same_negative: moved == 0; */
  v = any(0, limit);
  moved = clamp(v, limit) - v;
  /*@ assert same_positive: moved == 0; */
}

static void prove_magnitude(void) {
  uint32_t bits = magnitude(any(-0x800000, -1));
  /*@ assert bits_negative: bits < 0x800000; */
  bits = magnitude(any(0, 0x7FFFFF));
  /*@ assert bits_positive: bits < 0x800000; */
}

static int32_t read_any(int32_t least, int32_t most) {
  int16_t word = (int16_t)any(least, most);
  return read_signed16((const uint8_t *)&word);
}

static void prove_read_signed16(void) {
  int32_t read = read_any(-32760, -1);
  /*@ assert tame_negative: -32760 <= read <= 32760; */
  read = read_any(0, 32760);
  /*@ assert tame_positive: -32760 <= read <= 32760; */
  read = read_any(INT16_MIN, INT16_MAX);
  /*@ assert any: INT16_MIN <= read <= INT16_MAX; */
}

int main(void) {
  uint32_t i;
  prove_magnitude();
  prove_read_signed16();
  for (i = 0; i < sizeof limits / sizeof *limits; i++) prove_clamp(limits[i]);
  return 0;
}
