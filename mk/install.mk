# Installing: the binary, the manual page, and the schema with which editors
# check a service definition.  The default services are in the binary.

INSTALL ?= install
MAN_PAGES := $(sort $(wildcard docs/man/*.[1-8]))
bindir = $(DESTDIR)$(PREFIX)/bin
mandir = $(DESTDIR)$(PREFIX)/share/man
sharedir = $(DESTDIR)$(PREFIX)/share/drawbridge

install: $(BINARY) ## PREFIX=/usr/local, DESTDIR=
	$(INSTALL) -D -m 0755 $(BINARY) $(bindir)/drawbridge
	$(Q)for page in $(MAN_PAGES); do \
		$(INSTALL) -D -m 0644 $$page \
			$(mandir)/man$${page##*.}/$${page##*/} || exit 1; \
	done
	$(INSTALL) -D -m 0644 services/schema.json \
		$(sharedir)/services/schema.json

.PHONY: install
