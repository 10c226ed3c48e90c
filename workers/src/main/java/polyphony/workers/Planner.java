package polyphony.workers;

import io.temporal.common.Priority;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import polyphony.activities.DeviceSlots;
import polyphony.activities.InProcessSteps;
import polyphony.activities.StepRunner;
import polyphony.activities.lm.Arithmetic;
import polyphony.activities.notify.Notifier;
import polyphony.activities.plan.Forecasting;
import polyphony.activities.plan.MemoryNeed;
import polyphony.activities.plan.Plan;
import polyphony.activities.plan.PlanningSteps;
import polyphony.activities.plan.Rates;
import polyphony.storage.FolderObjectStore;
import polyphony.storage.OverlaidObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Steps;
import polyphony.storage.TemporaryFolder;
import polyphony.storage.Worker;
import polyphony.workflows.Experiment;
import polyphony.workflows.ExperimentResult;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.Forecast;

/**
 * Plans experiments: runs their workflow, on a Temporal service of its own in this process, with
 * steps that are only looked up. The store is not changed by it.
 */
final class Planner implements Forecasting, Parts.Planning {
  /** Looking up is quick, and waits for the store most of the time. */
  private static final int AT_ONCE = 4;

  private final StoreAccess access;
  private final Worker worker;
  private final Map<String, String> versions;
  private final Arithmetic arithmetic;
  private final int slots;

  /**
   * @param access stays open for as long as this is used
   * @param worker who will do the work
   * @param versions of everything that can change bytes
   * @param arithmetic of where they are computed
   * @param slots steps that are computed at the same time
   */
  Planner(
      StoreAccess access,
      Worker worker,
      Map<String, String> versions,
      Arithmetic arithmetic,
      int slots) {
    this.access = access;
    this.worker = worker;
    this.versions = Map.copyOf(versions);
    this.arithmetic = arithmetic;
    this.slots = slots;
  }

  /**
   * What an experiment will do.
   *
   * @param forecast empty where some kind of its work was never measured
   */
  record Planned(Plan plan, Rates rates, Optional<Forecast> forecast) {}

  @Override
  public Forecast forecast(String name, ExperimentSpec spec, BooleanSupplier stop)
      throws InterruptedException {
    return plan(name, spec, stop, true).forecast().orElse(null);
  }

  @Override
  public Planned plan(String name, ExperimentSpec asked) throws InterruptedException {
    return plan(name, asked, () -> false, false);
  }

  /**
   * @param onlyForecast nothing is planned where there would be no forecast anyway
   */
  private Planned plan(
      String name, ExperimentSpec asked, BooleanSupplier stop, boolean onlyForecast)
      throws InterruptedException {
    try (TemporaryFolder written = new TemporaryFolder(access.work().resolve("plans"), "plan");
        OverlaidObjectStore store =
            new OverlaidObjectStore(
                access.objects(), new FolderObjectStore(written.path().resolve("store")))) {
      StoreAccess overlaid = access.over(store);
      Steps steps = new Steps(store, overlaid.artifacts(), worker, Clock.systemUTC());
      try (StepRunner runner =
          new StepRunner(
              steps,
              new InProcessSteps(
                  steps, new DeviceSlots(1), versions, new InProcessSteps.Bodies()))) {
        Experiment experiment = Assembly.resolve(overlaid, versions).run(name, asked);
        Rates rates = Rates.read(access.objects(), experiment, worker.device());
        if (stop.getAsBoolean()) {
          throw givenUp(name);
        }
        if (onlyForecast && !rates.mayForecast(experiment.spec())) {
          return new Planned(new Plan(experiment, List.of()), rates, Optional.empty());
        }
        PlanningSteps planning =
            new PlanningSteps(
                steps,
                Assembly.light(
                    overlaid,
                    runner,
                    steps,
                    versions,
                    Optional.empty(),
                    Forecasting.NONE,
                    Notifier.NONE),
                rates);
        long start = System.nanoTime();
        run(experiment, asked, new StepActivities(planning, planning, planning), stop);
        Plan plan = new Plan(experiment, planning.planned());
        // What a step costs beside its work was seen just now.
        double secondsOfStep = (System.nanoTime() - start) / 1e9 / plan.steps().size();
        long memory =
            MemoryNeed.of(
                arithmetic,
                overlaid.checkpoints().open(experiment.base()),
                Optional.ofNullable(experiment.likelihoodCheckpoint())
                    .map(overlaid.checkpoints()::open),
                experiment,
                slots);
        return new Planned(plan, rates, plan.forecast(rates, slots, secondsOfStep, memory));
      }
    }
  }

  private static void run(
      Experiment experiment,
      ExperimentSpec asked,
      StepActivities activities,
      BooleanSupplier stop) {
    TemporalAccess temporal = TemporalAccess.inProcess("planner");
    try (Stack stack = Stack.start(temporal, Set.copyOf(Stack.QUEUES), AT_ONCE, activities)) {
      ExperimentRun run =
          ExperimentRun.startOrAttach(
              stack.client(),
              experiment.name(),
              asked,
              experiment.spec(),
              false,
              Priority.getDefaultInstance());
      await(run, stop);
    }
  }

  private static void await(ExperimentRun run, BooleanSupplier stop) {
    while (!stop.getAsBoolean()) {
      try {
        run.workflow().getResult(1, TimeUnit.SECONDS, ExperimentResult.class);
        return;
      } catch (TimeoutException e) {
        // It is still under way.
      }
    }
    throw givenUp(run.name());
  }

  private static PolyphonyException givenUp(String name) {
    return PolyphonyException.infrastructure(
        "planning " + name + " was given up: nobody waits for it any more", null);
  }
}
