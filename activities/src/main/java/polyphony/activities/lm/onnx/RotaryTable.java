package polyphony.activities.lm.onnx;

import polyphony.activities.lm.DecoderConfig;

/**
 * Cosine and sine of each position's rotation angles, {@code position / theta^(2 i / headSize)}
 * (RoFormer, arXiv 2104.09864, eq. 15), computed in double precision.
 *
 * @param cosine float [positions * half]
 * @param sine float [positions * half]
 */
record RotaryTable(float[] cosine, float[] sine, int positions, int half) {

  static RotaryTable of(DecoderConfig config, int positions) {
    int half = config.headSize() / 2;
    float[] cosine = new float[Math.multiplyExact(positions, half)];
    float[] sine = new float[cosine.length];
    for (int i = 0; i < half; i++) {
      double frequency = Math.pow(config.ropeTheta(), -2.0 * i / config.headSize());
      for (int position = 0; position < positions; position++) {
        cosine[position * half + i] = (float) Math.cos(position * frequency);
        sine[position * half + i] = (float) Math.sin(position * frequency);
      }
    }
    return new RotaryTable(cosine, sine, positions, half);
  }

  void addTo(OnnxSession.Inputs inputs) {
    inputs.floats("cosine", cosine, positions, half).floats("sine", sine, positions, half);
  }
}
