# Files that become part of the binary (src/base/embed.h): tools/embed makes
# an assembler file that takes them in byte by byte, and a table of them.
#
# Their names there: services/… as here, src/store/migrations/… and the demo's
# flow (src/practice/…) without the front, the pages as web/…, with a gzip twin
# (name.gz) beside each text.
#
# The pages are web/dist where something has been built there, else web/ as
# it stands: plain modules need no building.

WEB_ROOT := $(if $(wildcard web/dist),web/dist,web)
WEB_TYPES := html js css svg json txt webmanifest png ico woff2
WEB_FILES := $(filter-out web/node_modules/%,$(sort $(foreach t,$(WEB_TYPES),\
	$(call find,$(WEB_ROOT),*.$(t)))))
WEB_TEXT := $(filter %.html %.js %.css %.svg %.json %.txt,$(WEB_FILES))
WEB_GZIP := $(patsubst $(WEB_ROOT)/%,$(BUILD)/gzip/%.gz,$(WEB_TEXT))
EMBED_SERVICES := $(call find,services,*.json)
EMBED_MIGRATIONS := $(call find,src/store/migrations,*.sql)
EMBED_PRACTICE := $(call find,src/practice,*.json)
EMBED_FILES := $(EMBED_SERVICES) $(EMBED_MIGRATIONS) $(EMBED_PRACTICE) \
	$(WEB_FILES) $(WEB_GZIP)

# name=file, as tools/embed wants them
EMBED_PAIRS := \
	$(foreach f,$(EMBED_SERVICES),$(f)=$(f)) \
	$(foreach f,$(EMBED_MIGRATIONS),$(patsubst src/store/%,%,$(f))=$(f)) \
	$(foreach f,$(EMBED_PRACTICE),$(patsubst src/%,%,$(f))=$(f)) \
	$(foreach f,$(WEB_FILES),$(patsubst $(WEB_ROOT)/%,web/%,$(f))=$(f)) \
	$(foreach f,$(WEB_GZIP),$(patsubst $(BUILD)/gzip/%,web/%,$(f))=$(f))

$(BUILD)/gzip/%.gz: $(WEB_ROOT)/%
	$(Q)mkdir -p $(@D) && gzip -9nc $< > $@

$(BUILD)/embed.list: FORCE
	$(call keep,$(EMBED_PAIRS))

$(BUILD)/embed.S: tools/embed $(BUILD)/embed.list $(EMBED_FILES)
	$(call say,EMBED,$@)
	$(Q)tools/embed $(EMBED_PAIRS) > $@

$(BUILD)/%.o: $(BUILD)/%.S $(BUILD)/flags
	$(Q)$(CC) $(filter -fcf-protection% -mbranch-protection%,$(ALL_CFLAGS)) \
		-c -o $@ $<
