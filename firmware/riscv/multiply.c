/* The product that gcc calls for on a core without one: RV32E and RV32I. SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

uint32_t __mulsi3(uint32_t a, uint32_t b);
uint32_t __mulsi3(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (; b; b >>= 1, a <<= 1)
    if (b & 1) product += a;
  return product;
}
