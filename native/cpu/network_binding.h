// The networks beside Whisper (network/), for the addon.
#pragma once

#include <napi.h>

/** loadNetwork(description, weights, level), runNetwork(network, inputs), freeNetwork(network) */
void add_network_functions(Napi::Object exports);
