/* Cortex-M: vector table, faults, ticks and semihosting.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Sources: Armv6-M, Armv7-M and Armv8-M Architecture Reference Manuals (vector table, SysTick); Arm "Semihosting for AArch32
 * and AArch64" (BKPT 0xAB). A core with TrustZone starts in the secure state, and stays there.
 */
#include "../bare.h"

typedef void (*handler_t)(void);

uint32_t semihost(uint32_t operation, const void *argument) {
  register uint32_t r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

/* ---- SysTick: counts down at the processor's clock, 24 bits --------------------------------------------------------- */

#define SYST_CSR (*(volatile uint32_t *)0xe000e010u)
#define SYST_RVR (*(volatile uint32_t *)0xe000e014u)
#define SYST_CVR (*(volatile uint32_t *)0xe000e018u)

const uint32_t port_clock_hz = CLOCK_HZ;
const uint32_t port_ticks_mask = 0xffffff;

void machine_start_ticks(void) {
  SYST_RVR = 0xffffff;
  SYST_CVR = 0;
  SYST_CSR = 5; /* enabled, no interrupt, processor clock */
}

uint32_t port_ticks(void) { return ~SYST_CVR; }

/* ---- Start ---------------------------------------------------------------------------------------------------------- */

void reset(void);
void reset(void) { bare_start(); }

static void fault(void) { bare_fail("the processor faulted"); }

/* No interrupt is ever enabled, so the table ends with the system's own exceptions. */
__attribute__((section(".start"), used)) static const handler_t vectors[16] = {
    (handler_t)(uintptr_t)link_stack_top, reset, fault, fault, fault, fault, fault, fault,
    fault, fault, fault, fault, fault, fault, fault, fault,
};
