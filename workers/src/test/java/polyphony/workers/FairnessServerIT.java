package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.temporal.common.Priority;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import polyphony.workflows.Debate;
import polyphony.workflows.ExperimentResult;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.PolyphonyDataConverter;

/** How experiments share the one slot of one worker at a real Temporal server. */
class FairnessServerIT {
  private static final long ONE = 1;
  private static final long OTHER = 2;
  private static final long URGENT = 3;

  /** So many steps are looked at, while both experiments still have work. */
  private static final int STEPS = 32;

  private static final Duration STEP = Duration.ofMillis(50);

  private final FakeSteps steps = new FakeSteps();

  /** The seed of each debate, which tells its experiment, in the order in which they began. */
  private final LinkedBlockingQueue<Long> order = new LinkedBlockingQueue<>();

  private TestServers servers;
  private TemporalAccess temporal;

  @BeforeEach
  void openServers() throws Exception {
    servers = TestServers.open();
    temporal =
        TemporalAccess.connect(
            Settings.of(servers.environment(), 1).requireTemporal("this needs"), "fairness");
    steps.debates = this::compute;
  }

  @AfterEach
  void removeTraces() throws Exception {
    servers.remove();
  }

  private void compute(Debate.Request debate) {
    order.add(debate.seed());
    try {
      TimeUnit.MILLISECONDS.sleep(STEP.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private ExperimentRun start(long seed, int questions, int priority) {
    ExperimentSpec asked =
        PolyphonyDataConverter.create()
            .fromPayload(
                PolyphonyDataConverter.create()
                    .toPayload(
                        Map.of(
                            "method",
                            "debate",
                            "seed",
                            seed,
                            "task",
                            Map.of("name", "arithmetic", "evaluate", questions)))
                    .orElseThrow(),
                ExperimentSpec.class,
                ExperimentSpec.class);
    return ExperimentRun.startOrAttach(
        temporal.client(),
        "experiment-" + seed,
        asked,
        FakeSteps.complete(asked),
        true,
        Priority.newBuilder().setPriorityKey(priority).build());
  }

  @Test
  void experimentsShareASlotEvenlyAndAMoreUrgentOneComesFirst() throws Exception {
    List<ExperimentRun> runs = new ArrayList<>();
    // Both have a lot to do before anybody takes any of it.
    runs.add(start(ONE, 1500, 3));
    runs.add(start(OTHER, 1500, 3));
    List<Long> seeds = new ArrayList<>();
    try (Stack worker = Stack.start(temporal, Set.copyOf(Stack.QUEUES), 1, steps.activities())) {
      assertThat(worker.client()).isNotNull();
      while (seeds.size() < STEPS) {
        seeds.add(order.poll(60, TimeUnit.SECONDS));
      }
      runs.add(start(URGENT, 250, 1));
      for (ExperimentRun run : runs) {
        run.workflow().getResult(ExperimentResult.class);
      }
    }
    order.drainTo(seeds);
    List<Long> shared = seeds.subList(0, STEPS);
    assertThat(Collections.frequency(shared, ONE))
        .as("of the first %d steps, in this order: %s", STEPS, shared)
        .isCloseTo(STEPS / 2, within(STEPS / 10));
    // Its steps were not there yet when the first of them came: then nothing comes between them.
    int first = seeds.indexOf(URGENT);
    assertThat(seeds.subList(first, first + 3)).as("of %s", seeds).containsOnly(URGENT);
  }
}
