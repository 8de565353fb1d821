/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps: places with a name, where a test stops, kills or fails a process.
 *
 * What must survive a kill is tested by killing at exactly the place that
 * matters.  There are steps in builds for tests alone (VARIANT=steps, debug,
 * asan, tsan, cover); in any other both macros are nothing, and neither
 * their names nor the variable are in the binary.
 *
 * The environment variable DRAWBRIDGE_STEPS names a file with a line a step:
 *
 *   COUNT ACTION NAME      e.g.  1 kill rotate.batch
 *
 * COUNT is one digit: the step is taken when it has been reached so often,
 * by whichever process, and the digit is counted down in the file itself; 0
 * is over.  So a test sees in the file what was reached, a process that is
 * started again does not die again, and lines may be added at any time.
 *
 *   stop   SIGSTOP: the test looks about, kills, or goes on with SIGCONT
 *   kill   SIGKILL, as a power cut would
 *   spin   the thread turns for ever, as one with a bug in it would
 *   fail   step_fails() says true; it knows the others, too
 *
 * Names are "area.what": what has just been done.  Those there are:
 *
 *   keeper.begun        a keeper was started, and has opened nothing yet
 *   refresh.claimed     the intent is committed, and nothing was asked
 *   refresh.asked       the exchanger was asked
 *   refresh.answered    its answer is here, and nothing of it is stored
 *   refresh.stored      the new tokens are committed, and nobody has them
 *   refresh.given       who waited has them
 *   exchange.taken      the exchanger has a request, and has not sent it
 *   exchange.answered   the provider has answered, and nobody knows
 *   exchange.told       the keeper was told
 *   consent.begun       the state is stored, and nobody knows it
 *   consent.spent       the state is spent, and the code not yet sent
 *   consent.asked       the exchanger was asked
 *   consent.answered    its answer is here, and nothing of it is stored
 *   consent.stored      the grant is committed, and nobody was told
 *   consent.told        the front was; the former grant lives upstream
 *   credential.asked    the exchanger tests one that is to replace another
 *   credential.answered its answer is here, and nothing of it is stored
 *   credential.stored   a credential is committed, and nobody was told
 *   revoke.claimed      no refresh can begin; upstream was not asked
 *   revoke.asked        the exchanger was asked
 *   revoke.answered     its answer is here, and the grant still stored
 *   revoke.stored       the grant is gone here, and nobody was told
 *   withdraw.left       the keeper gives a user's grant to nobody; not noted
 *   user.left           the same, of a user who leaves alone
 *   withdraw.revoked    the keeper has revoked a user's grant; not noted yet
 *   withdraw.forgotten  all of an end are forgotten, and not yet audited
 *   bulk.noted          what is to be suspended or revoked, and none is begun
 *   bulk.marked         the keeper gives one to nobody; that is not yet noted
 *   front.injection     the keeper has answered a call that waits
 *   front.answered      that call's worker was told so
 *   front.spent         the callback's state is spent in the front's store
 *   front.granted       the keeper has the grant, the front's row not
 *   front.connected     the row has it, and the browser was not told
 *   rotate.begun        the next master key is noted, sealed; none rewrapped
 *   rotate.batch        a batch of data keys was rewrapped and committed
 *   rotate.rewrapped    all were; the next key is not yet the current one
 *   rotate.switched     it is; the files beside the database not yet
 *   rotate.data_key     a batch of owners was resealed under new data keys
 *   migrate.applied     a migration was run, and is not yet committed
 *   migrate.committed   it is, and the next not begun
 *   rotate.piece        a piece of a rotation is next (fail: it waits)
 *   backup.begun        the copies were asked for, and nobody has looked yet
 *   backup.copied       both copies are ready, and none of them open
 *   backup.part         a part of a backup is written now (fail: disk full)
 *   restore.checked     all was read and found good; nothing written yet
 *   restore.written     the new folder is whole, and not yet in its place
 *   restore.aside       the old folder was moved aside
 *   flow.call_noted     a conversation's call is noted, and not yet sent
 *   flow.call_done      its answer is there, and not yet stored
 *   flow.taken          it is stored, and nobody was told
 *   flow.begun          a conversation is stored, and nobody was told
 *   flow.answered       a visitor's answer is, and nobody was told
 *   events.look         a stream looks what is new (fail: no database)
 *   events.read         what is new is about to be sent
 *   api.created         a create is done, and its answer not kept or given
 *   upgrade.started     the new program was started, and is not ready yet
 */
#ifndef BASE_STEP_H
#define BASE_STEP_H

#include <stdbool.h>

#ifdef DRAWBRIDGE_STEPS
/* Opens the file; once at the start of a process, before its sandbox. */
void step_setup(void);
void step_reached(const char *name);
bool step_fails(const char *name);
/* Behind the version: nobody takes such a build for a release. */
#define STEP_VERSION "+steps"
#else
#define step_setup() ((void)0)
#define step_reached(name) ((void)(name))
#define step_fails(name) ((void)(name), false)
#define STEP_VERSION ""
#endif

#endif
