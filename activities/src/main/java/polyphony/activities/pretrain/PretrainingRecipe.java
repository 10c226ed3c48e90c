package polyphony.activities.pretrain;

import java.util.List;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.NewLanguageModel;
import polyphony.activities.lm.TrainingSettings;
import polyphony.workflows.ModelDefaults;
import polyphony.workflows.SamplingSpec;
import polyphony.workflows.TrainingSpec;

/**
 * Shape, schedule and corpus of the built-in model: competence first on clean chains, then a short
 * stage on chains with random slips. The second stage makes the model middling on purpose, with
 * errors that are random rather than systematic: those a majority vote can filter.
 *
 * @param config the decoder
 * @param stages in order; each starts at the weights that the one before ended with
 */
public record PretrainingRecipe(DecoderConfig config, List<Stage> stages) {
  /**
   * One stage.
   *
   * @param steps optimizer steps
   * @param tokensPerStep a step's texts have at least this many tokens together
   * @param slip probability of a slip in each step of an answer
   * @param shownSlipAtMost answers shown to critics and summarisers slip with a probability drawn
   *     from 0 to this; 0: as {@code slip}
   * @param garbledShare share of critics and summarisers that read chains with arbitrary results
   *     instead; copying is learnt where nothing can be computed
   * @param criticRepeats share of critics that repeat one of the answers before them, their own or
   *     another's, right or wrong; the rest work the problem anew
   * @param criticSlip probability of a slip in each step of a critic that works anew
   * @param criticShareStart share of tokens in texts of critics and summarisers, at the first step
   * @param criticShareEnd the same at the last step
   * @param secondTurnShare share of critics that speak a second time, as in a third round
   * @param summaryShare share of critics that read a summary instead of the answers
   * @param summariseShare share of summarisers among critics and summarisers
   * @param training optimizer settings
   */
  public record Stage(
      String name,
      int steps,
      int tokensPerStep,
      double slip,
      double shownSlipAtMost,
      double garbledShare,
      double criticRepeats,
      double criticSlip,
      double criticShareStart,
      double criticShareEnd,
      double secondTurnShare,
      double summaryShare,
      double summariseShare,
      TrainingSettings training) {}

  /** The built-in model's recipe, on {@code lanes} threads. */
  public static PretrainingRecipe builtIn(int lanes) {
    DecoderConfig config =
        new DecoderConfig(
            NewLanguageModel.vocabularySize(CompactDialect.ALPHABET),
            128,
            4,
            4,
            2,
            32,
            384,
            10000.0,
            1e-6,
            640,
            false);
    Stage competence =
        new Stage(
            "competence",
            8000,
            2560,
            0.0,
            0.5,
            0.5,
            0.50,
            0.0,
            0.20,
            0.45,
            0.15,
            0.60,
            0.15,
            settings(2e-3, TrainingSettings.Schedule.COSINE, 0.05, 0.1, lanes));
    Stage slips =
        new Stage(
            "slips",
            1800,
            2560,
            0.10,
            0.0,
            0.0,
            0.60,
            0.02,
            0.70,
            0.80,
            0.15,
            0.60,
            0.10,
            settings(1e-3, TrainingSettings.Schedule.FLAT_THEN_LINEAR, 0.02, 0.05, lanes));
    return new PretrainingRecipe(config, List.of(competence, slips));
  }

  private static TrainingSettings settings(
      double learningRate,
      TrainingSettings.Schedule schedule,
      double finalShare,
      double weightDecay,
      int lanes) {
    return new TrainingSettings(
        learningRate, schedule, 100, finalShare, 0.9, 0.95, 1e-8, weightDecay, 1.0, 1400, lanes);
  }

  /** What the built-in model brings along for fields that a spec leaves open. */
  public static ModelDefaults experimentDefaults() {
    TrainingSpec critic =
        new TrainingSpec(null, null, null, 6e-4, null, null, null, null, null, null);
    TrainingSpec training =
        new TrainingSpec("full", 2, 16, 3e-4, "linear", 0.05, 0.0, 1.0, null, critic);
    return new ModelDefaults(
        "compact", true, 0.1, "all-turns", new SamplingSpec(1.0, 1.0, 128), training);
  }
}
