/* Output and exit by Arm's semihosting, which RISC-V shares. SPDX-License-Identifier: Apache-2.0
 *
 * Source: Arm "Semihosting for AArch32 and AArch64". SYS_WRITE0 would write to the emulator's standard error.
 */
#include "bare.h"

enum { SYS_OPEN = 0x01, SYS_WRITE = 0x05, SYS_EXIT_EXTENDED = 0x20 };
enum { OPEN_WRITE = 4, STOPPED_APPLICATION_EXIT = 0x20026 };

void machine_write(const char *text, uint32_t bytes) {
  static uint32_t handle;
  if (handle == 0) {
    static const char console[] = ":tt";
    static const uint32_t open[3] = {(uint32_t)console, OPEN_WRITE, sizeof console - 1};
    handle = semihost(SYS_OPEN, open);
  }
  const uint32_t write[3] = {handle, (uint32_t)text, bytes};
  semihost(SYS_WRITE, write);
}

void machine_exit(uint32_t code) {
  const uint32_t block[2] = {STOPPED_APPLICATION_EXIT, code};
  for (;;) semihost(SYS_EXIT_EXTENDED, block);
}
