#include "tests/bench/bare_posts.h"

#include <curl/curl.h>

#include <limits>
#include <memory>
#include <vector>

namespace longhaul::bench {
namespace {

struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, FreeEasy>;

std::size_t forget(char*, std::size_t size, std::size_t count, void*) { return size * count; }

Easy make_handle(const BarePosts& posts, curl_slist* headers) {
  Easy easy(curl_easy_init());
  curl_easy_setopt(easy.get(), CURLOPT_URL, posts.url.c_str());
  curl_easy_setopt(easy.get(), CURLOPT_PROXY, "");
  curl_easy_setopt(easy.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDS, posts.body.data());
  curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(posts.body.size()));
  curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, &forget);
  return easy;
}

bool was_taken(const CURLMsg& message) {
  long status = 0;
  curl_easy_getinfo(message.easy_handle, CURLINFO_RESPONSE_CODE, &status);
  return message.data.result == CURLE_OK && status >= 200 && status < 300;
}

}  // namespace

base::Result<void> send_bare_posts(const BarePosts& posts) {
  const std::unique_ptr<CURLM, FreeMulti> multi(curl_multi_init());
  const std::unique_ptr<curl_slist, FreeList> headers(curl_slist_append(nullptr, "Accept:"));
  for (const std::string& header : posts.headers) (void)curl_slist_append(headers.get(), header.c_str());
  std::vector<Easy> handles;  // they go before the multi handle that they are in
  std::uint64_t begun = 0;
  for (; begun < posts.in_flight && begun < posts.count; ++begun) {
    handles.push_back(make_handle(posts, headers.get()));
    curl_multi_add_handle(multi.get(), handles.back().get());
  }
  for (std::uint64_t ended = 0; ended < posts.count;) {
    int running = 0;
    curl_multi_perform(multi.get(), &running);
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      if (!was_taken(*message)) return base::fail("a bare POST was not taken");
      ++ended;
      CURL* const easy = message->easy_handle;
      curl_multi_remove_handle(multi.get(), easy);
      if (begun >= posts.count) continue;
      ++begun;
      curl_multi_add_handle(multi.get(), easy);
    }
    if (ended < posts.count)
      curl_multi_poll(multi.get(), nullptr, 0, std::numeric_limits<int>::max(), nullptr);
  }
  return {};
}

}  // namespace longhaul::bench
