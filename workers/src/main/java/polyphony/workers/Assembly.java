package polyphony.workers;

import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import polyphony.activities.Checkpoints;
import polyphony.activities.DeviceSlots;
import polyphony.activities.InProcessSteps;
import polyphony.activities.LightActivities;
import polyphony.activities.ModelSteps;
import polyphony.activities.SamplingActivities;
import polyphony.activities.StepRunner;
import polyphony.activities.TrainingActivities;
import polyphony.activities.audit.Healing;
import polyphony.activities.audit.HistoryArchive;
import polyphony.activities.compare.CompareStep;
import polyphony.activities.debate.DebateStep;
import polyphony.activities.evaluate.EvaluateStep;
import polyphony.activities.evaluate.RecordStep;
import polyphony.activities.lm.cuda.NativeCudaProbe;
import polyphony.activities.notify.Notifier;
import polyphony.activities.plan.Forecasting;
import polyphony.activities.report.ReportStep;
import polyphony.activities.report.Reporter;
import polyphony.activities.resolve.FreshQuestionsStep;
import polyphony.activities.resolve.ResolveStep;
import polyphony.activities.split.SplitStep;
import polyphony.activities.train.TrainStep;
import polyphony.activities.vote.VoteStep;
import polyphony.storage.Steps;
import polyphony.storage.Worker;
import polyphony.workers.isolation.ChildCommand;
import polyphony.workers.isolation.ChildSession;
import polyphony.workers.isolation.IsolatedSteps;

/** Where everything real is put together, by hand. */
final class Assembly {
  private Assembly() {}

  /**
   * What computes the steps that need a model.
   *
   * @param steps memoises them, and all others
   * @param tokens sampled, scored or trained on so far
   */
  private record Models(ModelSteps models, Steps steps, Worker worker, LongSupplier tokens) {}

  /**
   * @param store folder of the artifacts where the settings name no S3 endpoint
   */
  static Parts of(Settings settings, Path store) {
    return of(settings, store, Instruments.NONE, line -> {});
  }

  /**
   * The same, watched.
   *
   * @param told what a person should know of the device, where there is a choice
   */
  static Parts of(Settings settings, Path store, Instruments instruments, Consumer<String> told) {
    ChosenDevice device = device(settings, told);
    StoreAccess access = StoreAccess.open(settings, store);
    try {
      ChildCommand child =
          new ChildCommand(
              instruments.child(),
              List.of(
                  store.toString(),
                  device.device().toString(),
                  Integer.toString(settings.slots(device.device()))),
              crashes(access));
      return of(settings, device, access, child, instruments);
    } catch (RuntimeException | Error e) {
      access.close();
      throw e;
    }
  }

  /**
   * What this process computes on.
   *
   * @throws polyphony.storage.PolyphonyException where the settings ask for a GPU that cannot be
   *     used
   */
  static ChosenDevice device(Settings settings, Consumer<String> told) {
    ChosenDevice device = ChosenDevice.of(settings, new NativeCudaProbe(System.getenv()));
    device.line().ifPresent(told);
    return device;
  }

  private static Path crashes(StoreAccess access) {
    return access.work().resolve("crash-reports");
  }

  private static Parts of(
      Settings settings,
      ChosenDevice device,
      StoreAccess access,
      ChildCommand child,
      Instruments instruments) {
    BusyClock busy = new BusyClock(System::nanoTime);
    int count = settings.slots(device.device());
    DeviceSlots slots = new DeviceSlots(count);
    Models models =
        switch (settings.isolation(device.device())) {
          case NONE -> inProcess(access, device, slots, count, busy, instruments);
          case PROCESS -> isolated(access, device, slots, busy, child, instruments);
        };
    Map<String, String> versions = models.models().versions();
    Planner planner = new Planner(access, models.worker(), versions, device.arithmetic(), count);
    StepRunner runner = new StepRunner(models.steps(), models.models());
    StepActivities activities =
        new StepActivities(
            light(
                access,
                runner,
                models.steps(),
                versions,
                settings.reportsAddress(),
                planner,
                new Notifier(settings.webhook(), settings::link)),
            new SamplingActivities(runner),
            new TrainingActivities(runner));
    return new Parts(
        activities,
        access::complete,
        busy,
        models.tokens(),
        runner::running,
        models.worker(),
        count,
        access.objects(),
        planner,
        () -> {
          runner.close();
          access.close();
        });
  }

  /** What completes and records specs. */
  static ResolveStep resolve(StoreAccess access, Map<String, String> versions) {
    return new ResolveStep(
        access.objects(), access.artifacts(), access.checkpoints(), access.models(), versions);
  }

  /** The steps without a model. */
  static LightActivities light(
      StoreAccess access,
      StepRunner runner,
      Steps steps,
      Map<String, String> versions,
      Optional<String> reportsAddress,
      Forecasting forecasting,
      Notifier notifier) {
    Checkpoints checkpoints = access.checkpoints();
    return new LightActivities(
        runner,
        new Healing(access.objects(), steps),
        new HistoryArchive(access.objects(), access.artifacts()),
        resolve(access, versions),
        new FreshQuestionsStep(access.data()),
        new VoteStep(),
        new SplitStep(),
        new RecordStep(checkpoints, access.objects()),
        new CompareStep(access.objects(), access.artifacts()),
        new Reporter(new ReportStep(access.objects(), access.artifacts()), reportsAddress),
        forecasting,
        notifier);
  }

  private static Models inProcess(
      StoreAccess access,
      ChosenDevice device,
      DeviceSlots slots,
      int count,
      BusyClock busy,
      Instruments instruments) {
    MeteredRuntime runtime = runtime(device, count, busy, instruments);
    Worker worker = worker(device, runtime.versions());
    Steps steps = steps(access, worker, instruments);
    return new Models(
        new InProcessSteps(steps, slots, runtime.versions(), bodies(access, runtime, instruments)),
        steps,
        worker,
        runtime::tokens);
  }

  private static Models isolated(
      StoreAccess access,
      ChosenDevice device,
      DeviceSlots slots,
      BusyClock busy,
      ChildCommand child,
      Instruments instruments) {
    Worker worker = worker(device, IsolatedSteps.versions(child));
    Steps steps = steps(access, worker, instruments);
    IsolatedSteps isolated = new IsolatedSteps(child, steps, slots, worker, busy);
    return new Models(isolated, steps, worker, isolated::tokens);
  }

  /**
   * What computes one step in a process of its own.
   *
   * @param worker recorded as who computed it; absent where no step is computed
   */
  static ChildSession.Computing inChild(
      Settings settings, Path store, Optional<Worker> worker, Instruments instruments) {
    ChosenDevice device = device(settings, line -> {});
    MeteredRuntime runtime =
        runtime(
            device, settings.slots(device.device()), new BusyClock(System::nanoTime), instruments);
    StoreAccess access = StoreAccess.open(settings, store);
    // Those of the worker were a child's: asking again would load what this step may not need.
    Map<String, String> versions = worker.map(Worker::versions).orElseGet(runtime::versions);
    Steps steps = steps(access, worker.orElseGet(() -> worker(device, versions)), instruments);
    return new ChildSession.Computing(
        new InProcessSteps(
            steps, new DeviceSlots(1), versions, bodies(access, runtime, instruments)),
        runtime::tokens,
        access::close);
  }

  private static Worker worker(ChosenDevice device, Map<String, String> versions) {
    return Worker.here(device.name(), versions, device.beside());
  }

  private static MeteredRuntime runtime(
      ChosenDevice device, int slots, BusyClock busy, Instruments instruments) {
    return new MeteredRuntime(instruments.runtime().apply(new NativeRuntime(device, slots)), busy);
  }

  private static Steps steps(StoreAccess access, Worker worker, Instruments instruments) {
    return new Steps(
        instruments.steps().apply(access.objects()), access.artifacts(), worker, Clock.systemUTC());
  }

  private static InProcessSteps.Bodies bodies(
      StoreAccess access, MeteredRuntime runtime, Instruments instruments) {
    Checkpoints checkpoints = access.checkpoints();
    return InProcessSteps.Bodies.of(
        new DebateStep(checkpoints, runtime),
        new EvaluateStep(runtime, checkpoints),
        new TrainStep(
            runtime, checkpoints, access.work().resolve("scratch"), instruments.commitInterval()));
  }
}
