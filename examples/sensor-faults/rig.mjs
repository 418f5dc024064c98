// A simulated rig: a motor drives a pump; its housing's temperature, the pump's pressure and the motor's current are read by a
// 12-bit converter. One row is ten seconds. Only + - * / and integers, so that every machine makes the same numbers.

const COUNTS = 4095; // the converter's highest reading
const ROWS_PER_DAY = 8640;
// Cosine and sine of the angle of one row of the daily cycle, 2 pi / 8640.
const TURN = [0.9999997355751681, 0.0007272204575659147];

/**
 * What sets one rig apart from another: all in counts, times in rows. Every range is moved up by shift times its width: 0 for rigs
 * to learn from, a part of 1 for ones that are somewhat unlike them.
 */
export function drawRig(random, shift) {
  const range = (low, high) => {
    const moved = shift * (high - low);
    return random.between(low + moved, high + moved);
  };
  return {
    temperature: {
      rest: range(900, 1300),
      day: range(60, 160),
      load: range(500, 900),
      lag: range(60, 110),
      noise: range(1, 2),
    },
    pressure: { rest: range(380, 520), load: range(1400, 2000), lag: range(3, 7), noise: range(3, 7) },
    current: { rest: range(30, 90), load: range(1000, 1600), inrush: range(0.5, 1.1), noise: range(2, 6) },
    wobble: range(0.004, 0.012), // of the load from row to row
  };
}

/** rows readings [temperature, pressure, current] of a rig without a fault, as numbers before the converter. */
export function run(rig, rows, random) {
  const { temperature, pressure, current } = rig;
  let [cosine, sine] = [1, 0];
  const nextRow = () => {
    [cosine, sine] = [cosine * TURN[0] - sine * TURN[1], cosine * TURN[1] + sine * TURN[0]];
  };
  for (let row = random.next(ROWS_PER_DAY); row > 0; row--) nextRow();
  let load = random.chance(0.3) ? 0 : random.between(0.3, 1);
  let [left, wobble, inrush] = [random.integer(30, 150), 0, 0];
  let [heat, head] = [load, load]; // follow the load with a lag of the first order
  const out = [];
  for (let row = 0; row < rows; row++) {
    if (left-- === 0) {
      const before = load;
      load = random.chance(0.25) ? 0 : random.between(0.3, 1);
      left = random.integer(30, 150);
      inrush = load > before ? (load - before) * current.inrush : 0;
    }
    nextRow();
    wobble = 0.9 * wobble + rig.wobble * random.normal();
    const work = load === 0 ? 0 : load * (1 + wobble);
    heat += (work - heat) / temperature.lag;
    head += (work - head) / pressure.lag;
    out.push([
      temperature.rest + temperature.day * sine + temperature.load * heat + temperature.noise * random.normal(),
      pressure.rest + pressure.load * head + pressure.noise * random.normal(),
      current.rest + current.load * (work + inrush) + current.noise * random.normal(),
    ]);
    inrush = inrush > 0.05 ? inrush / 4 : 0;
  }
  return out;
}

/** What the converter makes of a number: an integer from 0 to 4095. */
export const convert = (value) => Math.max(0, Math.min(COUNTS, Math.floor(value + 0.5)));
