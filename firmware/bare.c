/* A machine without an operating system: start, memory and stack. The rest of the port is in <architecture>/start.c.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "bare.h"

extern uint32_t link_bss_start[], link_bss_end[], link_arena_start[], link_arena_end[];
extern const port_data_t link_data;

/* Field by field: to copy all at once, gcc calls memcpy for RISC-V. */
port_data_t port_data(void) {
  port_data_t data;
  data.model = link_data.model;
  data.job = link_data.job;
  data.model_bytes = link_data.model_bytes;
  data.job_bytes = link_data.job_bytes;
  return data;
}

void *port_arena(uint32_t need_bytes, uint32_t *bytes) {
  (void)need_bytes;
  *bytes = (uint32_t)((uint8_t *)link_arena_end - (uint8_t *)link_arena_start);
  return link_arena_start;
}

void port_write(const char *text) {
  uint32_t bytes = 0;
  while (text[bytes]) bytes++;
  machine_write(text, bytes);
}

/* ---- Stack ---------------------------------------------------------------------------------------------------------- */

#define PAINT 0x5ac3965au

register uint32_t *stack_pointer __asm__("sp");
static uint32_t *painted_top;

__attribute__((noinline)) void port_stack_paint(void) {
  painted_top = stack_pointer;
  for (volatile uint32_t *word = link_stack_limit; word < painted_top; word++) *word = PAINT;
}

/* From the far end: a hole that some frame left unwritten must not hide what is below it. */
uint32_t port_stack_bytes(void) {
  const uint32_t *word = link_stack_limit;
  while (word < painted_top && *word == PAINT) word++;
  return (uint32_t)((const uint8_t *)painted_top - (const uint8_t *)word);
}

/* ---- Start and end -------------------------------------------------------------------------------------------------- */

void bare_fail(const char *why) {
  port_write("\nerror: ");
  port_write(why);
  port_write("\n");
  machine_exit(1);
}

void bare_start(void) {
  for (uint32_t *word = link_bss_start; word < link_bss_end; word++) *word = 0;
  machine_start_ticks();
  run_job();
  /* Not every machine faults below its RAM. */
  if (*link_stack_limit != PAINT) bare_fail("the stack is full");
  machine_exit(0);
}
