// SPDX-License-Identifier: Apache-2.0
/*
 * Every word that the widget itself says. A page replaces any of them by data-strings (JSON) or
 * drawbridge.strings({…}). {origin}, {seconds} and {name} are filled in.
 */
export const english = {
	title: 'Chat',
	launcher: 'Chat',
	unread: 'New messages',
	close: 'Close chat',
	restart: 'Start again',
	restartAsk: 'Start again? This conversation ends.',
	keep: 'Go on with this one',
	log: 'Messages',
	bot: 'Bot',
	you: 'You',
	typing: 'The bot is writing …',
	starting: 'One moment …',
	answer: 'Your answer',
	answerNumber: 'A number',
	answerEmail: 'Your e-mail address',
	answerPhone: 'Your telephone number',
	answerDate: 'A date',
	choices: 'Choose an answer',
	send: 'Send',
	newWindow: 'opens in a new window',
	image: 'Image',
	connect: 'Connect {name}',
	connectHelp: 'A window opens, in which you sign in and agree. The conversation then goes on here.',
	connectAgain: 'Open the window again',
	connectBlocked: 'Your browser has not let the window open. Allow windows of this page and try again, or go on in this tab and come back.',
	connectHere: 'Go on in this tab',
	skip: 'Skip',
	skipped: 'Skipped',
	ended: 'This conversation has ended.',
	handedOff: 'Your message is with our team. They will write to you.',
	failed: 'Something has gone wrong on our side. We are sorry.',
	gone: 'This conversation is not there any more.',
	notSent: 'Your message has not been sent. Are you online?',
	notTaken: 'Your message could not be taken.',
	notReached: 'The chat cannot be reached. Are you online?',
	busy: 'The bot is still busy. Wait a moment, and try again.',
	tooFast: 'That was a lot at once. You can go on in {seconds} s.',
	retry: 'Try again',
	reconnecting: 'The connection is lost. Trying again …',
	notForPage: 'This chat is not set up for {origin}. Whoever runs it must allow this page.',
	notThere: 'This chat is not available.'
}

const same = (key) => english[key]

/* Gives say(key, values) and replace(table); what is no text, or unknown, is not taken. */
export function makeStrings() {
	const table = new Map()
	const say = (key, values = {}) => (table.get(key) ?? same(key))
		.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole))
	const replace = (more) => {
		for (const [key, value] of Object.entries(more ?? {}))
			if (typeof value === 'string' && Object.hasOwn(english, key))
				table.set(key, value)
	}
	return { say, replace }
}
