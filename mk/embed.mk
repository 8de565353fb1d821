# Files that become part of the binary (src/base/embed.h): tools/embed makes
# an assembler file that takes them in byte by byte, and a table of them.
#
# Their names there: services/… as here, src/store/migrations/… without the
# front, web/dist/… as web/…, with a gzip twin (name.gz) beside each text.

WEB_DIST := $(call find,web/dist,*)
WEB_TEXT := $(filter %.html %.js %.css %.svg %.json %.txt,$(WEB_DIST))
WEB_GZIP := $(patsubst web/dist/%,$(BUILD)/gzip/%.gz,$(WEB_TEXT))
EMBED_SERVICES := $(call find,services,*.json)
EMBED_MIGRATIONS := $(call find,src/store/migrations,*.sql)
EMBED_FILES := $(EMBED_SERVICES) $(EMBED_MIGRATIONS) $(WEB_DIST) $(WEB_GZIP)

# name=file, as tools/embed wants them
EMBED_PAIRS := \
	$(foreach f,$(EMBED_SERVICES),$(f)=$(f)) \
	$(foreach f,$(EMBED_MIGRATIONS),$(patsubst src/store/%,%,$(f))=$(f)) \
	$(foreach f,$(WEB_DIST),$(patsubst web/dist/%,web/%,$(f))=$(f)) \
	$(foreach f,$(WEB_GZIP),$(patsubst $(BUILD)/gzip/%,web/%,$(f))=$(f))

$(BUILD)/gzip/%.gz: web/dist/%
	$(Q)mkdir -p $(@D) && gzip -9nc $< > $@

$(BUILD)/embed.list: FORCE
	$(call keep,$(EMBED_PAIRS))

$(BUILD)/embed.S: tools/embed $(BUILD)/embed.list $(EMBED_FILES)
	$(call say,EMBED,$@)
	$(Q)tools/embed $(EMBED_PAIRS) > $@

$(BUILD)/embed.o: $(BUILD)/embed.S $(BUILD)/flags
	$(Q)$(CC) $(filter -fcf-protection% -mbranch-protection%,$(ALL_CFLAGS)) \
		-c -o $@ $<
