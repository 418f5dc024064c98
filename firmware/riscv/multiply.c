/* The product that gcc calls for on a core without one: RV32E and RV32I. SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

/* As many steps as b has bits without its sign: most factors of the engine are small. */
uint32_t __mulsi3(uint32_t a, uint32_t b);
uint32_t __mulsi3(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  if (b >> 31) {
    a = 0 - a;
    b = 0 - b;
  }
  for (; b; b >>= 1, a <<= 1)
    if (b & 1) product += a;
  return product;
}
