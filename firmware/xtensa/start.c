/* Xtensa with the call0 convention: reset, exceptions, ticks and simulator calls.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Sources: Xtensa Instruction Set Architecture Reference Manual (CCOUNT, VECBASE, SIMCALL: number in a2, arguments from a3 on);
 * the offsets of lx106's vectors are those of its configuration (core-isa.h: XCHAL_*_VECOFS).
 */
#include "../bare.h"

enum { SYS_EXIT = 1, SYS_WRITE = 4, STANDARD_OUTPUT = 1 };

static void simcall(uint32_t number, uint32_t first, const void *second, uint32_t third) {
  register uint32_t a2 __asm__("a2") = number;
  register uint32_t a3 __asm__("a3") = first;
  register const void *a4 __asm__("a4") = second;
  register uint32_t a5 __asm__("a5") = third;
  __asm__ volatile("simcall" : "+r"(a2), "+r"(a3) : "r"(a4), "r"(a5) : "memory");
}

void machine_write(const char *text, uint32_t bytes) { simcall(SYS_WRITE, STANDARD_OUTPUT, text, bytes); }

void machine_exit(uint32_t code) {
  for (;;) simcall(SYS_EXIT, code, 0, 0);
}

/* CCOUNT counts up at the processor's clock. */
const uint32_t port_clock_hz = CLOCK_HZ;
const uint32_t port_ticks_mask = UINT32_MAX;

void machine_start_ticks(void) {}

uint32_t port_ticks(void) {
  uint32_t count;
  __asm__ volatile("rsr %0, ccount" : "=r"(count));
  return count;
}

__attribute__((used)) static void fault(void) { bare_fail("the processor faulted"); }

/* Every vector begins with a jump; VECBASE is a multiple of 256. */
__asm__(
    ".section .start, \"ax\"\n"
    ".balign 256\n"
    "vectors:\n"
    ".rept 8\n"
    "j fault\n"
    ".balign 16\n"
    ".endr\n"
    ".literal_position\n"
    ".global reset\n"
    ".balign 4\n"
    "reset:\n"
    "movi a0, vectors\n"
    "wsr a0, vecbase\n"
    "movi sp, link_stack_top\n"
    "j bare_start\n"
    ".text");
