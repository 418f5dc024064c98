/* What Eva is told of functions of atome.c where its intervals lose the value.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ATOME_PROOF_CONTRACTS_H
#define ATOME_PROOF_CONTRACTS_H

#include <stdint.h>

/* Stand for the functions: contracts.c proves them. */

/*@ requires limit: 0 <= limit;
    assigns \result \from v, limit;
    behavior below:
      assumes v < -limit;
      ensures least: \result == -limit;
    behavior inside:
      assumes -limit <= v <= limit;
      ensures same: \result == v;
    behavior above:
      assumes limit < v;
      ensures most: \result == limit;
    complete behaviors;
    disjoint behaviors; */
static int32_t clamp(int32_t v, int32_t limit);

/* Intervals let the residual grow to 3 embedScale: the -embedScale and the steps of a trit that it starts from are not known to
 * be the same. */
/*@ requires residual: -0x800000 <= v < 0x800000;
    assigns \result \from v;
    ensures bits: \result < 0x800000; */
static uint32_t magnitude(int32_t v);

/*@ requires readable: \valid_read((int16_t const *)p) && \initialized((int16_t const *)p);
    assigns \result \from *(int16_t const *)p;
    ensures any: -32768 <= \result <= 32767;
    behavior tame:
      assumes -32760 <= *(int16_t const *)p <= 32760;
      ensures tame: -32760 <= \result <= 32760; */
static int32_t read_signed16(const uint8_t *p);

/* Stand beside the functions, which Eva analyses: claims.md has the argument for each. */

/*@ ensures probabilities: \subset(v[0 .. n - 1], (0 .. 32768)); */
static void softmax(int32_t *v, uint32_t n);

/*@ ensures sums: \subset(row[0 .. rows - 1], (-410 * 32768 .. 410 * 32768)); */
static const uint8_t *add_four(const uint8_t *code, int32_t *row, uint32_t rows, const uint16_t *t0);

#endif
