// Sound as numbers: decoding in the browser, peaks of the waveform, and a spectrogram. No drawing.

export const RATE = 16_000; // what the detector hears, so the picture shows no more than it could know
export const LONGEST_S = 900; // 58 MB of samples; longer files are shown without waveform
const SIZE = 512;
const FLOOR_DB = -75;

/** The samples of a file, mono at `RATE`; throws where this browser cannot decode it. */
export async function decoded(file) {
  const context = new OfflineAudioContext(1, 1, RATE);
  const buffer = await context.decodeAudioData(await file.arrayBuffer());
  const mono = new Float32Array(buffer.length);
  for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
    const samples = buffer.getChannelData(channel);
    for (let i = 0; i < mono.length; i++) mono[i] += samples[i] / buffer.numberOfChannels;
  }
  return mono;
}

/** Lowest and highest sample of each column: [low0, high0, low1, …], in [-1, 1], scaled so that the loudest fills it. */
export function peaks(samples, columns) {
  const found = new Float32Array(2 * columns);
  let loudest = 1e-4;
  for (let column = 0; column < columns; column++) {
    const end = Math.max(Math.floor(((column + 1) * samples.length) / columns), 1);
    let [low, high] = [0, 0];
    for (let i = Math.floor((column * samples.length) / columns); i < end; i++) {
      if (samples[i] < low) low = samples[i];
      else if (samples[i] > high) high = samples[i];
    }
    found[2 * column] = low;
    found[2 * column + 1] = high;
    loudest = Math.max(loudest, -low, high);
  }
  return found.map((value) => value / loudest);
}

/** Levels in [0, 1], shape (rows, columns); row 0 is the highest band, 0 lies 75 dB below the loudest place. */
export function spectrogram(samples, columns, rows) {
  const [real, imaginary] = [new Float32Array(SIZE), new Float32Array(SIZE)];
  const shape = Float32Array.from({ length: SIZE }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / (SIZE - 1)));
  const levels = new Float32Array(rows * columns);
  const bins = SIZE / 2;
  let loudest = 1e-12;
  for (let column = 0; column < columns; column++) {
    const first = Math.round(((column + 0.5) * samples.length) / columns) - SIZE / 2;
    for (let i = 0; i < SIZE; i++) {
      real[i] = (samples[first + i] ?? 0) * shape[i];
      imaginary[i] = 0;
    }
    transform(real, imaginary);
    for (let row = 0; row < rows; row++) {
      const [from, to] = [Math.floor((row * bins) / rows), Math.max(Math.floor(((row + 1) * bins) / rows), 1)];
      let power = 0;
      for (let bin = from; bin < to; bin++) power = Math.max(power, real[bin] ** 2 + imaginary[bin] ** 2);
      levels[(rows - 1 - row) * columns + column] = power;
      if (power > loudest) loudest = power;
    }
  }
  return levels.map((power) => Math.max(0, 1 - (10 * Math.log10(power / loudest + 1e-12)) / FLOOR_DB));
}

/** Discrete Fourier transform in place, radix 2 (Cooley and Tukey, 1965); the length is a power of two. */
export function transform(real, imaginary) {
  const n = real.length;
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [real[i], real[j]] = [real[j], real[i]];
      [imaginary[i], imaginary[j]] = [imaginary[j], imaginary[i]];
    }
  }
  for (let half = 1; half < n; half <<= 1) {
    for (let k = 0; k < half; k++) {
      const [cosine, sine] = [Math.cos((Math.PI * k) / half), -Math.sin((Math.PI * k) / half)];
      for (let i = k; i < n; i += 2 * half) {
        const j = i + half;
        const [re, im] = [real[j] * cosine - imaginary[j] * sine, real[j] * sine + imaginary[j] * cosine];
        [real[j], imaginary[j]] = [real[i] - re, imaginary[i] - im];
        [real[i], imaginary[i]] = [real[i] + re, imaginary[i] + im];
      }
    }
  }
}

/** Mono samples as a WAV file of 16 bits. */
export function wav(pieces, rate) {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const view = new DataView(new ArrayBuffer(44 + 2 * length));
  const text = (at, letters) => [...letters].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + 2 * length, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 2 * length, true);
  let at = 44;
  for (const piece of pieces) {
    for (const sample of piece) {
      view.setInt16(at, Math.round(Math.max(-1, Math.min(1, sample)) * 32_767), true);
      at += 2;
    }
  }
  return new Blob([view], { type: "audio/wav" });
}
