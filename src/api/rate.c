/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often somebody may ask: GCRA (ITU-T I.371) in a table of fixed size.
 * Two that share a place share a rate.  Addresses count as at sign-in: by
 * network, and not where everybody has the same.
 */
#include <stdio.h>

#include "api/api_priv.h"

bool
api_rate_allows(struct api_request *r, const char *kind, const char *who,
		int64_t per_minute, int64_t burst)
{
	int64_t step = 60000000 / per_minute, ahead = step * (burst - 1);
	int64_t now, tat, next;
	_Atomic int64_t *place;
	char net[PEOPLE_NETWORK_SIZE], key[PEOPLE_NETWORK_SIZE + 32];

	if (!people_address_is_one(who))
		return true;
	people_address_network(who, net, sizeof(net));
	snprintf(key, sizeof(key), "%s %s", kind, net);
	place = &r->api->rates[table_hash(slice_str(key)) % API_RATES];
	now = (int64_t)clock_mono_us();
	tat = atomic_load_explicit(place, memory_order_relaxed);
	do {
		next = tat > now ? tat : now;
		if (next - now > ahead) {
			api_retry_after(
				r,
				(unsigned)((next - now - ahead) / 1000000) + 1);
			api_problem(r, CONNECT_P_RATE_LIMITED, "Wait a little.",
				    "More than %lld in a minute.",
				    (long long)per_minute);
			return false;
		}
		next += step;
	} while (!atomic_compare_exchange_weak_explicit(
		place, &tat, next, memory_order_relaxed, memory_order_relaxed));
	return true;
}
