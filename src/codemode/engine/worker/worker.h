// A worker: cells behind one socket.
#pragma once
#include "base.h"

namespace codemode {

struct Setup {
  Bytes zone, filter;
};

// Reads SETUP, and dies of another version of the protocol.
void read_setup(int fd, Setup&);

// Enters the sandbox and serves the socket until that ends.
[[noreturn]] void serve(int fd, const Setup&);

}  // namespace codemode
