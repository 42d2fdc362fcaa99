#include "worker/webhooks/curl_facts.h"

#include <curl/curl.h>

namespace longhaul::worker::webhooks {

CurlFacts curl_facts() {
  const curl_version_info_data& info = *curl_version_info(CURLVERSION_NOW);
  CurlFacts facts{"libcurl " + std::string(info.version), {}};
  if (info.cainfo != nullptr) {
    facts.certificates = info.cainfo;
  } else if (info.capath != nullptr) {
    facts.certificates = info.capath;
  }
  return facts;
}

}  // namespace longhaul::worker::webhooks
