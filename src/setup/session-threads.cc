// Gives a graph threads of its own. Compiled into tfjs-node's addon, which loads all graphs with TensorFlow's default
// options, so that they share one pool of threads. If the environment variable TFJS_LORA_SESSION_THREADS is a number from
// 1 to 127 while a graph is loaded, the ops of the graph get a pool of that size, and the thread that calls the graph runs
// them. The linker makes the addon call __wrap_ instead of TensorFlow's function (option --wrap).
#include <dlfcn.h>
#include <tensorflow/c/c_api.h>

#include <cstdlib>

extern "C" {

TF_Session* __real_TF_LoadSessionFromSavedModel(const TF_SessionOptions* options, const TF_Buffer* run_options,
                                                const char* folder, const char* const* tags, int tag_count,
                                                TF_Graph* graph, TF_Buffer* meta_graph, TF_Status* status);

TF_Session* __wrap_TF_LoadSessionFromSavedModel(const TF_SessionOptions* options, const TF_Buffer* run_options,
                                                const char* folder, const char* const* tags, int tag_count,
                                                TF_Graph* graph, TF_Buffer* meta_graph, TF_Status* status) {
  const auto load = [&](const TF_SessionOptions* chosen) {
    return __real_TF_LoadSessionFromSavedModel(chosen, run_options, folder, tags, tag_count, graph, meta_graph, status);
  };
  const char* variable = getenv("TFJS_LORA_SESSION_THREADS");
  const int threads = variable ? atoi(variable) : 0;
  // Private in TensorFlow 2.21; another version may lack it.
  void* symbol = dlsym(RTLD_DEFAULT, "_ZN10tensorflow11LocalDevice22use_global_threadpool_E");
  if (threads < 1 || threads > 127 || !symbol) return load(options);
  // A ConfigProto: intra_op_parallelism_threads (2) as given, inter_op_parallelism_threads (5) -1.
  const unsigned char config[] = {2 << 3, static_cast<unsigned char>(threads),
                                  5 << 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1};
  TF_SessionOptions* own_threads = TF_NewSessionOptions();
  TF_SetConfig(own_threads, config, sizeof config, status);
  bool* use_shared_threads = static_cast<bool*>(symbol);
  *use_shared_threads = false;
  TF_Session* session = load(own_threads);
  *use_shared_threads = true;
  TF_DeleteSessionOptions(own_threads);
  return session;
}

}  // extern "C"
