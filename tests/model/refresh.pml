/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The refresh protocol (docs/design/refresh.md): two keepers on one database,
 * callers at each, a provider that rotates refresh tokens and ends the grant
 * when one is used twice, kills of a keeper anywhere, answers that are lost, a
 * refusal that is not believed at once, a person who connects anew.
 * tools/check-model runs it, as it is and with each of its safeguards left
 * out, which must be noticed:
 *
 *   SHORT_LEASE   a lease may end while its request is under way
 *   NO_FENCE      outcomes are written whatever the generation is now
 *   NO_INTENT     the claim does not leave a mark that outlives a kill
 *   NO_CARRY      a doubt ends with the next token
 *   USE_FIRST     the token is used before it is committed
 *
 * ROTATES=0 is a provider whose refresh tokens stay: it must lose nothing.
 *
 * Modelled: the row (generation, refresh token, claim, lease, doubt, status);
 * the claim as a compare-and-set; the request, which the provider may work on
 * at any time while it is under way or after whoever sent it has gone; the
 * commit through the fence; watching; restart, which frees the own lease.
 * Assumed: a request is over when its lease is, for whoever looks (clocks are
 * not modelled: a lease outlives its request by more than they may disagree),
 * and when the token that was got meanwhile expires in its turn.  Left out: failures that change nothing
 * but when the next try is (throttled, transient, misconfigured).
 *
 * Properties: assertions where they must hold, numbered as in refresh.md; no
 * invalid end state, so that every caller's wait ends; no cycle without an
 * answered caller (np_).
 */
#ifndef ROTATES
#define ROTATES 1
#endif
#define KEEPERS 2
#define CALLERS 2  /* at each, one after the other */
#define EXPIRIES 2 /* tokens that end */
#define KILLS 1	   /* of each keeper */
#define LOSSES 1   /* of answers */
#define CONSENTS 1
#define ODD 1 /* refusals in words that no rule knows: not believed at once */
#define NOBODY 9
#define NONE 0
#define REQUESTS 7

/* ---- the row ---- */

byte generation = 1;
byte family = 0; /* the refresh token: of which consent, which one */
byte serial = 1;
byte intent = NONE;
byte lease_by = NOBODY; /* who holds it; it has ended: NOBODY */
byte lease_of = NONE;	/* the request that it is for */
byte in_doubt = 0;	/* 2: this generation's; 1: the one's before */
bool lost = false;	/* needs_reconnect */
bool expired = false;

/* ---- the provider ---- */

byte current[2] = { 1, 0 };
bool ended[2];

/* ---- requests, by number from 1 ---- */

mtype = { unused, sent, worked, over };
mtype state_of[REQUESTS] = unused;
byte sender[REQUESTS], from[REQUESTS]; /* who, of which generation */
byte family_of[REQUESTS], serial_of[REQUESTS]; /* the token in it */
bool good[REQUESTS];			       /* the provider gave one */
byte requests = 0;

/* ---- counted, so that it ends ---- */

byte expiries = 0, kills[KEEPERS], losses = 0, consents = 0, odd = 0;
byte done = 0;
bool window = false; /* ghost: cut off between sending and commit */

#define UNDER_WAY(r) (state_of[r] == sent)
#define HELD (intent == generation && lease_by != NOBODY)
#define USABLE (!expired && !lost)

/* The provider works on a request; what it says is in good[]. */
inline work(r)
{
	good[r] = !ended[family_of[r]] &&
		  serial_of[r] == current[family_of[r]];
	if
	:: good[r] && ROTATES ->
		current[family_of[r]]++;
		serial_of[r] = current[family_of[r]]
	:: !good[r] && ROTATES -> ended[family_of[r]] = true
	:: else
	fi;
	state_of[r] = worked
}

/* Nobody hears of it any more: it is worked on later, or never. */
inline abandon(r)
{
	window = true;
	sender[r] = NOBODY
}

inline give_back()
{
	if
	:: lease_by == me -> lease_by = NOBODY
	:: else
	fi
}

/* ---- the world ---- */

active proctype world()
{
	byte r;
end:
	do
	:: d_step { requests >= 1 && UNDER_WAY(1) -> r = 1; work(r) }
	:: d_step { requests >= 2 && UNDER_WAY(2) -> r = 2; work(r) }
	:: d_step { requests >= 3 && UNDER_WAY(3) -> r = 3; work(r) }
	:: d_step { requests >= 4 && UNDER_WAY(4) -> r = 4; work(r) }
	:: d_step { requests >= 5 && UNDER_WAY(5) -> r = 5; work(r) }
	:: d_step { requests >= 6 && UNDER_WAY(6) -> r = 6; work(r) }
	/* the token ends: no request is so old that it is still under way */
	:: d_step { USABLE && expiries < EXPIRIES &&
		!UNDER_WAY(1) && !UNDER_WAY(2) && !UNDER_WAY(3) &&
		!UNDER_WAY(4) && !UNDER_WAY(5) && !UNDER_WAY(6) &&
		done < KEEPERS ->
		expired = true; expiries++ }
	/* a person connects anew: another family, in one commit */
	:: d_step { consents < CONSENTS && done < KEEPERS ->
		consents++; family = 1; serial = 1; current[1] = 1;
		generation++; intent = NONE; lease_by = NOBODY; in_doubt = 0;
		lost = false; expired = false }
#ifdef SHORT_LEASE
	:: d_step { lease_by != NOBODY -> lease_by = NOBODY }
#endif
	od
}

/* ---- a keeper ---- */

active [KEEPERS] proctype keeper()
{
	byte me = _pid - 1; /* the world is 0 */
	byte caller = 0, mine, r;

look:
	if
	:: caller == CALLERS -> goto finished
	:: caller < CALLERS && (USABLE || lost) -> goto answered
	:: caller < CALLERS && expired && !lost && HELD -> goto watch
	:: caller < CALLERS && expired && !lost && !HELD
	fi;

	/* the claim: a compare-and-set, durable; and the number of the
	 * request that it is for */
	d_step {
		if
		:: expired && !lost && !HELD ->
			if
			:: intent == generation -> in_doubt = 2
			:: else
			fi;
#ifndef NO_INTENT
			intent = generation;
#endif
			lease_by = me;
			mine = generation;
			requests++;
			assert(requests < REQUESTS);
			r = requests;
			lease_of = r;
			sender[r] = me;
			from[r] = generation;
			family_of[r] = family;
			serial_of[r] = serial
		:: else -> mine = NONE
		fi
	}
	if
	:: mine == NONE -> goto look
	:: else
	fi;
	if
	:: atomic { kills[me] < KILLS -> kills[me]++; give_back();
		sender[r] = NOBODY; goto answered } /* nothing was sent */
	:: true
	fi;

	d_step {
		state_of[r] = sent;
		/* 1: of one generation, one request at most has somebody who
		 * would believe its answer */
#ifndef SHORT_LEASE
		assert(from[r] != generation || lease_by == me);
#endif
		assert(r == 1 || sender[1] == NOBODY || from[1] != mine ||
		       state_of[1] == over);
		assert(r == 2 || sender[2] == NOBODY || from[2] != mine ||
		       state_of[2] == over || state_of[2] == unused);
		assert(r == 3 || sender[3] == NOBODY || from[3] != mine ||
		       state_of[3] == over || state_of[3] == unused);
		assert(r == 4 || sender[4] == NOBODY || from[4] != mine ||
		       state_of[4] == over || state_of[4] == unused);
		assert(r == 5 || sender[5] == NOBODY || from[5] != mine ||
		       state_of[5] == over || state_of[5] == unused)
	}

	if
	:: state_of[r] == worked /* and the answer has come */
	:: atomic { losses < LOSSES -> losses++; abandon(r); give_back();
		goto answered }
	:: atomic { kills[me] < KILLS -> kills[me]++; abandon(r); give_back();
		goto answered }
	fi;
	if
	:: atomic { kills[me] < KILLS -> kills[me]++; abandon(r); give_back();
		goto answered }
	:: true
	fi;

#ifdef USE_FIRST
	/* 2: what is used is committed */
	assert(!good[r] || (family == family_of[r] && serial == serial_of[r]));
#endif

	/* the outcome, through the fence */
	d_step {
		state_of[r] = over;
		sender[r] = NOBODY;
		if
#ifndef NO_FENCE
		:: generation != mine || lost -> skip /* dropped */
#endif
		:: else ->
			/* 3: an outcome is written over the generation that
			 * it was made from */
			assert(generation == mine);
			if
			:: good[r] ->
				generation++;
				serial = serial_of[r];
				expired = false;
#ifdef NO_CARRY
				in_doubt = 0
#else
				in_doubt = in_doubt >> 1
#endif
			/* in words that no rule knows: once more */
			:: !good[r] && odd < ODD -> odd++
			:: !good[r] ->
				/* 4: a grant is lost by a cut in the window
				 * alone, with a provider that rotates, and is
				 * then counted as in doubt */
				assert(ROTATES && window && in_doubt > 0);
				lost = true
			fi;
			intent = NONE;
			lease_by = NOBODY
		fi
	}
	goto look;

watch:
	/* until the generation has moved on, the claim is given back, or the
	 * lease is over: it outlives its request */
	if
	:: !HELD || !expired || lost
	fi;
	goto look;

answered:
progress:
	caller++;
	goto look;

finished:
	done++
}
