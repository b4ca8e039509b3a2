// ---------------------------------------------------------------- builtins that this V8 does not have yet

// Each number in units of the smallest one, as an integer of any size, so no digit is lost; rounded once, at the end.
const asNumber = new Float64Array(1), asBits = new BigUint64Array(asNumber.buffer);
const BigIntOf = BigInt, NumberOf = Number, bigToString = bind(call, BigInt.prototype.toString), { flatMap } = Iterator.prototype;

function inUnits(number) {
  asNumber[0] = number;
  const bits = asBits[0], exponent = bits >> 52n & 0x7ffn, fraction = bits & 0xfffffffffffffn;
  const size = exponent === 0n ? fraction : (fraction | 0x10000000000000n) << exponent - 1n;
  return bits >> 63n ? -size : size;
}

function fromUnits(units) {
  const size = units < 0n ? -units : units, bits = 4 * bigToString(size, 16).length, shift = bits > 64 ? bits - 64 : 0;
  // 61 bits and more, and whether there were others: what rounding needs.
  let number = NumberOf(shift === 0 ? size : size >> BigIntOf(shift) | (size & (1n << BigIntOf(shift)) - 1n ? 1n : 0n));
  if (bits <= 64) number = number < 2 ** 53 ? number * 2 ** -1074 : number * 2 ** -1022 * 2 ** -52;
  else number = number * 2 ** (shift < 1074 ? -1022 : 0) * 2 ** (shift < 1074 ? shift - 52 : shift - 1074);
  return units < 0n ? -number : number;
}

const recent = {
  sumPrecise(items) {
    if (items === undefined || items === null) throw new TypeErrorOf(`${items} is not iterable`);
    let units = 0n, special = 0, negativeZero = true, count = 0;
    for (const number of items) {
      if (typeof number !== "number") throw new TypeErrorOf("Math.sumPrecise called with a value that is not a number");
      if (++count > 2 ** 53 - 1) throw new RangeErrorOf("Invalid array length");
      if (isFinite(number)) {
        negativeZero &&= number === 0 && 1 / number < 0;
        if (number !== 0) units += inUnits(number);
      } else {
        negativeZero = false;
        special += number;
      }
    }
    if (special !== 0) return special;
    return negativeZero ? -0 : fromUnits(units);
  },

  // What flatMap makes is what this returns: an iterator helper that opens one iterator after another.
  concat(...items) {
    let first = 0;
    const opened = { __proto__: null };
    for (; first < items.length; first++) {
      const item = items[first];
      if (!isObject(item)) throw new TypeErrorOf("Iterator.concat called on non-object");
      const open = item[iteratorKey];
      if (typeof open !== "function") throw new TypeErrorOf(`${typeof open === "undefined" ? "object" : typeof open} is not iterable`);
      opened[first] = { __proto__: null, [iteratorKey]: () => apply(open, item, []) };
    }
    let at = 0;
    const source = { __proto__: null, next: () => ({ __proto__: null, done: at >= first, value: opened[at++] }) };
    return apply(flatMap, source, [(item) => item]);
  },
};

for (const [owner, name] of [[Math, "sumPrecise"], [Iterator, "concat"]]) {
  defineProperty(owner, name, { __proto__: null, value: recent[name], writable: true, enumerable: false, configurable: true });
}
defineProperty(recent.concat, "length", { __proto__: null, value: 0, configurable: true });
