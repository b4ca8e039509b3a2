// Loads V8's library and the worker's, in this order, and gives the command line to the latter.
//
// The worker is a library of its own because only so every symbol that V8 lacks is one error, and because it then needs no
// path to V8's library, which lies in another package.
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char** argv) {
  if (argc < 4 || !dlopen(argv[1], RTLD_LAZY | RTLD_GLOBAL)) {
    fprintf(stderr, "V8 cannot be loaded: %s\n", argc < 4 ? "no arguments" : dlerror());
    return 70;
  }
  void* worker = dlopen(argv[2], RTLD_NOW);
  void* entry = worker ? dlsym(worker, "codemode_main") : nullptr;
  if (!entry) {
    fprintf(stderr, "the worker does not fit the installed mini-racer: %s\n", dlerror());
    return 70;
  }
  return reinterpret_cast<int (*)(int, char**)>(entry)(argc, argv);
}
