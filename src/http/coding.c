/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening content codings.
 *
 * Each coding is a step over zlib, brotli or zstd that turns input into
 * output as far as both go; one loop drives them all.  Output grows block by
 * block up to its limit, so that a small body cannot become a large memory.
 *
 * "deflate" is zlib's format (RFC 9110), and raw deflate with those who got
 * it wrong: the first two bytes tell (a zlib header's are a multiple of 31
 * and name method 8).
 */
#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

#include "http/coding.h"

const char http_coding_accept[] = "gzip, br, zstd, deflate";

enum { BLOCK = 64 * 1024 };

enum step_result {
	STEP_MORE, /* room or input is used up */
	STEP_END,
	STEP_BROKEN,
};

struct decoder {
	z_stream zlib;
	BrotliDecoderState *brotli;
	ZSTD_DStream *zstd;
	struct slice in;  /* not yet taken */
	char *room;	  /* where output goes */
	size_t room_left; /* 0: it is full */
	char probe;	  /* where a byte too many would go */
};

struct coding {
	const char *name;
	int (*begin)(struct decoder *d);
	enum step_result (*step)(struct decoder *d);
	void (*end)(struct decoder *d);
};

/* ---- zlib ---- */

static int
zlib_begin(struct decoder *d, int window_bits)
{
	int rc = inflateInit2(&d->zlib, window_bits);

	return rc == Z_OK ? 0 : ERR_NOMEM;
}

static int
gzip_begin(struct decoder *d)
{
	return zlib_begin(d, 16 + MAX_WBITS);
}

static int
deflate_begin(struct decoder *d)
{
	const unsigned char *p = (const unsigned char *)d->in.ptr;
	bool wrapped = d->in.len >= 2 && (p[0] & 15) == Z_DEFLATED &&
		       (p[0] * 256 + p[1]) % 31 == 0;

	return zlib_begin(d, wrapped ? MAX_WBITS : -MAX_WBITS);
}

static enum step_result
zlib_step(struct decoder *d)
{
	z_stream *z = &d->zlib;
	size_t in = d->in.len < BLOCK ? d->in.len : BLOCK;
	int rc;

	z->next_in = (unsigned char *)(uintptr_t)d->in.ptr;
	z->avail_in = (uInt)in;
	z->next_out = (unsigned char *)d->room;
	z->avail_out = (uInt)d->room_left;
	rc = inflate(z, Z_NO_FLUSH);
	d->in = slice_from(d->in, in - z->avail_in);
	d->room += d->room_left - z->avail_out;
	d->room_left = z->avail_out;
	if (rc == Z_STREAM_END)
		return STEP_END;
	return rc == Z_OK || rc == Z_BUF_ERROR ? STEP_MORE : STEP_BROKEN;
}

/* RFC 1952 2.2: members follow one another. */
static enum step_result
gzip_step(struct decoder *d)
{
	enum step_result r = zlib_step(d);

	if (r != STEP_END || !d->in.len)
		return r;
	return inflateReset(&d->zlib) == Z_OK ? STEP_MORE : STEP_BROKEN;
}

static void
zlib_end(struct decoder *d)
{
	inflateEnd(&d->zlib);
}

/* ---- brotli ---- */

static int
brotli_begin(struct decoder *d)
{
	d->brotli = BrotliDecoderCreateInstance(NULL, NULL, NULL);
	return d->brotli ? 0 : ERR_NOMEM;
}

static enum step_result
brotli_step(struct decoder *d)
{
	const uint8_t *in = (const uint8_t *)d->in.ptr;
	uint8_t *room = (uint8_t *)d->room;
	size_t in_left = d->in.len;
	BrotliDecoderResult r;

	r = BrotliDecoderDecompressStream(d->brotli, &in_left, &in,
					  &d->room_left, &room, NULL);
	d->in = slice_from(d->in, d->in.len - in_left);
	d->room = (char *)room;
	if (r == BROTLI_DECODER_RESULT_SUCCESS)
		return STEP_END;
	return r == BROTLI_DECODER_RESULT_ERROR ? STEP_BROKEN : STEP_MORE;
}

static void
brotli_end(struct decoder *d)
{
	BrotliDecoderDestroyInstance(d->brotli);
}

/* ---- zstd ---- */

static int
zstd_begin(struct decoder *d)
{
	d->zstd = ZSTD_createDStream();
	if (!d->zstd)
		return ERR_NOMEM;
	ZSTD_DCtx_setParameter(d->zstd, ZSTD_d_windowLogMax,
			       HTTP_ZSTD_WINDOW_LOG);
	return 0;
}

static enum step_result
zstd_step(struct decoder *d)
{
	ZSTD_inBuffer in = { d->in.ptr, d->in.len, 0 };
	ZSTD_outBuffer out = { d->room, d->room_left, 0 };
	size_t rc = ZSTD_decompressStream(d->zstd, &out, &in);

	d->in = slice_from(d->in, in.pos);
	d->room += out.pos;
	d->room_left -= out.pos;
	if (ZSTD_isError(rc))
		return STEP_BROKEN;
	/* 0: a frame has ended; another may follow. */
	return rc == 0 && !d->in.len ? STEP_END : STEP_MORE;
}

static void
zstd_end(struct decoder *d)
{
	ZSTD_freeDStream(d->zstd);
}

/* ---- one coding ---- */

static const struct coding codings[] = {
	{ "gzip", gzip_begin, gzip_step, zlib_end },
	{ "x-gzip", gzip_begin, gzip_step, zlib_end },
	{ "deflate", deflate_begin, zlib_step, zlib_end },
	{ "br", brotli_begin, brotli_step, brotli_end },
	{ "zstd", zstd_begin, zstd_step, zstd_end },
};

static const struct coding *
coding_find(struct slice name)
{
	size_t i;

	for (i = 0; i < sizeof(codings) / sizeof(*codings); i++)
		if (slice_eq_nocase(name, slice_str(codings[i].name)))
			return &codings[i];
	return NULL;
}

/* Room for more output: 0 when the limit is reached. */
static int
decoder_room(struct decoder *d, struct buf *out)
{
	size_t n = out->max - out->len;
	int rc;

	if (n > BLOCK)
		n = BLOCK;
	rc = n ? buf_reserve(out, n) : 0;
	d->room = n ? out->data + out->len : NULL;
	d->room_left = rc ? 0 : n;
	return rc;
}

/* Whether anything would still come, out being full. */
static int
decoder_probe(const struct coding *c, struct decoder *d)
{
	enum step_result r;

	do {
		d->room = &d->probe;
		d->room_left = 1;
		r = c->step(d);
		if (d->room_left == 0)
			return ERR_TOO_LARGE;
	} while (r == STEP_MORE && d->in.len);
	return r == STEP_END ? 0 : r == STEP_MORE ? ERR_CLOSED : ERR_PROTOCOL;
}

static int
decoder_run(const struct coding *c, struct decoder *d, struct buf *out)
{
	enum step_result r = STEP_MORE;
	size_t had, room;
	int rc;

	while (r == STEP_MORE) {
		rc = decoder_room(d, out);
		if (rc)
			return rc;
		if (!d->room_left)
			return decoder_probe(c, d);
		had = d->in.len;
		room = d->room_left;
		r = c->step(d);
		out->len += room - d->room_left;
		if (r == STEP_MORE && d->room_left && !d->in.len)
			return ERR_CLOSED;
		if (r == STEP_MORE && had == d->in.len && room == d->room_left)
			return ERR_PROTOCOL; /* it does not get on */
	}
	if (r == STEP_BROKEN)
		return ERR_PROTOCOL;
	return d->in.len ? ERR_PROTOCOL : 0; /* bytes behind the end */
}

static int
coding_open(const struct coding *c, struct slice body, struct buf *out)
{
	struct decoder d = { .in = body };
	int rc;

	if (!body.len)
		return ERR_CLOSED;
	rc = c->begin(&d);
	if (rc)
		return rc;
	rc = decoder_run(c, &d, out);
	c->end(&d);
	return rc;
}

/* ---- all of them ---- */

/* In the order in which they were applied. */
static int
codings_parse(struct slice text, const struct coding *list[HTTP_CODINGS_MAX],
	      size_t *count)
{
	struct slice rest = text, name;
	const struct coding *c;

	*count = 0;
	while (slice_next(&rest, ',', &name)) {
		name = slice_trim(name);
		if (!name.len || slice_eq_nocase(name, SLICE("identity")))
			continue;
		c = coding_find(name);
		if (!c || *count == HTTP_CODINGS_MAX)
			return ERR_UNSUPPORTED;
		list[(*count)++] = c;
	}
	return 0;
}

int
http_coding_decode(struct slice coding, struct slice body, struct buf *out)
{
	const struct coding *list[HTTP_CODINGS_MAX];
	struct buf inner[2];
	size_t count, i = 0;
	int rc = codings_parse(coding, list, &count), partial = 0;

	if (rc)
		return rc;
	if (!count) {
		size_t room = out->max - out->len;

		rc = buf_put_slice(out, slice_head(body, room));
		return rc ? rc : body.len > room ? ERR_TOO_LARGE : 0;
	}
	buf_init(&inner[0], out->max);
	buf_init(&inner[1], out->max);
	while (count > 1 && !rc) {
		buf_reset(&inner[i]);
		rc = coding_open(list[--count], body, &inner[i]);
		if (rc == ERR_TOO_LARGE || rc == ERR_CLOSED) {
			partial = rc;
			rc = 0;
		}
		body = buf_slice(&inner[i]);
		i = !i;
	}
	if (!rc)
		rc = coding_open(list[0], body, out);
	buf_release(&inner[0]);
	buf_release(&inner[1]);
	return rc == 0 || rc == ERR_CLOSED ? partial ? partial : rc : rc;
}
