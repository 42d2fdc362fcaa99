// How jemalloc is set, which the executable is linked with: it looks for this name (jemalloc(3), "TUNING"). Few arenas, for
// threads of ours allocate little each and what an idle arena has freed stays with it; and what was freed goes back to the
// system after a second.

extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "narenas:4,dirty_decay_ms:1000,muzzy_decay_ms:0";
}
