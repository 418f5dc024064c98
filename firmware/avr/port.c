/* The port of main.c for an ATmega in simavr: model and job in program memory, text over simavr's console register.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Sources: ATmega1284P datasheet (Timer/Counter1 with PWM, 16-bit); simavr 1.6, avr_mcu_section.h and sim_io.c (the section
 * .mmcu, the console, which prints a line when it is given '\r'); sleeping without interrupts ends simavr. Start-up and
 * linker script are avr-libc's.
 */
#include "port.h"

#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>

/* ---- simavr -------------------------------------------------------------------------------------------------------- */

enum { TAG_CONSOLE = 11 };

extern const uint8_t simavr_tags[]; /* the linker is told to keep it */
__attribute__((section(".mmcu"))) const uint8_t simavr_tags[] = {TAG_CONSOLE, 2, _SFR_MEM_ADDR(GPIOR0), 0};

void port_write(const char *text) {
  for (; *text; text++) GPIOR0 = (uint8_t)(*text == '\n' ? '\r' : *text);
}

static __attribute__((noreturn)) void stop(void) {
  cli();
  for (;;) sleep_mode();
}

/* ---- Timer 1: 64 cycles a tick, and what does not fit its 16 bits --------------------------------------------------- */

const uint32_t port_ticks_mask = 0xffffff, port_clock_hz = CLOCK_HZ;

static volatile uint8_t overflows;

ISR(TIMER1_OVF_vect) { overflows++; }

static void start_ticks(void) {
  TCCR1B = 1 << CS11 | 1 << CS10;
  TIMSK1 = 1 << TOIE1;
  sei();
}

uint32_t port_ticks(void) {
  uint8_t high;
  uint16_t low;
  do {
    high = overflows;
    low = TCNT1;
  } while (high != overflows);
  return (uint32_t)high << 16 | low;
}

/* ---- Memory --------------------------------------------------------------------------------------------------------- */

enum { STACK_BYTES = 1024, PAINT = 0x5a };
#define STACK_LIMIT ((uint8_t *)RAMEND + 1 - STACK_BYTES)

extern uint8_t __heap_start[]; /* after .bss */
extern flash_t link_model_start[], link_model_end[], link_job_start[], link_job_end[];

port_data_t port_data(void) {
  port_data_t data;
  data.model = link_model_start;
  data.job = link_job_start;
  data.model_bytes = (uint32_t)((__uint24)link_model_end - (__uint24)link_model_start);
  data.job_bytes = (uint32_t)((__uint24)link_job_end - (__uint24)link_job_start);
  return data;
}

void *port_arena(uint32_t need_bytes, uint32_t *bytes) {
  (void)need_bytes;
  *bytes = (uint32_t)(STACK_LIMIT - __heap_start);
  return __heap_start;
}

static uint8_t *painted_top;

__attribute__((noinline)) void port_stack_paint(void) {
  painted_top = (uint8_t *)SP;
  for (volatile uint8_t *byte = STACK_LIMIT; byte <= painted_top; byte++) *byte = PAINT;
}

/* From the far end, as on the other boards. Below it lies the arena, so a stack that reached it ends the run. */
uint32_t port_stack_bytes(void) {
  const uint8_t *byte = STACK_LIMIT;
  if (*byte != PAINT) {
    port_write("\nerror: the stack is full\n");
    stop();
  }
  while (byte < painted_top && *byte == PAINT) byte++;
  return (uint32_t)(painted_top - byte);
}

int main(void) {
  start_ticks();
  run_job();
  stop();
}
