package polyphony.activities.lm.onnx;

import polyphony.activities.lm.RotaryPositions;

/**
 * Cosine and sine of each position's rotation angles: one block of {@code positions} rows for each
 * of the model's regimes.
 *
 * @param cosine float [regimes * positions * half]
 * @param sine float [regimes * positions * half]
 */
record RotaryTable(float[] cosine, float[] sine, int rows, int half) {

  static RotaryTable of(RotaryPositions rotary, int positions) {
    int half = rotary.size() / 2;
    int rows = Math.multiplyExact(rotary.regimes(), positions);
    float[] cosine = new float[Math.multiplyExact(rows, half)];
    float[] sine = new float[cosine.length];
    for (int regime = 0; regime < rotary.regimes(); regime++) {
      double[] frequencies = rotary.frequencies(regime);
      for (int position = 0; position < positions; position++) {
        int row = regime * positions + position;
        for (int i = 0; i < half; i++) {
          double angle = rotary.angle(position, frequencies[i]);
          cosine[row * half + i] = (float) (rotary.magnitude() * Math.cos(angle));
          sine[row * half + i] = (float) (rotary.magnitude() * Math.sin(angle));
        }
      }
    }
    return new RotaryTable(cosine, sine, rows, half);
  }

  void addTo(OnnxSession.Inputs inputs) {
    inputs.floats("cosine", cosine, rows, half).floats("sine", sine, rows, half);
  }
}
