// V8 in this process: loading and checking it, its snapshot, isolates and contexts.
#pragma once
#include "base.h"
#include "v8.h"

namespace codemode {

// Loads V8, which must happen before there are threads: it guards its code pages with memory protection keys, whose
// rights a thread inherits when it is made. Dies of a V8 that is not the one of v8.h.
void load_v8(const char* icu_data);

// Says on standard output what differs in the V8 that is here, and whatever its version. For `make engine-check`.
void report_differences(const char* icu_data);

// Runs the prelude, and a script of helpers that a user may see, and keeps what it has made; aborts or dies if it cannot. The process is of no other use afterwards.
v8::StartupData make_snapshot(const Bytes& prelude, const Bytes& visible);

// Isolates begin with this; it must live as long as they do.
void use_snapshot(v8::StartupData snapshot);

v8::Isolate* new_isolate();

// The context of a cell, entered, with the prelude in it; `entry` is its one function.
v8::Local<v8::Context> open_context(v8::Isolate*, v8::MicrotaskQueue*, v8::Local<v8::Function>* entry);

// Leaves nothing of an isolate that has been exited.
void dispose(v8::Isolate*, v8::MicrotaskQueue*);

// What is inline in V8's headers, and so stands in v8.h, against what is not. Dies of a difference. Inside a context.
void self_check(v8::Isolate*, v8::Local<v8::Context>);

v8::Local<v8::String> text(v8::Isolate*, const char* bytes, size_t size);

// Tasks of V8's own, which wait on the platform until somebody looks: finalizers, above all.
void run_platform_tasks(v8::Isolate*);

// The wall clock in whole milliseconds.
double real_time_ms();

// Monotonic, for telling how long ago something was.
double now_ms();

extern const char kV8Version[];

}  // namespace codemode
