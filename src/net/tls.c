/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS contexts and handshakes (OpenSSL 3).
 *
 * Clients verify chain and host name, always; there is no switch against it.
 * Sessions are kept by "host:port" in a small table under a lock that is
 * taken only around handshakes: a resumed handshake costs less than half of
 * a full one.
 */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/net_priv.h"

enum { SESSIONS_MAX = 1024 };

struct net_tls {
	SSL_CTX *ctx;
	pthread_mutex_t mutex;
	struct table *sessions; /* key -> SSL_SESSION */
};

static int ex_key = -1; /* SSL ex_data: the session key (owned string) */
static pthread_once_t ex_once = PTHREAD_ONCE_INIT;

static void
tls_free_key(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl,
	     void *argp)
{
	(void)parent, (void)ad, (void)idx, (void)argl, (void)argp;
	free(ptr);
}

static void
tls_make_ex_key(void)
{
	ex_key = SSL_get_ex_new_index(0, NULL, NULL, NULL, tls_free_key);
}

/* OpenSSL has a new session: it is ours to keep when 1 is returned. */
static int
tls_new_session(SSL *ssl, SSL_SESSION *session)
{
	struct net_tls *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	const char *key = SSL_get_ex_data(ssl, ex_key);
	struct slice found;
	void *old = NULL;
	size_t cursor = 0;
	int kept;

	if (!key)
		return 0;
	pthread_mutex_lock(&t->mutex);
	if (table_count(t->sessions) >= SESSIONS_MAX &&
	    table_next(t->sessions, &cursor, &found, &old)) {
		table_remove(t->sessions, found);
		SSL_SESSION_free(old);
		old = NULL;
	}
	kept = !table_set(t->sessions, slice_str(key), session, &old);
	pthread_mutex_unlock(&t->mutex);
	SSL_SESSION_free(old);
	return kept;
}

static SSL_SESSION *
tls_take_session(struct net_tls *t, const char *key)
{
	SSL_SESSION *session;

	pthread_mutex_lock(&t->mutex);
	session = table_get(t->sessions, slice_str(key));
	if (session)
		SSL_SESSION_up_ref(session);
	pthread_mutex_unlock(&t->mutex);
	return session;
}

static int
tls_new(const SSL_METHOD *method, struct net_tls **out)
{
	struct net_tls *t;

	*out = NULL;
	pthread_once(&ex_once, tls_make_ex_key);
	t = calloc(1, sizeof(*t));
	if (!t)
		return ERR_NOMEM;
	pthread_mutex_init(&t->mutex, NULL);
	t->sessions = table_new();
	t->ctx = SSL_CTX_new(method);
	if (!t->ctx || !t->sessions) {
		net_tls_free(t);
		return ERR_NOMEM;
	}
	SSL_CTX_set_app_data(t->ctx, t);
	SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(t->ctx,
			    SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_mode(t->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
					 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					 SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(t->ctx, 1);
	*out = t;
	return 0;
}

static int
tls_identity(struct net_tls *t, const char *cert, const char *key)
{
	if (!cert)
		return 0;
	if (SSL_CTX_use_certificate_chain_file(t->ctx, cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(t->ctx, key ? key : cert,
					SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(t->ctx) != 1)
		return ERR_TLS;
	return 0;
}

/* A client that trusts nobody yet. */
static int
tls_client_new(struct net_tls **out)
{
	struct net_tls *t;
	int rc;

	rc = tls_new(TLS_client_method(), out);
	if (rc)
		return rc;
	t = *out;
	SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_alpn_protos(t->ctx, (const unsigned char *)"\x08http/1.1",
				9);
	SSL_CTX_set_session_cache_mode(
		t->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(t->ctx, tls_new_session);
	return 0;
}

int
net_tls_client_new(const char *ca_file, const char *cert_file,
		   const char *key_file, struct net_tls **out)
{
	struct net_tls *t;
	int rc;

	rc = tls_client_new(out);
	if (rc)
		return rc;
	t = *out;
	SSL_CTX_set_default_verify_paths(t->ctx);
	if ((ca_file &&
	     SSL_CTX_load_verify_locations(t->ctx, ca_file, NULL) != 1) ||
	    tls_identity(t, cert_file, key_file)) {
		ERR_clear_error();
		net_tls_free(t);
		*out = NULL;
		return ERR_TLS;
	}
	ERR_clear_error();
	return 0;
}

/* Each of them, into the context's store, which takes references of its own. */
static int
tls_add_anchors(struct net_tls *t, struct slice anchors)
{
	X509_STORE *store = SSL_CTX_get_cert_store(t->ctx);
	unsigned count = 0;
	struct slice body;
	X509 *x;
	int rc, added;

	while ((rc = net_anchors_next(&anchors, &body)) == 1) {
		x = net_anchor_read(body);
		added = x && X509_STORE_add_cert(store, x);
		X509_free(x);
		if (!added || ++count > NET_ANCHORS_MAX)
			return ERR_TLS;
	}
	return rc || !count ? ERR_TLS : 0;
}

int
net_tls_client_of(struct slice anchors, struct net_tls **out)
{
	int rc = tls_client_new(out);

	if (rc)
		return rc;
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param((*out)->ctx),
				    X509_V_FLAG_PARTIAL_CHAIN);
	rc = tls_add_anchors(*out, anchors);
	ERR_clear_error();
	if (rc) {
		net_tls_free(*out);
		*out = NULL;
	}
	return rc;
}

int
net_tls_server_new(const char *cert_file, const char *key_file,
		   struct net_tls **out)
{
	int rc;

	rc = tls_new(TLS_server_method(), out);
	if (rc)
		return rc;
	rc = tls_identity(*out, cert_file, key_file);
	if (rc) {
		ERR_clear_error();
		net_tls_free(*out);
		*out = NULL;
	}
	return rc;
}

void
net_tls_free(struct net_tls *t)
{
	struct slice key;
	size_t cursor = 0;
	void *session;

	if (!t)
		return;
	if (t->sessions) {
		while (table_next(t->sessions, &cursor, &key, &session))
			SSL_SESSION_free(session);
		table_free(t->sessions);
	}
	SSL_CTX_free(t->ctx);
	pthread_mutex_destroy(&t->mutex);
	free(t);
}

int
net_tls_accept(struct net_stream *s, struct net_tls *tls)
{
	s->tls = tls;
	s->ssl = SSL_new(tls->ctx);
	if (!s->ssl || SSL_set_fd(s->ssl, s->fd) != 1) {
		net_stream_close(s);
		return ERR_NOMEM;
	}
	SSL_set_accept_state(s->ssl);
	return 0;
}

/* Verification for a name, or for an address where the host is one. */
static int
tls_expect_host(SSL *ssl, const char *host)
{
	char ip[64];
	size_t len = strlen(host);
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	struct net_addr addr;

	if (host[0] == '[' && len > 2 && len - 2 < sizeof(ip)) {
		memcpy(ip, host + 1, len - 2);
		ip[len - 2] = 0;
		return X509_VERIFY_PARAM_set1_ip_asc(param, ip);
	}
	if (!net_addr_from_ip(slice_str(host), 0, &addr))
		return X509_VERIFY_PARAM_set1_ip_asc(param, host);
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, host) == 1 &&
	       SSL_set_tlsext_host_name(ssl, host) == 1;
}

int
net_stream_start_tls(struct net_stream *s, struct net_tls *tls,
		     const char *host, const char *session_key)
{
	SSL_SESSION *session;
	char *key = strdup(session_key);

	s->tls = tls;
	s->ssl = SSL_new(tls->ctx);
	if (!key || !s->ssl || SSL_set_fd(s->ssl, s->fd) != 1 ||
	    SSL_set_ex_data(s->ssl, ex_key, key) != 1) {
		free(key);
		return ERR_NOMEM;
	}
	if (!tls_expect_host(s->ssl, host))
		return ERR_TLS;
	session = tls_take_session(tls, session_key);
	if (session) {
		SSL_set_session(s->ssl, session);
		SSL_SESSION_free(session);
	}
	SSL_set_connect_state(s->ssl);
	return 0;
}

static void
tls_describe(SSL *ssl, char *detail, size_t size)
{
	long verify = SSL_get_verify_result(ssl);
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	if (verify != X509_V_OK)
		snprintf(detail, size, "certificate: %s",
			 X509_verify_cert_error_string(verify));
	else
		snprintf(detail, size, "TLS: %s",
			 reason ? reason : "the connection was cut");
}

int
net_stream_handshake(struct net_stream *s, char *detail, size_t size)
{
	int rc;

	ERR_clear_error();
	rc = SSL_do_handshake(s->ssl);
	if (rc == 1)
		return 0;
	rc = SSL_get_error(s->ssl, rc);
	if (rc == SSL_ERROR_WANT_READ || rc == SSL_ERROR_WANT_WRITE)
		return ERR_AGAIN;
	tls_describe(s->ssl, detail, size);
	ERR_clear_error();
	return ERR_TLS;
}
