/* A plugin of QEMU's code generator that counts how often each straight run of instructions is executed, and how often it is
 * left by a jump. SPDX-License-Identifier: Apache-2.0
 *
 *     -plugin profiler.so,out=blocks.txt,flash=134217728,bytes=131072
 *
 * writes a line "address instructions executed left reads" per translated block, the address in hexadecimal; `reads` counts the
 * loads from `bytes` bytes of memory at the address `flash`. A block may be translated, and so listed, more than once: the counts add up.
 *
 * Source: QEMU documentation, "QEMU TCG Plugins", version 1 of the interface (QEMU 4.2 to 8.2). Its header is not installed with
 * the emulator, so what is used of it is declared here.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t plugin_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

enum { NO_REGISTERS = 0, ANY_ACCESS = 3 }; /* QEMU_PLUGIN_CB_NO_REGS; QEMU_PLUGIN_MEM_RW: QEMU 7.2 takes writes for reads */

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_t id, void (*call)(plugin_t id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, void (*call)(unsigned cpu, void *data), int flags, void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn, void (*call)(unsigned cpu, uint32_t info, uint64_t address, void *data), int flags, int access, void *data);
void qemu_plugin_register_atexit_cb(plugin_t id, void (*call)(plugin_t id, void *data), void *data);
_Bool qemu_plugin_mem_is_store(uint32_t info);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);

#define EXPORT __attribute__((visibility("default")))
EXPORT extern int qemu_plugin_version;
EXPORT int qemu_plugin_install(plugin_t id, const void *info, int argc, char **argv);
int qemu_plugin_version = 1;

typedef struct block block_t;
struct block {
  uint64_t start, end, instructions, executed, left, reads;
  block_t *next;
};

static block_t *blocks, *last;
static uint64_t flash, flash_bytes;
static const char *out = "blocks.txt";

static void on_execution(unsigned cpu, void *data) {
  block_t *block = data;
  (void)cpu;
  if (last && last->end != block->start) last->left++;
  block->executed++;
  last = block;
}

static void on_access(unsigned cpu, uint32_t info, uint64_t address, void *data) {
  block_t *block = data;
  (void)cpu;
  if (address - flash < flash_bytes && !qemu_plugin_mem_is_store(info)) block->reads++;
}

static void on_translation(plugin_t id, struct qemu_plugin_tb *tb) {
  block_t *block = calloc(1, sizeof *block);
  (void)id;
  if (!block) abort();
  block->instructions = qemu_plugin_tb_n_insns(tb);
  for (size_t i = 0; i < block->instructions; i++) {
    struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
    if (i == 0) block->start = qemu_plugin_insn_vaddr(insn);
    block->end = qemu_plugin_insn_vaddr(insn) + qemu_plugin_insn_size(insn);
    qemu_plugin_register_vcpu_mem_cb(insn, on_access, NO_REGISTERS, ANY_ACCESS, block);
  }
  block->next = blocks;
  blocks = block;
  qemu_plugin_register_vcpu_tb_exec_cb(tb, on_execution, NO_REGISTERS, block);
}

static void on_exit(plugin_t id, void *data) {
  FILE *file = fopen(out, "w");
  (void)id;
  (void)data;
  if (!file) abort();
  for (const block_t *block = blocks; block; block = block->next)
    if (block->executed)
      fprintf(file, "%llx %llu %llu %llu %llu\n", (unsigned long long)block->start, (unsigned long long)block->instructions,
              (unsigned long long)block->executed, (unsigned long long)block->left, (unsigned long long)block->reads);
  if (fclose(file) != 0) abort();
}

int qemu_plugin_install(plugin_t id, const void *info, int argc, char **argv) {
  (void)info;
  for (int i = 0; i < argc; i++) {
    if (strncmp(argv[i], "out=", 4) == 0) out = strdup(argv[i] + 4);
    if (strncmp(argv[i], "flash=", 6) == 0) flash = strtoull(argv[i] + 6, NULL, 0);
    if (strncmp(argv[i], "bytes=", 6) == 0) flash_bytes = strtoull(argv[i] + 6, NULL, 0);
  }
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
  qemu_plugin_register_atexit_cb(id, on_exit, NULL);
  return 0;
}
