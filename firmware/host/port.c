/* The port of main.c for the build machine: the model and the job are files, the arena is exactly as large as the model needs,
 * so that sanitizers see the first byte outside of either. SPDX-License-Identifier: Apache-2.0
 */
#include "port.h"

#include <stdio.h>
#include <stdlib.h>

static port_data_t files;
static void *arena;

const uint32_t port_clock_hz = 0;
const uint32_t port_ticks_mask = 0;

static uint8_t *read_file(const char *path, uint32_t *bytes) {
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END) != 0) return NULL;
  long size = ftell(file);
  uint8_t *data = size < 0 ? NULL : malloc(size == 0 ? 1 : (size_t)size);
  rewind(file);
  if (data && fread(data, 1, (size_t)size, file) != (size_t)size) data = NULL;
  fclose(file);
  *bytes = (uint32_t)size;
  return data;
}

port_data_t port_data(void) { return files; }

void *port_arena(uint32_t need_bytes, uint32_t *bytes) {
  *bytes = need_bytes;
  arena = malloc(need_bytes);
  return arena;
}

void port_write(const char *text) { fputs(text, stdout); }
void port_stack_paint(void) {}
uint32_t port_stack_bytes(void) { return 0; }
uint32_t port_ticks(void) { return 0; }

int main(int argc, char **argv) {
  if (argc != 3) {
    fputs("usage: native model.atome job.bin\n", stderr);
    return 2;
  }
  uint8_t *model = read_file(argv[1], &files.model_bytes);
  uint8_t *job = read_file(argv[2], &files.job_bytes);
  int readable = model && job;
  if (readable) {
    files.model = model;
    files.job = job;
    run_job();
  } else {
    fputs("cannot read the model or the job\n", stderr);
  }
  free(arena);
  free(job);
  free(model);
  return !readable;
}
