package polyphony.workers;

import io.temporal.activity.Activity;
import io.temporal.failure.ApplicationFailure;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import polyphony.storage.ArtifactRef;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.Activities;
import polyphony.workflows.ComparisonResult;
import polyphony.workflows.Debate;
import polyphony.workflows.DebateRound;
import polyphony.workflows.Evaluate;
import polyphony.workflows.Experiment;
import polyphony.workflows.ExperimentNames;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.ExportedHistory;
import polyphony.workflows.Forecast;
import polyphony.workflows.FreshQuestions;
import polyphony.workflows.IterationReport;
import polyphony.workflows.KeptReport;
import polyphony.workflows.Method;
import polyphony.workflows.ModelDefaults;
import polyphony.workflows.Notice;
import polyphony.workflows.Recording;
import polyphony.workflows.Role;
import polyphony.workflows.SpecConflicts;
import polyphony.workflows.SpecDefaults;
import polyphony.workflows.Split;
import polyphony.workflows.StepReport;
import polyphony.workflows.Train;
import polyphony.workflows.Vote;

/**
 * Steps that compute nothing, quickly: the content of an artifact is what led to it. They remember
 * what was done, as a store would.
 */
final class FakeSteps implements Activities.Light, Activities.Sampling, Activities.Training {
  private static final int TASK_SIZE = 2000;

  private final Map<String, Experiment> recorded = new TreeMap<>();
  private final Set<String> done = ConcurrentHashMap.newKeySet();

  /** Debates wait for this, or until they are stopped. */
  volatile CountDownLatch gate = new CountDownLatch(0);

  /** Told of every debate before it begins. */
  volatile Consumer<Debate.Request> debates = request -> {};

  StepActivities activities() {
    return new StepActivities(this, this, this);
  }

  static ExperimentSpec complete(ExperimentSpec asked) {
    return SpecDefaults.complete(asked, ModelDefaults.NONE);
  }

  @Override
  public synchronized Experiment resolve(String name, ExperimentSpec spec) {
    try {
      ExperimentSpec complete = complete(spec);
      if (!complete.task().name().equals("arithmetic")) {
        throw PolyphonyException.config(
            "there is no task \"" + complete.task().name() + "\"; task is one of arithmetic");
      }
      if (complete.task().train() > TASK_SIZE) {
        throw PolyphonyException.config("arithmetic has " + TASK_SIZE + " questions");
      }
      Experiment before = recorded.get(name);
      if (before != null) {
        List<String> conflicts = SpecConflicts.between(before.spec(), spec);
        if (!conflicts.isEmpty()) {
          throw PolyphonyException.config(String.join("; ", conflicts));
        }
      }
      Experiment experiment =
          new Experiment(
              name,
              complete,
              artifact("base"),
              artifact("train"),
              artifact("evaluate"),
              artifact("prompts"),
              new Experiment.BatchPlan(250, 125),
              Map.of());
      recorded.put(name, experiment);
      return experiment;
    } catch (PolyphonyException e) {
      throw ApplicationFailure.newNonRetryableFailure(e.getMessage(), e.errorClass().name());
    }
  }

  @Override
  public List<String> nameExperiments(List<ExperimentSpec> specs) {
    return specs.stream().map(each -> ExperimentNames.derive(complete(each))).toList();
  }

  @Override
  public List<ComparisonResult.Row> compare(
      String comparison, List<ComparisonResult.Compared> experiments) {
    return List.of();
  }

  @Override
  public Forecast forecast(String name, ExperimentSpec spec) {
    return null;
  }

  @Override
  public KeptReport report(String name) {
    return new KeptReport(
        artifact("report of " + name), "experiments/" + name + "/report.json", null);
  }

  @Override
  public FreshQuestions.Result freshQuestions(FreshQuestions.Request request) {
    return new FreshQuestions.Result(artifact(request), report(request));
  }

  @Override
  public Vote.Result vote(Vote.Request request) {
    return new Vote.Result(artifact(request), 10, 9, 1, report(request));
  }

  @Override
  public Split.Result split(Split.Request request) {
    List<Split.TrainingSet> sets = new ArrayList<>();
    int agents = request.answers().get(0).size();
    for (Role role : Role.values()) {
      if (role == Role.CRITIC && request.trains() != Method.Trains.GENERATORS_AND_CRITICS) {
        continue;
      }
      for (int agent = 0; agent < agents; agent++) {
        sets.add(new Split.TrainingSet(role, agent, artifact(role + "" + agent), 5, 0, 0, ""));
      }
    }
    return new Split.Result(sets, report(request));
  }

  @Override
  public String setAside(String key) {
    throw ApplicationFailure.newNonRetryableFailure("there is no finished step " + key, "CONFIG");
  }

  @Override
  public ExportedHistory exportHistory(String workflowId, String runId) {
    return new ExportedHistory(workflowId, runId, 1, artifact(workflowId));
  }

  @Override
  public void announce(Notice notice) {}

  @Override
  public IterationReport record(Recording.Request request) {
    Map<String, String> weights = new TreeMap<>();
    for (int agent = 0; agent < request.society().agents(); agent++) {
      weights.put("generator-" + (agent + 1), request.society().generators().get(agent).sha256());
      weights.put("critic-" + (agent + 1), request.society().critics().get(agent).sha256());
    }
    return new IterationReport(
        request.iteration(),
        10,
        0.5,
        0.158,
        0.9,
        0.4,
        0.1,
        0.2,
        0.3,
        0.2,
        0.3,
        0.4,
        request.labels() == null ? null : 0.8,
        9,
        List.of(5, 5),
        List.of(5, 5),
        weights,
        artifact("record" + request.iteration()));
  }

  @Override
  public Debate.Result debate(Debate.Request request) {
    debates.accept(request);
    try {
      while (!gate.await(20, TimeUnit.MILLISECONDS)) {
        // Throws once it is asked to stop.
        Activity.getExecutionContext().heartbeat(null);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return new Debate.Result(artifact(request), 10, 0, 100, report(request));
  }

  @Override
  public DebateRound.Result debateRound(DebateRound.Request request) {
    return new DebateRound.Result(
        request.turns().stream().map(turn -> debate(turn).withStep(null)).toList(),
        report(request));
  }

  @Override
  public Evaluate.Result evaluate(Evaluate.Request request) {
    return new Evaluate.Result(artifact(request), report(request));
  }

  @Override
  public Train.Result trainGenerator(Train.Request request) {
    return train(request);
  }

  @Override
  public Train.Result trainCritic(Train.Request request) {
    return train(request);
  }

  private Train.Result train(Train.Request request) {
    ArtifactRef checkpoint = artifact(request);
    return new Train.Result(
        true, checkpoint, checkpoint.sha256(), checkpoint, 4, 100, 2.0, 1.0, report(request));
  }

  private StepReport report(Object request) {
    String key = artifact(request).sha256();
    return new StepReport(key, !done.add(key), 0.01);
  }

  private static ArtifactRef artifact(Object content) {
    try {
      byte[] hash =
          MessageDigest.getInstance("SHA-256")
              .digest(content.toString().getBytes(StandardCharsets.UTF_8));
      return new ArtifactRef(HexFormat.of().formatHex(hash), 1, "application/json", "fake");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }
}
