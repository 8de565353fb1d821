// SPDX-License-Identifier: Apache-2.0
/* Colours of the flow or the page, and text that can be read on them (WCAG 2.2, relative luminance and contrast). */

/* [red, green, blue] of "#0a6cff" or "#06f"; null for all else. */
export function parseColour(text) {
	const short = /^#([\da-f])([\da-f])([\da-f])$/i.exec(text)
	const long = short ? null : /^#([\da-f]{2})([\da-f]{2})([\da-f]{2})$/i.exec(text)
	if (short)
		return short.slice(1).map((digit) => parseInt(digit + digit, 16))
	return long ? long.slice(1).map((digits) => parseInt(digits, 16)) : null
}

function luminance(colour) {
	const [red, green, blue] = colour.map((value) => {
		const part = value / 255
		return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
	})
	return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

export function contrast(one, other) {
	const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b)
	return (light + 0.05) / (dark + 0.05)
}

/* White where it reaches 4.5:1, as people expect it on strong colours; black otherwise, which then does. */
export function textOn(colour) {
	return contrast(colour, [255, 255, 255]) >= 4.5 ? '#ffffff' : '#000000'
}
