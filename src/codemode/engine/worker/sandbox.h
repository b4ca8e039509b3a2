// What a worker gives up for good before the first script.
#pragma once
#include "base.h"

namespace codemode {

// Enters the sandbox with the only thread that there is. Appends a line for each part: name, tab, "1" if it is in force,
// tab, note. `filter`: seccomp instructions, 8 bytes each; where one compares with kOwnProcess, this process is meant.
void enter_sandbox(const char* filter, size_t filter_size, Bytes& report);

constexpr uint32_t kOwnProcess = 0x7fffffff;

// What the process may use, told by the application when it takes the worker.
void watch_memory();  // before the sandbox: opens the one file that is needed later
void bound_memory(uint64_t bytes);
void work_arrives(uint64_t cells, uint64_t compute_ms);

}  // namespace codemode
