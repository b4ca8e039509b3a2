// Threads with an isolate each, made ahead of the programs that run in them.
#pragma once
#include "cell.h"

namespace codemode {

// Runs the cell in an isolate that is ready, or in the next that will be; takes over one of its two uses.
void start(Cell*);

// Makes isolates ready. Returns when the first is made: what V8 reserves for all isolates it has reserved then.
void make_isolates_ready();

}  // namespace codemode
