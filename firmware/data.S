// The model and the job in flash, and where they lie. The assembler finds both files in the folder given with -I.
// SPDX-License-Identifier: Apache-2.0

#ifdef __AVR__ // avr-libc's linker script puts .text.* into program memory, after all code; simavr loads nothing else
#define FLASH_SECTION(name) .section .text.name, "a"
#else
#define FLASH_SECTION(name) .section .name, "a"
#endif

    FLASH_SECTION(model)
    .balign 4
    .global link_model_start, link_model_end
link_model_start:
    .incbin "model.atome"
link_model_end:

    FLASH_SECTION(job)
    .balign 4
    .global link_job_start, link_job_end
link_job_start:
    .incbin "job.bin"
link_job_end:

#ifndef __AVR__ // whose pointers to program memory are not words
// port.h: port_data_t.
    .balign 4
    .global link_data
link_data:
    .long link_model_start, link_job_start, link_model_end - link_model_start, link_job_end - link_job_start
#endif
