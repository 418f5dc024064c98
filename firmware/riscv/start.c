/* RISC-V in machine mode: reset, traps, ticks and semihosting.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Sources: The RISC-V Instruction Set Manual, Volume II (mtvec, minstret, physical memory protection); RISC-V Semihosting 1.0 (the three instructions, in
 * one page and not compressed; the operations are Arm's).
 */
#include "../bare.h"

extern const uint8_t link_flash_start[], link_flash_end[], link_arena_end[];

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

/* Whatever is neither the board's flash nor its RAM faults, whoever asks: regions that end at the addresses named, locked. */
__attribute__((used)) static void forbid_other_memory(void) {
  enum { READ = 1, WRITE = 2, EXECUTE = 4, TO_ADDRESS = 8, LOCKED = 128 };
  enum { NONE = TO_ADDRESS | LOCKED, FLASH = NONE | READ | EXECUTE, RAM = NONE | READ | WRITE };
  __asm__ volatile("csrw pmpaddr0, %0" : : "r"((uint32_t)link_flash_start >> 2));
  __asm__ volatile("csrw pmpaddr1, %0" : : "r"((uint32_t)link_flash_end >> 2));
  __asm__ volatile("csrw pmpaddr2, %0" : : "r"((uint32_t)link_stack_limit >> 2));
  __asm__ volatile("csrw pmpaddr3, %0" : : "r"((uint32_t)link_arena_end >> 2));
  __asm__ volatile("csrw pmpaddr4, %0" : : "r"(UINT32_MAX));
  __asm__ volatile("csrw pmpcfg0, %0" : : "r"(NONE | FLASH << 8 | NONE << 16 | (uint32_t)RAM << 24));
  __asm__ volatile("csrw pmpcfg1, %0" : : "r"(NONE));
}

__attribute__((used)) static void fault(void) { bare_fail("the processor faulted"); }

__asm__(
    ".section .start, \"ax\"\n"
    ".global reset\n"
    "reset:\n"
    "la sp, link_stack_top\n"
    "la t0, trap\n"
    "csrw mtvec, t0\n"
    "call forbid_other_memory\n"
    "j bare_start\n"
    /* The stack may be what faulted. */
    ".balign 4\n"
    "trap:\n"
    "la sp, link_stack_top\n"
    "j fault\n"
    ".text");
