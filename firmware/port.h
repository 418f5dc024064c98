/* What main.c needs from the machine it runs on. Three ports: bare.c for machines without an operating system, avr/port.c
 * for one whose flash is not read as RAM is, host/port.c for the build machine.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PORT_H
#define PORT_H

#include "atome.h"

typedef const ATOME_FLASH uint8_t flash_t;

/* What lies beside the firmware: the model, and the job described in main.c. Both aligned to 4. */
typedef struct {
  flash_t *model;
  flash_t *job;
  uint32_t model_bytes;
  uint32_t job_bytes;
} port_data_t;

port_data_t port_data(void);

/* RAM for a model that needs `need_bytes`, aligned to 4; *bytes is how many there really are, which may be fewer. */
void *port_arena(uint32_t need_bytes, uint32_t *bytes);

/* Writes zero-terminated text to the standard output. */
void port_write(const char *text);

/* Fills the unused stack, from the caller's frame down, with a pattern; port_stack_bytes then tells how many bytes below
 * that frame were written since. 0 on a machine whose stack is not measured. */
void port_stack_paint(void);
uint32_t port_stack_bytes(void);

/* Processor clock ticks, of which the bits of the mask count, and how many there are in a second; 0 and 0 on a machine that
 * does not count. */
uint32_t port_ticks(void);
extern const uint32_t port_ticks_mask, port_clock_hz;

/* main.c: does the job and prints its result. */
void run_job(void);

#endif
