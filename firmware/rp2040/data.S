// Room for what says where the model and the job lie (port.h: port_data_t). The image is made once for every model: it ends
// with these words, and what runs it fills them in and puts job and model behind. SPDX-License-Identifier: Apache-2.0

    .section .job, "a"
    .balign 4
    .global link_data
link_data:
    .long 0, 0, 0, 0
