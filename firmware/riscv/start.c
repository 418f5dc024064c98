/* RISC-V in machine mode: reset, traps, ticks and semihosting.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Sources: The RISC-V Instruction Set Manual, Volume II (mtvec, minstret); RISC-V Semihosting 1.0 (the three instructions, in
 * one page and not compressed; the operations are Arm's).
 */
#include "../bare.h"

uint32_t semihost(uint32_t operation, const void *argument) {
  register uint32_t a0 __asm__("a0") = operation;
  register const void *a1 __asm__("a1") = argument;
  __asm__ volatile(
      ".option push\n"
      ".option norvc\n"
      ".balign 16\n"
      "slli x0, x0, 0x1f\n"
      "ebreak\n"
      "srai x0, x0, 7\n"
      ".option pop"
      : "+r"(a0)
      : "r"(a1)
      : "memory");
  return a0;
}

/* minstret counts instructions: that is the clock. */
const uint32_t port_clock_hz = CLOCK_HZ;
const uint32_t port_ticks_mask = UINT32_MAX;

void machine_start_ticks(void) {}

uint32_t port_ticks(void) {
  uint32_t count;
  __asm__ volatile("csrr %0, minstret" : "=r"(count));
  return count;
}

__attribute__((used, aligned(4))) static void fault(void) { bare_fail("the processor faulted"); }

__asm__(
    ".section .start, \"ax\"\n"
    ".global reset\n"
    "reset:\n"
    "la sp, link_stack_top\n"
    "la t0, fault\n"
    "csrw mtvec, t0\n"
    "j bare_start\n"
    ".text");
