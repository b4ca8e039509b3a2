// The part of V8 14.4's C++ interface that the worker uses, declared by hand: names, signatures and six layouts.
//
// libmini_racer.so exports the whole interface but brings no headers, and no package has those of this version. What is
// out of line is found by its mangled name when the library is loaded: a name that is missing is an error then, before
// any script. What V8's own headers do inline stands here, and `self_check` (engine.cc) proves it against V8 at start:
// HandleScope, FunctionCallbackInfo, CreateParams, ScriptCompiler::Source, TryCatch, HeapStatistics.
//
// Types of the standard library in V8's signatures are declared as what they are in registers, by mangled name. That
// rests on V8's own library (std::__Cr), whose unique_ptr is passed as a pointer.
#pragma once
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)
namespace v8 {
namespace internal {
using Address = uintptr_t;
class Isolate;
}  // namespace internal
class Array; class Context; class Data; class ExtensionConfiguration; class FixedArray; class Function; class Isolate;
class Module; class Object; class ObjectTemplate; class Platform; class Promise; class ScriptOrigin; class String;
class Value;

// A pointer to a slot that the collector knows; passed in a register.
template <class T>
class Local {
 public:
  Local() : slot_(nullptr) {}
  template <class S>
  Local(Local<S> that) : slot_(reinterpret_cast<T*>(*that)) {}
  explicit Local(internal::Address* slot) : slot_(reinterpret_cast<T*>(slot)) {}
  T* operator->() const { return slot_; }
  T* operator*() const { return slot_; }
  bool IsEmpty() const { return !slot_; }
  template <class S>
  Local<S> As() const { return Local<S>(reinterpret_cast<internal::Address*>(slot_)); }
  internal::Address* slot() const { return reinterpret_cast<internal::Address*>(slot_); }

 private:
  T* slot_;
};

template <class T>
class MaybeLocal {
 public:
  MaybeLocal() {}
  template <class S>
  MaybeLocal(Local<S> that) : local_(that) {}
  bool To(Local<T>* out) const {
    *out = local_;
    return !local_.IsEmpty();
  }
  bool IsEmpty() const { return local_.IsEmpty(); }
  Local<T> Get() const { return local_; }

 private:
  Local<T> local_;
};

template <class T>
struct Maybe {
  bool has;
  T value;
};

constexpr size_t kHandleScopeData = 0x230;  // of an Isolate

class HandleScope {
 public:
  struct Data {
    internal::Address *next, *limit;
    int level, sealed;
  };
  static Data* of(Isolate* isolate) {
    return reinterpret_cast<Data*>(reinterpret_cast<char*>(isolate) + kHandleScopeData);
  }
  explicit HandleScope(Isolate* isolate) : isolate_(isolate), next_(of(isolate)->next), limit_(of(isolate)->limit) {
    of(isolate)->level++;
  }
  ~HandleScope() {
    Data* data = of(isolate_);
    data->next = next_;
    data->level--;
    if (data->limit == limit_) return;
    data->limit = limit_;
    DeleteExtensions(isolate_);
  }
  HandleScope(const HandleScope&) = delete;
  HandleScope& operator=(const HandleScope&) = delete;
  void DeleteExtensions(Isolate*);

 private:
  Isolate* isolate_;
  internal::Address *next_, *limit_;
};

// Out of line in V8: what HandleScope is proved against.
class EscapableHandleScopeBase {
 public:
  explicit EscapableHandleScopeBase(Isolate*);
  Isolate* isolate;
  internal::Address *next, *limit, *escape;
};

class Data {};
namespace api_internal {
Local<Value> GetFunctionTemplateData(Isolate*, Local<Data>);
}

template <class T>
class FunctionCallbackInfo {  // of 14.1 to 14.4
 public:
  int Length() const { return static_cast<int>(length_); }
  Isolate* GetIsolate() const { return reinterpret_cast<Isolate*>(implicit_[1]); }
  Local<Value> operator[](int index) const { return Local<Value>(values_ + index); }
  Local<Value> GetData() const {
    return api_internal::GetFunctionTemplateData(GetIsolate(), Local<Data>(implicit_ + 4));
  }
  void Return(Local<Value> value) const { implicit_[3] = *value.slot(); }

 private:
  internal::Address *implicit_, *values_, length_;
};
using FunctionCallback = void (*)(const FunctionCallbackInfo<Value>&);

enum class ConstructorBehavior { kThrow, kAllow };
enum class SideEffectType { kHasSideEffect, kHasNoSideEffect, kHasSideEffectToReceiver };
enum class NewStringType { kNormal, kInternalized };
enum class MicrotasksPolicy { kExplicit, kScoped, kAuto };
enum GCType { kGCTypeScavenge = 1, kGCTypeMarkSweepCompact = 4 };
enum GCCallbackFlags { kNoGCCallbackFlags = 0 };

struct StartupData {
  const char* data;
  int raw_size;
};

class ArrayBuffer {
 public:
  class Allocator {
   public:
    static Allocator* NewDefaultAllocator();
  };
};

struct ResourceConstraints {
  size_t code_range = 0, max_old = 0, max_young = 0, initial_old = 0, initial_young = 0;
  uint64_t physical = 0;
  uint32_t* stack_limit = nullptr;
};

class HeapStatistics {
 public:
  HeapStatistics();
  size_t total, total_executable, total_physical, total_available, used, limit, more[9];
};
static_assert(sizeof(HeapStatistics) == 120);

class MicrotaskQueue;
using NearHeapLimitCallback = size_t (*)(void* data, size_t current, size_t initial);
using GCCallbackWithData = void (*)(Isolate*, GCType, GCCallbackFlags, void* data);
using HostImportModuleDynamicallyCallback =
    MaybeLocal<Promise> (*)(Local<Context>, Local<Data>, Local<Value>, Local<String>, Local<FixedArray>);

class Isolate {
 public:
  struct CreateParams {  // made and unmade by V8's own functions
    CreateParams();
    ~CreateParams();
    void* code_event_handler;
    ResourceConstraints constraints;
    const StartupData* snapshot_blob;
    void* counters[3];
    ArrayBuffer::Allocator* array_buffer_allocator;
    void* shared_allocator[2];
    const intptr_t* external_references;
    bool allow_atomics_wait;
    void *fatal, *out_of_memory, *cpp_heap;
  };
  static Isolate* New(const CreateParams&);
  static Isolate* GetCurrent();
  void Enter();
  void Exit();
  void Dispose();
  void SetMicrotasksPolicy(MicrotasksPolicy);
  void TerminateExecution();
  bool IsExecutionTerminating();
  void AddNearHeapLimitCallback(NearHeapLimitCallback, void*);
  void AddGCEpilogueCallback(GCCallbackWithData, void*, GCType);
  void SetHostImportModuleDynamicallyCallback(HostImportModuleDynamicallyCallback);
  Local<Value> ThrowException(Local<Value>);
  void GetHeapStatistics(HeapStatistics*);
  Local<Context> GetCurrentContext();
};
static_assert(sizeof(Isolate::CreateParams) == 0xa0);

class Value : public Data {
 public:
  MaybeLocal<String> ToString(Local<Context>) const;
  bool BooleanValue(Isolate*) const;
  bool FullIsString() const;
  bool IsFunction() const;
};
class Integer : public Value {
 public:
  static Local<Integer> New(Isolate*, int32_t);
  static Local<Integer> NewFromUnsigned(Isolate*, uint32_t);
  int64_t Value() const;
};
class Number : public Value {
 public:
  double Value() const;
};
class String : public Value {
 public:
  enum WriteFlags { kReplaceInvalidUtf8 = 2 };
  static MaybeLocal<String> NewFromUtf8(Isolate*, const char*, NewStringType, int);
  int Length() const;
  bool IsOneByte() const;
  void WriteOneByteV2(Isolate*, uint32_t from, uint32_t count, uint8_t* to, int flags) const;
  void WriteV2(Isolate*, uint32_t from, uint32_t count, uint16_t* to, int flags) const;
  size_t Utf8LengthV2(Isolate*) const;
  size_t WriteUtf8V2(Isolate*, char*, size_t, int flags, size_t* processed) const;
};
class Object : public Value {
 public:
  static Local<Object> New(Isolate*);
  Maybe<bool> Set(Local<Context>, Local<Value>, Local<Value>);
  MaybeLocal<Value> Get(Local<Context>, Local<Value>);
  Maybe<bool> Delete(Local<Context>, Local<Value>);
};
class Function : public Object {
 public:
  static MaybeLocal<Function> New(
      Local<Context>, FunctionCallback, Local<Data>, int length, ConstructorBehavior, SideEffectType);
  MaybeLocal<Value> Call(Isolate*, Local<Context>, Local<Value>, int, Local<Value>*);
  void SetName(Local<String>);
};
class JSON {
 public:
  static MaybeLocal<String> Stringify(Local<Context>, Local<Value>, Local<String> gap);
};
class Promise : public Object {
 public:
  class Resolver {
   public:
    static MaybeLocal<Resolver> New(Local<Context>);
    Local<Promise> GetPromise();
    Maybe<bool> Reject(Local<Context>, Local<Value>);
  };
};

struct DeserializeInternalFieldsCallback { void (*callback)(); void* data; };
struct DeserializeContextDataCallback { void (*callback)(); void* data; };
struct DeserializeAPIWrapperCallback { void (*callback)(); void* data; };
struct SerializeInternalFieldsCallback { void (*callback)(); void* data; };
struct SerializeContextDataCallback { void (*callback)(); void* data; };
struct SerializeAPIWrapperCallback { void (*callback)(); void* data; };

class Context : public Data {
 public:
  static Local<Context> New(
      Isolate*, ExtensionConfiguration*, MaybeLocal<ObjectTemplate>, MaybeLocal<Value>,
      DeserializeInternalFieldsCallback, MicrotaskQueue*, DeserializeContextDataCallback,
      DeserializeAPIWrapperCallback);
  Local<Object> Global();
  void Enter();
  void Exit();
};

class Message {
 public:
  Maybe<int> GetLineNumber(Local<Context>) const;  // from 1
  int GetStartColumn() const;                      // from 0; -1 where V8 does not know it
};

class TryCatch {
 public:
  explicit TryCatch(Isolate*);
  ~TryCatch();
  bool HasCaught() const;
  bool HasTerminated() const;
  Local<Value> Exception() const;
  Local<v8::Message> Message() const;

 private:
  void* words_[6];
};

struct Location {
  int line, column;  // from 0
};
class StackFrame {
 public:
  Location GetLocation() const;
};
class StackTrace {
 public:
  enum StackTraceOptions { kLineAndColumn = 3 };
  static Local<StackTrace> CurrentStackTrace(Isolate*, int limit, StackTraceOptions);
  int GetFrameCount() const;
  Local<StackFrame> GetFrame(Isolate*, uint32_t) const;
};

class Script {
 public:
  static MaybeLocal<Script> Compile(Local<Context>, Local<String>, ScriptOrigin*);
  MaybeLocal<Value> Run(Local<Context>);
};
class UnboundScript {
 public:
  Local<Script> BindToCurrentContext();
};
class Module : public Data {
 public:
  using ResolveModuleCallback = MaybeLocal<Module> (*)(Local<Context>, Local<String>, Local<FixedArray>, Local<Module>);
  using ResolveSourceCallback = MaybeLocal<Object> (*)(Local<Context>, Local<String>, Local<FixedArray>, Local<Module>);
  Maybe<bool> InstantiateModule(Local<Context>, ResolveModuleCallback, ResolveSourceCallback);
  MaybeLocal<Value> Evaluate(Local<Context>);
};
class ScriptCompiler {
 public:
  struct Source {
    Local<String> source;
    Local<Value> name;
    int line = 0, column = 0, options = 0;
    Local<Value> source_map;
    Local<Data> host_defined;
    void *cached = nullptr, *consume = nullptr, *hint = nullptr, *hint_data = nullptr;
    int64_t details[3] = {0, 0, 0};
  };
  static constexpr int kModule = 8;  // of the options
  enum CompileOptions { kNoCompileOptions };
  enum NoCacheReason { kNoCacheNoReason };
  static MaybeLocal<Module> CompileModule(Isolate*, Source*, CompileOptions, NoCacheReason);
};
static_assert(sizeof(ScriptCompiler::Source) == 104);

class SnapshotCreator {
 public:
  enum class FunctionCodeHandling { kClear, kKeep };
  explicit SnapshotCreator(const Isolate::CreateParams&);
  ~SnapshotCreator();
  Isolate* GetIsolate();
  StartupData CreateBlob(FunctionCodeHandling);
  void SetDefaultContext(
      Local<Context>, SerializeInternalFieldsCallback, SerializeContextDataCallback, SerializeAPIWrapperCallback);

 private:
  void* impl_;
};

class V8 {
 public:
  static void SetFlagsFromString(const char*);
  static bool InitializeICU(const char*);
  static void InitializePlatform(Platform*);
  static bool Initialize(int build_config);
  static const char* GetVersion();
  static void SetEntropySource(bool (*)(unsigned char*, size_t));
};

namespace platform {
enum class MessageLoopBehavior : bool { kDoNotWait, kWaitForWork };
bool PumpMessageLoop(Platform*, Isolate*, MessageLoopBehavior);
void NotifyIsolateShutdown(Platform*, Isolate*);
}  // namespace platform
namespace base {
class RandomNumberGenerator {
 public:
  void SetSeed(int64_t);
};
}  // namespace base
namespace internal {
class Isolate {
 public:
  base::RandomNumberGenerator* random_number_generator();
};
}  // namespace internal
}  // namespace v8

// By mangled name: virtual functions called directly, internal ones, and signatures with types of std::__Cr.
#ifdef __APPLE__
#define V8_NAME(name) __asm__("_" name)
#else
#define V8_NAME(name) __asm__(name)
#endif
extern "C" {
v8::Platform* v8_new_single_threaded_platform(int idle_tasks, int stack_dumping, void* tracing) V8_NAME(
    "_ZN2v88platform32NewSingleThreadedDefaultPlatformENS0_15IdleTaskSupportENS0_21InProcessStackDumpingENSt4__Cr10"
    "unique_ptrINS_17TracingControllerENS3_14default_deleteIS5_EEEE");
void* v8_compile_script(
    v8::Isolate*, void* source, const void* script_details, int options, int no_cache_reason, int natives_flag,
    void* compilation_details) V8_NAME(
    "_ZN2v88internal8Compiler30GetSharedFunctionInfoForScriptEPNS0_7IsolateENS0_6HandleINS0_6StringEEERKNS0_13ScriptDetails"
    "ENS_14ScriptCompiler14CompileOptionsENSA_13NoCacheReasonENS0_11NativesFlagEPNSA_18CompilationDetailsE");
v8::MicrotaskQueue* v8_new_microtask_queue(v8::Isolate*, v8::MicrotasksPolicy) V8_NAME(
    "_ZN2v814MicrotaskQueue3NewEPNS_7IsolateENS_16MicrotasksPolicyE");
void v8_delete_microtask_queue(v8::MicrotaskQueue*) V8_NAME("_ZN2v88internal14MicrotaskQueueD0Ev");
int v8_run_microtasks(v8::MicrotaskQueue*, v8::Isolate*) V8_NAME(
    "_ZN2v88internal14MicrotaskQueue13RunMicrotasksEPNS0_7IsolateE");
void v8_perform_checkpoint(v8::MicrotaskQueue*, v8::Isolate*) V8_NAME(
    "_ZN2v88internal14MicrotaskQueue25PerformCheckpointInternalEPNS_7IsolateE");
double v8_current_clock_time(void* platform) V8_NAME("_ZN2v88platform15DefaultPlatform22CurrentClockTimeMillisEv");
extern void* const v8_platform_table[22] V8_NAME("_ZTVN2v88platform15DefaultPlatformE");
}
#pragma GCC visibility pop
