package polyphony.workers.devicecheck;

import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;

/** What the check consists of, the most important first: an overall limit cuts from the end. */
enum Part {
  DEVICE("the device", 30),
  SAMPLING_AGREES("sampling agrees with the CPU", 60),
  TRAINING_AGREES("training agrees with the CPU", 90),
  TRAINING_DIES("a training is killed", 60),
  TRAINING_RESUMES("a killed training resumes", 60),
  COPIES("copies in the graph", 60),
  CEILINGS("ceilings", 30),
  SAMPLING("sampling", 120),
  TRAINING("training", 120),
  DETERMINISTIC("deterministic training", 90),
  SAMPLING_8B("sampling, 8B", 180),
  TRAINING_8B("training, 8B", 180);

  private final String title;
  private final Duration limit;

  Part(String title, int seconds) {
    this.title = title;
    this.limit = Duration.ofSeconds(seconds);
  }

  /** All of them, in order. */
  static List<Part> all(boolean reduced) {
    return Arrays.stream(values()).filter(part -> !reduced || !part.large()).toList();
  }

  void run(Bench bench, Consumer<Finding> to) throws IOException {
    switch (this) {
      case DEVICE -> bench.subject().facts().forEach(to);
      case SAMPLING_AGREES -> SamplingAgreement.verify(bench, to);
      case TRAINING_AGREES -> TrainingAgreement.verify(bench, to);
      case TRAINING_DIES -> ResumedTraining.die(bench);
      case TRAINING_RESUMES -> ResumedTraining.resume(bench, to);
      case COPIES -> CopiesInGraph.verify(bench, to);
      case CEILINGS -> Ceilings.measure(bench, to);
      case SAMPLING, SAMPLING_8B -> SamplingSpeed.measure(bench, shape(bench), to);
      case DETERMINISTIC -> TrainingSpeed.measureDeterministic(bench, shape(bench), to);
      case TRAINING, TRAINING_8B -> TrainingSpeed.measure(bench, shape(bench), to);
    }
  }

  private boolean large() {
    return this == SAMPLING_8B || this == TRAINING_8B;
  }

  private ModelShape shape(Bench bench) {
    if (bench.assignment().reduced()) {
      return ModelShape.SMALL;
    }
    return large() ? ModelShape.EIGHT_BILLION : ModelShape.ONE_BILLION;
  }

  String title() {
    return title;
  }

  /** Whether the check has failed where this cannot be done. */
  boolean verification() {
    return switch (this) {
      case DEVICE, SAMPLING_AGREES, TRAINING_AGREES, TRAINING_DIES, TRAINING_RESUMES, COPIES ->
          true;
      case CEILINGS, SAMPLING, TRAINING, DETERMINISTIC, SAMPLING_8B, TRAINING_8B -> false;
    };
  }

  /** Then its process is killed. */
  Duration limit() {
    return limit;
  }

  /** Whether equal inputs must give equal bits in it. */
  boolean deterministic() {
    return this == TRAINING_DIES || this == TRAINING_RESUMES || this == DETERMINISTIC;
  }

  /** Whether its process is to be killed by itself. */
  boolean dies() {
    return this == TRAINING_DIES;
  }
}
