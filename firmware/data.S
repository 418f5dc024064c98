// The model and the job in flash. The assembler finds both files in the folder given with -I.
// SPDX-License-Identifier: Apache-2.0

    .section .model, "a"
    .balign 4
    .global link_model_start, link_model_end
link_model_start:
    .incbin "model.atome"
link_model_end:

    .section .job, "a"
    .balign 4
    .global link_job_start, link_job_end
link_job_start:
    .incbin "job.bin"
link_job_end:
