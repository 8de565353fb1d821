/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What means a credential: names of headers and parameters, and beginnings
 * of values, as services document them.
 *
 * Names are compared without case and without - _ . and brackets, so that
 * X-Api-Key, apiKey and api_key are one.  Nothing here keeps or copies a
 * value.
 */
#include "hook/hints.h"

/* ---- names ---- */

/* The whole name. */
static const char *const names[] = {
	"auth", "authorization", "bearer", "cookie", "jwt",
	"pass", "passphrase",	 "passwd", "pwd",    "secret",
	"sid",	"token",	 "xauth",  "xtoken", "apisecret",
};

/* Its end. */
static const char *const endings[] = {
	"accesskey",	      "accesstoken",	 "apikey",
	"apitoken",	      "applicationkey",	 "appkey",
	"appsecret",	      "authkey",	 "authtoken",
	"bearertoken",	      "bottoken",	 "clientsecret",
	"consumersecret",     "credential",	 "credentials",
	"csrftoken",	      "idtoken",	 "jwttoken",
	"password",	      "privatekey",	 "privatetoken",
	"proxyauthorization", "refreshtoken",	 "secretkey",
	"secrettoken",	      "securitytoken",	 "sessionkey",
	"sessiontoken",	      "sharedsecret",	 "signingkey",
	"signingsecret",      "subscriptionkey", "usertoken",
	"vaulttoken",	      "webhooksecret",	 "xsrftoken",
};

enum { FOLDED_MAX = 64 };

/* The last letters of the name, folded. */
static struct slice
fold(struct slice name, char out[FOLDED_MAX])
{
	size_t i, n = FOLDED_MAX;
	char c;

	for (i = name.len; i > 0 && n > 0; i--) {
		c = name.ptr[i - 1];
		if (c && strchr("-_.[] ", c))
			continue;
		if (c >= 'A' && c <= 'Z')
			c = (char)(c | 0x20);
		out[--n] = c;
	}
	return slice_of(out + n, FOLDED_MAX - n);
}

/* user[password] is a password. */
static struct slice
last_bracket(struct slice name)
{
	size_t i;

	if (!slice_ends(name, SLICE("]")))
		return SLICE_NONE;
	for (i = name.len - 1; i > 0 && name.ptr[i] != '['; i--)
		;
	return slice_from(name, i);
}

static bool
is_name(struct slice name)
{
	char text[FOLDED_MAX];
	struct slice folded = fold(name, text);
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++)
		if (slice_eq(folded, slice_str(names[i])))
			return true;
	for (i = 0; i < ARRAY_LEN(endings); i++)
		if (slice_ends(folded, slice_str(endings[i])))
			return true;
	return false;
}

bool
hook_secret_name(struct slice name)
{
	struct slice inner = last_bracket(name);

	return is_name(name) || (inner.len && is_name(inner));
}

/* ---- beginnings of values ---- */

static const struct shape {
	const char *begin;
	size_t least; /* bytes of the whole word */
} shapes[] = {
	{ "sk_live_", 16 }, { "sk_test_", 16 },	   { "rk_live_", 16 },
	{ "rk_test_", 16 }, { "whsec_", 16 },	   { "ghp_", 16 },
	{ "gho_", 16 },	    { "ghu_", 16 },	   { "ghs_", 16 },
	{ "ghr_", 16 },	    { "github_pat_", 20 }, { "glpat-", 16 },
	{ "gldt-", 16 },    { "glrt-", 16 },	   { "xoxb-", 14 },
	{ "xoxp-", 14 },    { "xoxa-", 14 },	   { "xoxr-", 14 },
	{ "xoxs-", 14 },    { "xoxe.", 14 },	   { "xapp-", 14 },
	{ "AKIA", 20 },	    { "ASIA", 20 },	   { "shpat_", 16 },
	{ "shpca_", 16 },   { "shppa_", 16 },	   { "shpss_", 16 },
	{ "SG.", 20 },	    { "sk-ant-", 20 },	   { "sk-proj-", 20 },
	{ "sk-", 24 },	    { "AIza", 35 },	   { "ya29.", 20 },
	{ "pat-na1-", 20 }, { "pat-eu1-", 20 },	   { "secret_", 30 },
	{ "ntn_", 20 },	    { "dbk_", 12 },	   { "dbc_", 12 },
	{ "dop_v1_", 20 },  { "npm_", 30 },	   { "pypi-", 30 },
	{ "xkeysib-", 20 }, { "hf_", 30 },	   { "lin_api_", 20 },
	{ "key-", 36 },	    { "1000.", 60 },
};

static bool
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

static size_t
count(struct slice s, char c)
{
	size_t i, n = 0;

	for (i = 0; i < s.len; i++)
		n += s.ptr[i] == c;
	return n;
}

static bool
is_upper(struct slice s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (!(s.ptr[i] >= 'A' && s.ptr[i] <= 'Z') &&
		    !(s.ptr[i] >= '0' && s.ptr[i] <= '9'))
			return false;
	return true;
}

/* "1000.<32>.<32>", as Zoho's tokens are; AKIA… is in capitals. */
static bool
word_is_secret(struct slice word)
{
	size_t i;

	/* A JWT (RFC 7519): eyJ is {" in base64url. */
	if (slice_starts(word, SLICE("eyJ")) && word.len >= 30 &&
	    count(word, '.') >= 2)
		return true;
	for (i = 0; i < ARRAY_LEN(shapes); i++) {
		if (!slice_starts(word, slice_str(shapes[i].begin)) ||
		    word.len < shapes[i].least)
			continue;
		if (shapes[i].begin[0] == 'A' && shapes[i].begin[1] != 'I' &&
		    !is_upper(word))
			continue;
		if (shapes[i].begin[0] == '1' && count(word, '.') != 2)
			continue;
		return true;
	}
	return false;
}

/* A word may begin behind a word's own characters: "bot-ghp_…" is not
 * looked into, "token=ghp_…" is. */
size_t
hook_secret_find(struct slice text, size_t *at)
{
	static const char pem[] = "-----BEGIN ";
	size_t i = 0, n;

	while (i < text.len) {
		if (!is_word(text.ptr[i])) {
			i++;
			continue;
		}
		*at = i;
		if (slice_starts(slice_from(text, i), slice_str(pem)))
			return text.len - i;
		for (n = i; n < text.len && is_word(text.ptr[n]); n++)
			;
		if (word_is_secret(slice_of(text.ptr + i, n - i)))
			return n - i;
		i = n;
	}
	return 0;
}

bool
hook_secret_shape(struct slice text)
{
	size_t at;

	return hook_secret_find(text, &at) > 0;
}

/* ---- long and random ---- */

static bool
is_uuid(struct slice s)
{
	return s.len == 36 && s.ptr[8] == '-' && s.ptr[13] == '-' &&
	       s.ptr[18] == '-' && s.ptr[23] == '-';
}

/* Letters and digits change places often, and few characters repeat. */
bool
hook_secret_random(struct slice text)
{
	bool seen[256] = { false }, digit, last = false;
	size_t i, kinds = 0, changes = 0, digits = 0;
	unsigned char c;

	if (text.len < 24 || text.len > 4096 || is_uuid(text))
		return false;
	for (i = 0; i < text.len; i++) {
		c = (unsigned char)text.ptr[i];
		if (!is_word((char)c) && !strchr("+/=~", (char)c))
			return false;
		kinds += !seen[c];
		seen[c] = true;
		digit = c >= '0' && c <= '9';
		digits += digit;
		changes += i > 0 && digit != last;
		last = digit;
	}
	return kinds >= 10 && digits >= 3 && digits < text.len &&
	       changes >= text.len / 8;
}

/* ---- schemes ---- */

const char *
hook_secret_scheme(struct slice value)
{
	static const char *const schemes[] = {
		"Bearer ",
		"Basic ",
		"token ",
		"Zoho-oauthtoken ",
		"Zoho-authtoken ",
		"Bot ",
		"ApiKey ",
		"Api-Key ",
		"API-Key ",
		"GenieKey ",
		"OAuth ",
		"SSWS ",
		"Klaviyo-API-Key ",
		"DeepL-Auth-Key ",
		"Key ",
		"JWT ",
		"Splunk ",
		"Digest ",
		"Token token=",
		"GoogleLogin auth=",
	};
	size_t i;

	/* First with the case as it is, since "Token " is not "token ". */
	for (i = 0; i < ARRAY_LEN(schemes); i++)
		if (slice_starts(value, slice_str(schemes[i])))
			return schemes[i];
	if (slice_starts(value, SLICE("Token ")))
		return "Token ";
	for (i = 0; i < ARRAY_LEN(schemes); i++)
		if (slice_starts_nocase(value, slice_str(schemes[i])))
			return schemes[i];
	return NULL;
}
