package polyphony.activities.lm.onnx;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import polyphony.activities.lm.onnx.GraphBuilder.ElementType;
import polyphony.activities.lm.onnx.GraphBuilder.Value;

class TokenSelectionTest {
  /** Too short for most nuclei, so that the search is needed; and as it is used. */
  private static final int[] SHORTLISTS = {1, TokenSelection.SHORTLIST};

  private record Shape(int vocabulary, int shortlist, boolean segmented) {}

  private static final Map<Shape, OnnxSession> SESSIONS = new HashMap<>();

  private static OnnxSession session(Shape shape) {
    GraphBuilder graph = new GraphBuilder("selection");
    Value logits = graph.input("logits", ElementType.FLOAT, "batch", "vocabulary");
    Value uniforms = graph.input("uniforms", ElementType.DOUBLE, "batch", "1");
    TokenSelection selection =
        new TokenSelection(
            graph.input("temperature", ElementType.FLOAT),
            graph.input("topP", ElementType.FLOAT),
            graph.input("greedy", ElementType.BOOL),
            graph.input("nucleus", ElementType.BOOL),
            shape.vocabulary(),
            shape.shortlist(),
            shape.segmented());
    graph.output(
        "tokens", selection.select(graph, logits, uniforms), ElementType.INT64, "batch", "1");
    graph.output("kept", selection.kept(graph, logits), ElementType.FLOAT, "batch", "vocabulary");
    return new OnnxSession(graph.model(), Path.of("."), OnnxOptions.DEFAULT);
  }

  @AfterAll
  static void close() {
    SESSIONS.values().forEach(OnnxSession::close);
  }

  private record Selected(long[] tokens, float[][] kept) {}

  private static Selected select(
      float[][] logits, double[] uniforms, double temperature, double topP, boolean greedy) {
    return select(TokenSelection.SHORTLIST, true, logits, uniforms, temperature, topP, greedy);
  }

  private static Selected select(
      int shortlist,
      boolean segmented,
      float[][] logits,
      double[] uniforms,
      double temperature,
      double topP,
      boolean greedy) {
    int vocabulary = logits[0].length;
    OnnxSession session =
        SESSIONS.computeIfAbsent(
            new Shape(vocabulary, shortlist, segmented), TokenSelectionTest::session);
    float[] flat = new float[logits.length * vocabulary];
    for (int row = 0; row < logits.length; row++) {
      System.arraycopy(logits[row], 0, flat, row * vocabulary, vocabulary);
    }
    try (OnnxSession.Inputs inputs = session.inputs()) {
      inputs
          .floats("logits", flat, logits.length, vocabulary)
          .doubles("uniforms", uniforms, logits.length, 1)
          .real("temperature", (float) temperature)
          .real("topP", (float) topP)
          .truth("greedy", greedy)
          .truth("nucleus", topP < 1);
      return session.run(
          inputs,
          OnnxSession.Memory.KEPT,
          outputs -> {
            FloatBuffer values = outputs.floats("kept");
            float[][] kept = new float[logits.length][vocabulary];
            for (float[] row : kept) {
              values.get(row);
            }
            return new Selected(outputs.integers("tokens"), kept);
          });
    }
  }

  private static double[] widen(float[] values) {
    double[] result = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      result[i] = values[i];
    }
    return result;
  }

  /** Flat, peaked, tied, clustered, hardly distinguishable and partly impossible logits. */
  private static float[] hostileLogits(int kind, int vocabulary, Random random) {
    float[] logits = new float[vocabulary];
    for (int i = 0; i < vocabulary; i++) {
      double gaussian = random.nextGaussian();
      logits[i] =
          (float)
              switch (kind) {
                case 0 -> gaussian;
                case 1 -> 30 * gaussian;
                case 2 -> 1e-3 * gaussian;
                case 3 -> Math.rint(2 * gaussian);
                case 4 -> 5;
                case 5 -> 100 + 1e-6 * gaussian;
                case 6 -> i == 0 ? 40 : gaussian;
                case 7 -> random.nextInt(4) == 0 ? Double.NEGATIVE_INFINITY : gaussian;
                case 8 -> -Math.pow(10, -40 * random.nextDouble());
                default -> -1e6 + 3 * gaussian;
              };
    }
    if (kind == 7) {
      logits[random.nextInt(vocabulary)] = 0; // at least one token is possible
    }
    return logits;
  }

  @Test
  void theNucleusIsTheOneFoundBySorting() {
    Random random = new Random(11);
    int certain = 0;
    int all = 0;
    for (int vocabulary : new int[] {2, 3, 28, 400, 5000}) {
      for (double temperature : new double[] {0.3, 3}) {
        for (double topP : new double[] {0.05, 0.9, 0.999}) {
          float[][] logits = new float[10][];
          for (int kind = 0; kind < logits.length; kind++) {
            logits[kind] = hostileLogits(kind, vocabulary, random);
          }
          for (int shortlist : SHORTLISTS) {
            Selected selected =
                select(shortlist, false, logits, new double[10], temperature, topP, false);
            for (int kind = 0; kind < logits.length; kind++) {
              all++;
              certain +=
                  assertNucleus(logits[kind], selected.kept()[kind], temperature, topP) ? 1 : 0;
            }
          }
        }
      }
    }
    assertThat(certain).isGreaterThan(all * 8 / 10);
  }

  /** Returns whether rounding leaves no doubt about the set; if so, it must be the very same. */
  private static boolean assertNucleus(
      float[] logits, float[] kept, double temperature, double topP) {
    // The graph's own view of the logits: what ties there, ties.
    float greatest = logits[0];
    for (float logit : logits) {
      greatest = Math.max(greatest, logit);
    }
    double[] scaled = new double[logits.length];
    for (int i = 0; i < logits.length; i++) {
      scaled[i] = (logits[i] - greatest) / (float) temperature;
    }
    PlainSelection expected = PlainSelection.of(scaled, 1, (float) topP);
    double sum = 0;
    for (double value : scaled) {
      sum += Math.exp(value);
    }
    double least = Double.POSITIVE_INFINITY;
    double mass = 0;
    for (int i = 0; i < kept.length; i++) {
      if (kept[i] > 0) {
        least = Math.min(least, scaled[i]);
        mass += Math.exp(scaled[i]) / sum;
      }
    }
    assertThat(mass).isGreaterThan((float) topP - 2e-6);
    boolean certain = expected.margin() > 2e-6;
    List<Integer> wrong = new ArrayList<>();
    for (int i = 0; i < kept.length; i++) {
      // Everything as probable as the least kept token is kept, and nothing below.
      double weight = scaled[i] >= least ? Math.exp(scaled[i]) : 0;
      boolean tooSmallForFloat = weight < 1e-37;
      boolean asSorted = !certain || tooSmallForFloat || (kept[i] > 0) == (expected.kept()[i] > 0);
      boolean sameWeight =
          Math.abs(kept[i] - weight) < 1e-6 && (tooSmallForFloat || (kept[i] > 0) == (weight > 0));
      if (!sameWeight || !asSorted) {
        wrong.add(i);
      }
    }
    assertThat(wrong).isEmpty();
    return certain;
  }

  @Test
  void tokensEqualThoseOfThePlainSampler() {
    Random random = new Random(5);
    int certain = 0;
    int all = 0;
    for (double topP : new double[] {0.3, 0.95, 1}) {
      for (double temperature : new double[] {0.5, 1, 2}) {
        for (int vocabulary : new int[] {300, 4096, 4099}) {
          float[][] logits = new float[64][];
          for (int row = 0; row < logits.length; row++) {
            logits[row] = hostileLogits(row % 4, vocabulary, random);
          }
          double[] uniforms = random.doubles(logits.length).toArray();
          long[] tokens = select(logits, uniforms, temperature, topP, false).tokens();
          for (int row = 0; row < logits.length; row++) {
            PlainSelection plain = PlainSelection.of(widen(logits[row]), temperature, (float) topP);
            all++;
            if (plain.certain(uniforms[row], 1e-5)) {
              certain++;
              assertThat(tokens[row]).isEqualTo(plain.token(uniforms[row]));
            } else {
              assertThat(plain.kept()[(int) tokens[row]]).isPositive();
            }
          }
        }
      }
    }
    assertThat(certain).isGreaterThan(all * 9 / 10);
  }

  /**
   * Uniforms on the very borders between tokens, where another order of adding would show: what was
   * once drawn on the processor is drawn again.
   */
  @Test
  void theProcessorAddsWeightsOneAfterAnother() {
    Random random = new Random(3);
    int vocabulary = 5000;
    // Of weights of so many magnitudes the sums are rounded.
    float[] logits = new float[vocabulary];
    for (int i = 0; i < vocabulary; i++) {
      logits[i] = (float) (6 * random.nextGaussian());
    }
    float[] weights =
        select(TokenSelection.SHORTLIST, false, new float[][] {logits}, new double[1], 1, 1, false)
            .kept()[0];
    double[] cumulative = widen(weights);
    for (int i = 1; i < vocabulary; i++) {
      cumulative[i] += cumulative[i - 1];
    }
    double total = cumulative[vocabulary - 1];
    float[][] rows = new float[1000][];
    Arrays.fill(rows, logits);
    double[] uniforms =
        random
            .ints(rows.length, 0, vocabulary - 1)
            .mapToDouble(i -> cumulative[i] / total)
            .toArray();
    long[] expected =
        Arrays.stream(uniforms)
            .mapToLong(each -> Arrays.stream(cumulative).filter(sum -> sum <= each * total).count())
            .toArray();
    boolean segmented = GraphVariant.CPU.segmented();
    assertThat(select(TokenSelection.SHORTLIST, segmented, rows, uniforms, 1, 1, false).tokens())
        .isEqualTo(expected);
    assertThat(select(TokenSelection.SHORTLIST, true, rows, uniforms, 1, 1, false).tokens())
        .isNotEqualTo(expected);
  }

  @Test
  void aTokenWithoutProbabilityIsNeverDrawn() {
    float low = Float.NEGATIVE_INFINITY;
    float[] atTheEdges = new float[5000]; // of segments
    Arrays.fill(atTheEdges, low);
    for (int edge : new int[] {0, 511, 512, 1024, 4607}) {
      atTheEdges[edge] = edge == 512 ? 0 : -30;
    }
    double[] extremes = {0, Double.MIN_VALUE, 0.5, Math.nextDown(1.0), 1};
    for (float[] row :
        new float[][] {
          {low, 0, low},
          {low, 1e-3f, 1e-3f, low, low},
          {-200, 0, -200},
          {0, -200},
          {-1e30f, 7, 7},
          atTheEdges
        }) {
      float[][] logits = new float[extremes.length][];
      Arrays.fill(logits, row);
      for (double topP : new double[] {0.7, 1}) {
        Selected selected = select(logits, extremes, 1, topP, false);
        for (int i = 0; i < extremes.length; i++) {
          assertThat(selected.kept()[i][(int) selected.tokens()[i]]).isPositive();
        }
      }
    }
  }

  @Test
  void drawsFollowTheDistribution() {
    int draws = 40_000;
    float[] row = hostileLogits(0, 40, new Random(2));
    float[][] logits = new float[draws][];
    Arrays.fill(logits, row);
    for (double topP : new double[] {0.8, 1}) {
      double[] uniforms = new SplittableRandom(9).doubles(draws).toArray();
      int[] counts = new int[row.length];
      for (long token : select(logits, uniforms, 1.3, topP, false).tokens()) {
        counts[(int) token]++;
      }
      double[] kept = PlainSelection.of(widen(row), 1.3, topP).kept();
      double sum = Arrays.stream(kept).sum();
      double chiSquare = 0;
      for (int token = 0; token < row.length; token++) {
        double expected = draws * kept[token] / sum;
        if (kept[token] == 0) {
          assertThat(counts[token]).isZero();
        } else {
          chiSquare += Math.pow(counts[token] - expected, 2) / expected;
        }
      }
      // The 0.999 quantile with 39 degrees of freedom is 72.1; with fewer it is less.
      assertThat(chiSquare).isLessThan(72.1);
    }
  }

  @Test
  void greedyTakesTheMostProbableToken() {
    float[][] logits = {{1, 5, 2}, {-3, -2, -1}, {4, 4, 0}};

    assertThat(select(logits, new double[3], 1, 0.1, true).tokens()).containsExactly(1, 2, 0);
  }

  @Test
  void logitsThatAreNotNumbersGiveNoToken() {
    float[][] logits = {
      {1, Float.NaN, 2},
      {1, Float.POSITIVE_INFINITY, 2},
      {Float.NaN, Float.NaN, Float.NaN},
      {1, 2, 3}
    };
    for (int vocabulary : new int[] {3, TokenSelection.SEGMENTED}) {
      float[][] rows =
          Arrays.stream(logits).map(row -> Arrays.copyOf(row, vocabulary)).toArray(float[][]::new);
      for (double topP : new double[] {0.5, 1}) {
        for (boolean greedy : new boolean[] {true, false}) {
          long[] tokens = select(rows, new double[4], 1, topP, greedy).tokens();
          assertThat(Arrays.copyOf(tokens, 3)).containsOnly(TokenSelection.INVALID);
          assertThat(tokens[3]).isNotNegative();
        }
      }
    }
  }
}
