/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor: is this machine, and this data folder, fit for Drawbridge?
 *
 * A table of checks, each of which says ok, warn or fail, what it has seen,
 * and what to do.  Changes nothing, and sends nothing but one look-up of a
 * name.
 */
#include <errno.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <unistd.h>

#include "cli/doctor_priv.h"

enum {
	LOCKED_WANTED = 8 * 1024 * 1024,
	FILES_WANTED = 4096,
	TIMEOUT_MS = 10 * 1000,
};

static const struct cli_option doctor_options[] = {
	{ "name", CLI_VALUE, "HOST", "look this name up (example.com)" },
	{ NULL },
};

void
cli_finding_set(struct cli_finding *f, enum cli_result result,
		const char *advice, const char *fmt, ...)
{
	va_list ap;

	f->result = result;
	snprintf(f->advice, sizeof(f->advice), "%s", advice);
	va_start(ap, fmt);
	vsnprintf(f->detail, sizeof(f->detail), fmt, ap);
	va_end(ap);
}

/* ---- the machine ---- */

static void
check_locked(struct cli *c, struct cli_finding *f)
{
	struct secret *s = secret_new(32);
	bool locked = s && secret_memory_is_locked();
	struct rlimit r;

	(void)c;
	secret_free(s);
	if (getrlimit(RLIMIT_MEMLOCK, &r))
		r.rlim_cur = 0;
	if (!locked)
		cli_finding_set(f, CLI_RESULT_WARN,
				"raise it: LimitMEMLOCK=64M in the unit, or "
				"ulimit -l",
				"no memory can be locked: secrets may be "
				"swapped out");
	else if (r.rlim_cur != RLIM_INFINITY && r.rlim_cur < LOCKED_WANTED)
		cli_finding_set(f, CLI_RESULT_WARN,
				"raise it: LimitMEMLOCK=64M in the unit, or "
				"ulimit -l",
				"%llu KiB: enough for a few hundred "
				"credentials in use",
				(unsigned long long)r.rlim_cur / 1024);
	else
		cli_finding_set(f, CLI_RESULT_OK, "",
				"secrets stay out of swap");
}

static void
check_landlock(struct cli *c, struct cli_finding *f)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
			   LANDLOCK_CREATE_RULESET_VERSION);

	(void)c;
	if (abi >= 1)
		cli_finding_set(f, CLI_RESULT_OK, "",
				"the kernel has version %ld of it", abi);
	else
		cli_finding_set(f, CLI_RESULT_WARN,
				"Linux 5.13 or later with landlock in lsm=",
				"%s: roles are not kept from each other's "
				"files",
				errno == EOPNOTSUPP ? "it is switched off"
						    : "the kernel has none");
}

static void
check_seccomp(struct cli *c, struct cli_finding *f)
{
	(void)c;
	/* A filter that is nowhere: EFAULT where filters are known. */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) && errno == EFAULT)
		cli_finding_set(f, CLI_RESULT_OK, "",
				"roles can give system calls up");
	else
		cli_finding_set(f, CLI_RESULT_WARN,
				"a kernel with CONFIG_SECCOMP_FILTER",
				"the kernel has no filters: roles keep "
				"system calls that they do not need");
}

static void
check_files(struct cli *c, struct cli_finding *f)
{
	struct rlimit r;

	(void)c;
	if (getrlimit(RLIMIT_NOFILE, &r))
		r.rlim_max = 0;
	if (r.rlim_max < FILES_WANTED)
		cli_finding_set(f, CLI_RESULT_WARN,
				"LimitNOFILE=65536 in the unit, or ulimit -n",
				"%llu open files: about %llu callers at once",
				(unsigned long long)r.rlim_max,
				(unsigned long long)r.rlim_max / 2);
	else
		cli_finding_set(f, CLI_RESULT_OK, "", "%llu open files",
				(unsigned long long)r.rlim_max);
}

static void
check_time(struct cli *c, struct cli_finding *f)
{
	struct timex t = { 0 };
	char now[CLOCK_TEXT_SIZE];
	int state = adjtimex(&t);

	(void)c;
	clock_format(clock_wall_ms(), now);
	if (clock_wall_ms() < (int64_t)1735689600 * 1000) /* 2025 */
		cli_finding_set(f, CLI_RESULT_FAIL, "set the clock",
				"%s: tokens and certificates will look "
				"wrong",
				now);
	else if (state == TIME_ERROR)
		cli_finding_set(f, CLI_RESULT_WARN,
				"let chrony or systemd-timesyncd keep it",
				"%s, and nothing keeps it right", now);
	else
		cli_finding_set(f, CLI_RESULT_OK, "", "%s", now);
}

static void
check_anchors(struct cli *c, struct cli_finding *f)
{
	const char *file = getenv("SSL_CERT_FILE");
	const char *advice = "install ca-certificates, or name a file in "
			     "SSL_CERT_FILE or --ca-file";
	struct stat st;

	(void)c;
	if (!file || !file[0])
		file = X509_get_default_cert_file();
	if (!stat(file, &st) && st.st_size > 0)
		cli_finding_set(f, CLI_RESULT_OK, "", "%s", file);
	else if (!stat("/etc/ssl/certs/ca-certificates.crt", &st))
		cli_finding_set(f, CLI_RESULT_OK, "", "%s",
				"/etc/ssl/certs/ca-certificates.crt");
	else
		cli_finding_set(f, CLI_RESULT_FAIL, advice,
				"%s is not there: no service can be trusted",
				file);
}

/* ---- names ---- */

struct look {
	struct net_resolve resolve;
	struct loop_timer timer;
	struct loop *loop;
	int err;
};

static void
look_end(struct look *l, int err)
{
	l->err = err;
	loop_timer_cancel(&l->timer);
	loop_stop(l->loop);
}

static void
look_done(struct net_resolve *r, int err)
{
	look_end(CONTAINER_OF(r, struct look, resolve), err);
}

static void
look_timeout(struct loop_timer *t)
{
	struct look *l = CONTAINER_OF(t, struct look, timer);

	net_resolve_cancel(&l->resolve);
	look_end(l, ERR_TIMEOUT);
}

static int
name_look_up(const char *name, struct net_addr *out)
{
	struct look look = { .err = 0 };
	struct net_resolver resolver;
	struct loop_pool *pool = NULL;
	int rc = loop_new(&look.loop);

	if (!rc)
		rc = loop_pool_new(1, &pool);
	if (!rc) {
		net_resolver_begin(&resolver, look.loop, pool);
		rc = net_resolve_start(&look.resolve, &resolver, name, 443,
				       look_done);
	}
	if (!rc) {
		loop_timer_start(look.loop, &look.timer, TIMEOUT_MS,
				 look_timeout);
		loop_run(look.loop);
		rc = look.err;
		if (!rc)
			*out = look.resolve.addrs[0];
	}
	loop_pool_abandon(pool); /* the look-up may go on: its time is over */
	if (look.loop)
		loop_free(look.loop);
	return rc;
}

static void
check_names(struct cli *c, struct cli_finding *f)
{
	const char *name = cli_value(&c->args, "name");
	uint64_t begin = clock_mono_ms();
	struct net_addr addr;
	char text[NET_ADDR_TEXT];
	int rc = name_look_up(name ? name : "example.com", &addr);

	if (rc) {
		cli_finding_set(f, CLI_RESULT_WARN,
				"look at /etc/resolv.conf; behind a proxy "
				"this may be as it should",
				"%s: %s", name ? name : "example.com",
				err_text(rc));
		return;
	}
	net_addr_format_ip(&addr, text);
	cli_finding_set(f, CLI_RESULT_OK, "", "%s is %s, in %u ms",
			name ? name : "example.com", text,
			(unsigned)(clock_mono_ms() - begin));
}

/* ---- the server ---- */

static void
check_server(struct cli *c, struct cli_finding *f)
{
	struct cli_place place;
	struct cli_answer a;
	int rc;

	if (cli_place_find(c, &place)) {
		cli_finding_set(f, CLI_RESULT_FAIL, "see above",
				"which server is not clear");
		return;
	}
	if (place.local && cli_socket_check(place.socket)) {
		cli_finding_set(f, CLI_RESULT_WARN,
				"start it: drawbridge serve --data …",
				"none runs in %.200s", place.data);
		return;
	}
	rc = cli_request_quiet(c, "/readyz", &a);
	if (rc) {
		cli_finding_set(f, CLI_RESULT_FAIL, "its log has more",
				"%.200s is not ready",
				place.local ? place.data : place.url);
		return;
	}
	cli_answer_release(&a);
	cli_finding_set(f, CLI_RESULT_OK, "", "%.200s answers and is ready",
			place.local ? place.data : place.url);
}

/* ---- all of it ---- */

static const struct {
	const char *name;
	void (*check)(struct cli *c, struct cli_finding *f);
} checks[] = {
	{ "locked memory", check_locked },
	{ "landlock", check_landlock },
	{ "seccomp", check_seccomp },
	{ "open files", check_files },
	{ "time", check_time },
	{ "trust anchors", check_anchors },
	{ "names", check_names },
	{ "data folder", cli_check_folder },
	{ "file modes", cli_check_modes },
	{ "disk", cli_check_disk },
	{ "server", check_server },
};

static const char *const results[] = { "ok", "warn", "fail" };

static void
finding_show(const struct cli *c, const char *name, const struct cli_finding *f,
	     json_t *list)
{
	if (c->json)
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:s}", "check", name,
					"result", results[f->result], "detail",
					f->detail, "advice", f->advice));
	cli_say(c, "%-5s %-14s %s", results[f->result], name, f->detail);
	if (f->advice[0])
		cli_say(c, "      %-14s -> %s", "", f->advice);
}

static int
doctor_run(struct cli *c)
{
	json_t *list = json_array();
	struct cli_finding f;
	int rc = CLI_OK;
	size_t i;

	for (i = 0; i < ARRAY_LEN(checks); i++) {
		f = (struct cli_finding){ 0 };
		checks[i].check(c, &f);
		finding_show(c, checks[i].name, &f, list);
		if (f.result == CLI_RESULT_FAIL)
			rc = CLI_FAILED;
	}
	if (c->json) {
		list = json_pack("{s:b, s:o}", "fit", (int)!rc, "checks", list);
		json_dumpf(list, stdout, JSON_COMPACT);
		putchar('\n');
	}
	json_decref(list);
	return fflush(stdout) ? CLI_FAILED : rc;
}

const struct cli_command cli_doctor_commands[] = {
	{ "doctor", "", "is this machine fit for Drawbridge?",
	  "Lines begin with ok, warn or fail; a line with -> says what to do. "
	  "The exit code is\n1 when something fails.",
	  doctor_run, doctor_options },
	{ NULL },
};
