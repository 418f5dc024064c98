/* What the parts of the firmware of a machine without an operating system need from each other: bare.c, semihosting.c where
 * the emulator speaks it, and <architecture>/start.c. Symbols beginning with link_ come from sections.ld, link_data
 * from data.S.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef BARE_H
#define BARE_H

#include "port.h"

extern uint32_t link_stack_limit[], link_stack_top[];

/* bare.c: clears memory, does the job and ends the emulator. Reset comes here, with the stack pointer at link_stack_top. */
void bare_start(void);
/* bare.c: tells why and ends the emulator with exit code 1. */
void bare_fail(const char *why);

/* start.c: starts what port_ticks reads. */
void machine_start_ticks(void);
/* semihosting.c or start.c: bytes to the standard output; the end, with an exit code. */
void machine_write(const char *text, uint32_t bytes);
void machine_exit(uint32_t code);

/* start.c, for semihosting.c: an operation of Arm's semihosting. */
uint32_t semihost(uint32_t operation, const void *argument);

#endif
