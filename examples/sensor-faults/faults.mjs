// Faults of the sensors (not of the rig): each takes a stretch of readings of one column and spoils it.
import { convert } from "./rig.mjs";

export const COLUMNS = ["temperature", "pressure", "current"];

/** Rows that a fault may last. A spoilt stretch of spikes holds several of one or two rows, with normal ones between. */
const LENGTHS = { stuck: [20, 70], drift: [40, 90], spike: [30, 80], noise: [20, 60], dropout: [1, 40] };
const KINDS = Object.keys(LENGTHS);
/** What stands for a number that is not there: nothing, not a number, an error code, a register that never answered. */
const GAPS = ["", "nan", "-999", "65535"];

/** A series of {fields, label}: readings through the converter, with faults of all kinds in turn between stretches without. */
export function spoil(readings, rig, random) {
  const rows = readings.map((numbers) => ({ fields: numbers.map((value) => String(convert(value))), label: "normal" }));
  let kinds = [];
  let at = random.integer(30, 90);
  for (;;) {
    if (kinds.length === 0) kinds = random.shuffle(KINDS);
    const kind = kinds.pop();
    const length = random.integer(...LENGTHS[kind]);
    if (at + length > rows.length) return rows;
    const column = random.next(COLUMNS.length);
    SPOIL[kind]({ rows, readings, at, length, column, sensor: rig[COLUMNS[column]], random });
    at += length + random.integer(40, 110);
  }
}

/** The fault, by its label. sensor: the rig's figures of the column, of which load is its span and noise its deviation. */
const SPOIL = {
  // Holds one reading: the last good one, rarely an end of the converter's range.
  stuck({ rows, at, length, column, random }) {
    const held = random.chance(0.2) ? random.pick(["0", "4095"]) : rows[at - 1].fields[column];
    for (let i = at; i < at + length; i++) set(rows[i], column, held, "stuck");
  },

  // Walks away from the truth in a straight line, then stays there until somebody calibrates the sensor.
  drift({ rows, readings, at, length, column, sensor, random }) {
    const end = sign(random) * sensor.load * random.between(0.15, 0.6);
    const ramp = length * random.between(0.5, 1);
    for (let i = at; i < at + length; i++) {
      const offset = end * Math.min(1, (i - at + 1) / ramp);
      set(rows[i], column, convert(readings[i][column] + offset), "drift");
    }
  },

  // Jumps for a row or two, several times: a loose contact.
  spike({ rows, readings, at, length, column, sensor, random }) {
    for (let i = at; i < at + length; i += random.integer(2, 8)) {
      const offset = sign(random) * sensor.load * random.between(0.06, 0.7);
      const last = Math.min(i + random.integer(1, 2), at + length);
      for (; i < last; i++) set(rows[i], column, convert(readings[i][column] + offset), "spike");
    }
  },

  // Noise several times its usual size: a broken shield.
  noise({ rows, readings, at, length, column, sensor, random }) {
    const deviation = sensor.noise * random.between(3, 12);
    for (let i = at; i < at + length; i++) {
      set(rows[i], column, convert(readings[i][column] + deviation * random.normal()), "noise");
    }
  },

  // Numbers that are not there, of one column or of all.
  dropout({ rows, at, length, column, random }) {
    const gap = random.pick(GAPS);
    const columns = random.chance(0.3) ? [0, 1, 2] : [column];
    for (let i = at; i < at + length; i++) for (const c of columns) set(rows[i], c, gap, "dropout");
  },
};

const sign = (random) => (random.chance(0.5) ? 1 : -1);

function set(row, column, value, label) {
  row.fields[column] = String(value);
  row.label = label;
}
