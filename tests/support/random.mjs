// SPDX-License-Identifier: Apache-2.0
/* Chance that a seed repeats (mulberry32, a generator of 32 bits of state). */
export class Random {
	constructor(seed) {
		this.state = seed >>> 0
	}

	/* In [0, 1). */
	next() {
		this.state = this.state + 0x6d2b79f5 >>> 0
		let mixed = this.state
		mixed = Math.imul(mixed ^ mixed >>> 15, mixed | 1)
		mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61)
		return ((mixed ^ mixed >>> 14) >>> 0) / 4294967296
	}

	below(count) {
		return Math.floor(this.next() * count)
	}

	pick(list) {
		return list[this.below(list.length)]
	}

	chance(part) {
		return this.next() < part
	}

	shuffled(list) {
		const all = [...list]
		for (let n = all.length - 1; n > 0; n--) {
			const other = this.below(n + 1)
			;[all[n], all[other]] = [all[other], all[n]]
		}
		return all
	}
}
