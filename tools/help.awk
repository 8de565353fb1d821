#!/usr/bin/awk -f
# SPDX-License-Identifier: Apache-2.0
# Reads what `drawbridge … --help` prints, and writes it as pages of the
# manual or as the README's table of settings.
#
#   tools/manual calls it; -v as=options|settings|table|command|index
#
# options, settings: "  --name ARG   text" with further lines indented deeper,
# as .TP paragraphs; table: the same as rows of Markdown; command: all of a
# command's help but the common options, as an .SS; index: the rows of a
# list of commands.

# Text for roff: no line of it is a request, hyphens of options are hyphens.
function roff(text)
{
	gsub(/\\/, "\\e", text)
	gsub(/-/, "\\-", text)
	while (match(text, /`[^`]+`/))
		text = substr(text, 1, RSTART - 1) "\\fB" \
			substr(text, RSTART + 1, RLENGTH - 2) "\\fR" \
			substr(text, RSTART + RLENGTH)
	return text ~ /^[.']/ ? "\\&" text : text
}

# "-d --body TEXT": names in bold, what they take in italics.
function roff_option(left,    n, word, i, out)
{
	n = split(left, word, " ")
	for (i = 1; i <= n; i++)
		out = out (i > 1 ? " " : "") (word[i] ~ /^-/ ? \
			"\\fB" roff(word[i]) "\\fR" : \
			"\\fI" roff(word[i]) "\\fR")
	return out
}

# A summary as a sentence; what begins with a capital is one.
function sentence(text)
{
	return text !~ /^[a-z]/ ? text : toupper(substr(text, 1, 1)) \
		substr(text, 2) (text ~ /[.?!]$/ ? "" : ".")
}

# ---- options ----

function option_end(    usual, note)
{
	if (left == "")
		return
	if (as == "table") {
		usual = ""
		if (match(help, / ?\(default:? [^)]*\)$/)) {
			usual = substr(help, RSTART, RLENGTH - 1)
			help = substr(help, 1, RSTART - 1)
			if (sub(/^ ?\(default: /, "", usual))
				note = usual
			else
				sub(/^ ?\(default /, "", usual)
		}
		gsub(/\|/, "\\|", left)
		if (note == "" && usual != "")
			note = "`" usual "`"
		sub(/; /, "`; `", note)
		print "| `" left "` | " note " | " help " |"
	} else {
		printf ".TP\n%s\n%s\n", roff_option(left), roff(help)
	}
	left = help = ""
}

function option_line(line,    at)
{
	if (line ~ /^  -/) {
		option_end()
		line = substr(line, 3)
		at = match(line, /  +/)
		left = at ? substr(line, 1, at - 1) : line
		help = at ? substr(line, at + RLENGTH) : ""
	} else {
		sub(/^ +/, "", line)
		help = help (help == "" ? "" : " ") line
	}
}

as == "options" || as == "settings" || as == "table" {
	if (/^  /)
		option_line($0)
	next
}

# ---- a list of commands ----

as == "index" && /^  [a-z]/ {
	line = substr($0, 3)
	at = match(line, /  +/)
	n = split(substr(line, 1, at - 1), word, " ")
	text = sentence(substr(line, at + RLENGTH))
	print ".TP"
	for (i = 1; i <= n; i++) {
		font = word[i] ~ /^[a-z-]/ ? "\\fB" : "\\fI"
		printf "%s", (i > 1 ? " " : "") font roff(word[i]) "\\fR"
	}
	print "\n" roff(text)
}

# ---- one command ----

as == "command" && /^usage: / {
	sub(/^usage: drawbridge /, "")
	printf ".SS \"%s\"\n", roff($0)
	fresh = 1
	next
}

as == "command" && /^Options of every command:/ {
	exit
}

as == "command" && /^Options:/ {
	options = 1
	next
}

as == "command" && (/^  -/ || (options && /^  /)) {
	options = 1
	option_line($0)
	next
}

as == "command" && /^$/ {
	paragraph = !fresh
	next
}

as == "command" {
	if (paragraph)
		print ".PP"
	print roff(fresh ? sentence($0) : $0)
	fresh = paragraph = 0
}

END {
	option_end()
}
