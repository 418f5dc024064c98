/* Start-up code of the emulated Cortex-M boards: vector table, reset, faults, and the port of main.c over semihosting.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Sources: Armv6-M and Armv7-M Architecture Reference Manuals (vector table B1.5.3, SysTick B3.3); Arm "Semihosting for
 * AArch32 and AArch64" (operations; BKPT 0xAB). Symbols beginning with link_ come from sections.ld.
 */
#include "port.h"

typedef void (*handler_t)(void);

extern uint32_t link_stack_limit[], link_stack_top[], link_bss_start[], link_bss_end[], link_arena_start[], link_arena_end[];
extern const uint8_t link_model_start[], link_model_end[], link_job_start[], link_job_end[];

void reset(void);

/* ---- Semihosting ------------------------------------------------------------------------------------------------- */

enum { SYS_OPEN = 0x01, SYS_WRITE = 0x05, SYS_EXIT_EXTENDED = 0x20 };
enum { OPEN_WRITE = 4, STOPPED_APPLICATION_EXIT = 0x20026 };

static uint32_t semihost(uint32_t operation, const void *argument) {
  register uint32_t r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

static void exit_with(uint32_t code) {
  const uint32_t block[2] = {STOPPED_APPLICATION_EXIT, code};
  for (;;) semihost(SYS_EXIT_EXTENDED, block);
}

void port_write(const char *text) {
  static uint32_t handle;
  if (handle == 0) {
    static const char console[] = ":tt";
    const uint32_t open[3] = {(uint32_t)console, OPEN_WRITE, sizeof console - 1};
    handle = semihost(SYS_OPEN, open);
  }
  uint32_t bytes = 0;
  while (text[bytes]) bytes++;
  const uint32_t write[3] = {handle, (uint32_t)text, bytes};
  semihost(SYS_WRITE, write);
}

/* ---- SysTick: counts down at the processor's clock, 24 bits --------------------------------------------------------- */

#define SYST_CSR (*(volatile uint32_t *)0xe000e010u)
#define SYST_RVR (*(volatile uint32_t *)0xe000e014u)
#define SYST_CVR (*(volatile uint32_t *)0xe000e018u)

const uint32_t port_clock_hz = CLOCK_HZ;

static void start_ticks(void) {
  SYST_RVR = 0xffffff;
  SYST_CVR = 0;
  SYST_CSR = 5; /* enabled, no interrupt, processor clock */
}

uint32_t port_ticks(void) { return ~SYST_CVR & 0xffffff; }

/* ---- Memory --------------------------------------------------------------------------------------------------------- */

port_data_t port_data(void) {
  port_data_t data;
  data.model = link_model_start;
  data.job = link_job_start;
  data.model_bytes = (uint32_t)(link_model_end - link_model_start);
  data.job_bytes = (uint32_t)(link_job_end - link_job_start);
  return data;
}

void *port_arena(uint32_t need_bytes, uint32_t *bytes) {
  (void)need_bytes;
  *bytes = (uint32_t)((uint8_t *)link_arena_end - (uint8_t *)link_arena_start);
  return link_arena_start;
}

#define PAINT 0x5ac3965au

static uint32_t *painted_top;

__attribute__((noinline)) void port_stack_paint(void) {
  uint32_t *top;
  __asm__ volatile("mov %0, sp" : "=r"(top));
  painted_top = top;
  for (volatile uint32_t *word = link_stack_limit; word < top; word++) *word = PAINT;
}

/* From the far end: a hole that some frame left unwritten must not hide what is below it. */
uint32_t port_stack_bytes(void) {
  const uint32_t *word = link_stack_limit;
  while (word < painted_top && *word == PAINT) word++;
  return (uint32_t)((const uint8_t *)painted_top - (const uint8_t *)word);
}

/* ---- Start ---------------------------------------------------------------------------------------------------------- */

static void fault(void) {
  port_write("\nerror: the processor faulted\n");
  exit_with(1);
}

void reset(void) {
  for (uint32_t *word = link_bss_start; word < link_bss_end; word++) *word = 0;
  start_ticks();
  run_job();
  exit_with(0);
}

/* No interrupt is ever enabled, so the table ends with the system's own exceptions. */
__attribute__((section(".vectors"), used)) static const handler_t vectors[16] = {
    (handler_t)(uintptr_t)link_stack_top, reset, fault, fault, fault, fault, fault, fault,
    fault, fault, fault, fault, fault, fault, fault, fault,
};
