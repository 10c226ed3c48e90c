package polyphony.workflows;

import java.math.BigDecimal;
import java.util.List;
import java.util.Objects;

/**
 * What follows from a role's tuning, where a spec leaves it open. A role that has an adapter gets
 * the adapter's shape, and a learning rate ten times that of full finetuning: what LoRA wants,
 * whatever its rank (Schulman et al., "LoRA Without Regret", Thinking Machines Lab 2025). A role
 * whose every weight is tuned gets neither.
 */
final class TuningDefaults {
  static final int RANK = 8;
  static final double DROPOUT = 0.0;
  static final List<String> TARGETS = List.of(TrainingSpec.ALL_LINEAR);

  /** The rate of LoRA is that of full finetuning times ten to this power. */
  private static final int RATE_POWER = 1;

  private final TrainingSpec asked;
  private final TrainingSpec own;
  private final TrainingSpec plain;

  private TuningDefaults(TrainingSpec asked, TrainingSpec own, TrainingSpec plain) {
    this.asked = asked;
    this.own = own;
    this.plain = plain;
  }

  /**
   * @param asked by a person
   * @param own what the model brings along, or the experiment that is forked had
   * @param plain both of them and the general defaults, laid over one another
   */
  static TrainingSpec complete(TrainingSpec asked, TrainingSpec own, TrainingSpec plain) {
    TuningDefaults defaults = new TuningDefaults(asked, own, plain);
    TrainingSpec both =
        settled(
            asked.withOverrides(null, null),
            own.withOverrides(null, null),
            plain.withOverrides(null, null),
            asked);
    return both.withOverrides(
        defaults.override(Role.GENERATOR, both), defaults.override(Role.CRITIC, both));
  }

  /**
   * @param idle whose adapter stands where there is no adapter: as asked, for the checks to refuse
   */
  private static TrainingSpec settled(
      TrainingSpec asked, TrainingSpec own, TrainingSpec plain, TrainingSpec idle) {
    TrainingSpec settled =
        plain
            .withLearningRate(rate(asked, own, plain))
            .withRecompute(recompute(plain.recompute(), false));
    if (!plain.tunesAdapter()) {
      return settled.withAdapter(idle.rank(), idle.alpha(), idle.dropout(), idle.targets());
    }
    int rank = SpecDefaults.first(plain.rank(), RANK);
    // An alpha that came with another rank is of no use with this one.
    boolean otherRank = asked.rank() != null && !asked.rank().equals(own.rank());
    Double alpha = otherRank ? asked.alpha() : plain.alpha();
    return settled.withAdapter(
        rank,
        SpecDefaults.first(alpha, 2.0 * rank),
        SpecDefaults.first(plain.dropout(), DROPOUT),
        SpecDefaults.first(plain.targets(), TARGETS));
  }

  /** A rate that nobody asked for is one for the tuning that it comes with. */
  private static Double rate(TrainingSpec asked, TrainingSpec own, TrainingSpec plain) {
    boolean meantForAdapter = own.learningRate() != null && own.tunesAdapter();
    if (asked.learningRate() != null || meantForAdapter == plain.tunesAdapter()) {
      return plain.learningRate();
    }
    return BigDecimal.valueOf(plain.learningRate())
        .scaleByPowerOfTen(plain.tunesAdapter() ? RATE_POWER : -RATE_POWER)
        .doubleValue();
  }

  /** What a role has that differs from both roles' settings, or was set for it. */
  private TrainingSpec override(Role role, TrainingSpec both) {
    TrainingSpec open = SpecDefaults.OPEN_TRAINING;
    TrainingSpec set = SpecDefaults.first(plain.override(role), open);
    TrainingSpec settled =
        settled(
            asked.merged(role),
            own.merged(role),
            plain.merged(role),
            SpecDefaults.first(asked.override(role), open));
    TrainingSpec differing =
        settled.withAdapter(
            own(set.rank(), both.rank(), settled.rank()),
            own(set.alpha(), both.alpha(), settled.alpha()),
            own(set.dropout(), both.dropout(), settled.dropout()),
            own(set.targets(), both.targets(), settled.targets()));
    TrainingSpec adapter = settled.tunesAdapter() ? differing : settled;
    TrainingSpec override =
        set.withLearningRate(own(set.learningRate(), both.learningRate(), settled.learningRate()))
            .withRecompute(recompute(set.recompute(), Boolean.TRUE.equals(both.recompute())))
            .withAdapter(adapter.rank(), adapter.alpha(), adapter.dropout(), adapter.targets());
    return override.equals(open) ? null : override;
  }

  /** Null where it was not set for the role, and is as for both. */
  private static <T> T own(T set, T both, T settled) {
    return set == null && Objects.equals(both, settled) ? null : settled;
  }

  /** That activations are kept is left out, unless they are not for both roles. */
  private static Boolean recompute(Boolean set, boolean otherwise) {
    return (Boolean.FALSE.equals(set) && !otherwise) ? null : set;
  }
}
