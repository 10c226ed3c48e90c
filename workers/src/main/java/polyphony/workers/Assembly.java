package polyphony.workers;

import java.nio.file.Path;
import java.time.Clock;
import java.util.Map;
import polyphony.activities.Checkpoints;
import polyphony.activities.DeviceSlots;
import polyphony.activities.LightActivities;
import polyphony.activities.SamplingActivities;
import polyphony.activities.StepRunner;
import polyphony.activities.TrainingActivities;
import polyphony.activities.debate.DebateStep;
import polyphony.activities.evaluate.EvaluateStep;
import polyphony.activities.evaluate.RecordStep;
import polyphony.activities.resolve.ResolveStep;
import polyphony.activities.split.SplitStep;
import polyphony.activities.train.TrainStep;
import polyphony.activities.vote.VoteStep;
import polyphony.storage.Steps;
import polyphony.storage.Worker;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.SpecDefaults;

/** Where everything real is put together, by hand. */
final class Assembly {
  private Assembly() {}

  /**
   * @param store folder of the artifacts where the settings name no S3 endpoint
   */
  static Parts of(Settings settings, Path store) {
    StoreAccess access = StoreAccess.open(settings, store);
    BusyClock busy = new BusyClock(System::nanoTime);
    MeteredRuntime runtime = new MeteredRuntime(new NativeRuntime(), busy);
    Map<String, String> versions = runtime.versions();
    Steps steps =
        new Steps(
            access.objects(), access.artifacts(), Worker.here("cpu", versions), Clock.systemUTC());
    Checkpoints checkpoints = new Checkpoints(access.artifacts(), access.work());
    StepRunner runner = new StepRunner(steps, new DeviceSlots(settings.slots()), versions);
    StepActivities activities =
        new StepActivities(
            new LightActivities(
                runner,
                new ResolveStep(
                    access.objects(), access.artifacts(), checkpoints, access.models(), versions),
                new VoteStep(),
                new SplitStep(),
                new RecordStep(checkpoints, access.objects())),
            new SamplingActivities(
                runner,
                new DebateStep(checkpoints, runtime),
                new EvaluateStep(runtime, checkpoints)),
            new TrainingActivities(
                runner, new TrainStep(runtime, checkpoints, access.work().resolve("scratch"))));
    return new Parts(
        activities,
        asked -> complete(asked, access, checkpoints),
        busy,
        runtime::tokens,
        runner::running,
        () -> {
          runner.close();
          access.close();
        });
  }

  private static ExperimentSpec complete(
      ExperimentSpec asked, StoreAccess access, Checkpoints checkpoints) {
    String baseModel = asked.baseModel() == null ? SpecDefaults.BASE_MODEL : asked.baseModel();
    return SpecDefaults.complete(
        asked, checkpoints.defaults(access.models().checkpoint(baseModel)));
  }
}
