package polyphony.activities.ask;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import polyphony.activities.Checkpoints;
import polyphony.activities.JsonLines;
import polyphony.activities.ModelStep;
import polyphony.activities.StepProgress;
import polyphony.activities.debate.Answer;
import polyphony.activities.debate.Answers;
import polyphony.activities.debate.DebateStep;
import polyphony.activities.grading.Grader;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.Tokenizer;
import polyphony.activities.tasks.Question;
import polyphony.activities.tasks.Tasks;
import polyphony.activities.vote.Label;
import polyphony.activities.vote.VoteStep;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.FolderObjectStore;
import polyphony.storage.LocalCache;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Sha256;
import polyphony.storage.Step;
import polyphony.storage.StepBody;
import polyphony.storage.Steps;
import polyphony.storage.TemporaryFolder;
import polyphony.storage.Worker;
import polyphony.workflows.Debate;
import polyphony.workflows.DebateTurns;
import polyphony.workflows.Role;
import polyphony.workflows.Vote;

/**
 * One question, debated by a recorded society: the very steps of an experiment, in a store of their
 * own that is thrown away, with models that are read from the experiment's.
 */
public final class SocietyDebate {
  private static final long CACHE_BYTES = 1L << 30;
  private static final int LONGEST_EXAMPLE = 60;

  private final Artifacts artifacts;
  private final Checkpoints checkpoints;
  private final LanguageModelRuntime runtime;
  private final Path work;

  /**
   * @param artifacts of the store that has the experiment; only read
   * @param work a folder of this machine for what is thrown away
   */
  public SocietyDebate(
      Artifacts artifacts, Checkpoints checkpoints, LanguageModelRuntime runtime, Path work) {
    this.artifacts = artifacts;
    this.checkpoints = checkpoints;
    this.runtime = runtime;
    this.work = work;
  }

  /**
   * Has the question debated. One that the experiment is evaluated on is known by its text, and
   * debated with the seeds it was evaluated with.
   *
   * @param turns who speaks, and how
   * @param text of the question
   * @param listener told of the setting first
   * @throws PolyphonyException CONFIG where the models cannot read the question; DATA where what
   *     the store has of the experiment is damaged
   */
  public AskedDebate ask(DebateTurns turns, String text, Listener listener) throws Exception {
    checkReadable(turns, text);
    Question question = question(turns, text);
    AskedDebate.Setting setting = setting(turns, text);
    listener.begins(setting);
    try (TemporaryFolder folder = new TemporaryFolder(work, "ask-");
        FolderObjectStore store = new FolderObjectStore(folder.path().resolve("store"));
        LocalCache cache = new LocalCache(folder.path().resolve("cache"), CACHE_BYTES)) {
      Kept kept = new Kept(store, new Artifacts(store, cache));
      ArtifactRef questions =
          kept.artifacts.put(
              JsonLines.write(List.of(question)), JsonLines.MEDIA_TYPE, "question.jsonl");
      ArtifactRef prompts = turns.experiment().prompts(turns.purpose());
      kept.artifacts.put(artifacts.bytes(prompts), prompts.mediaType(), prompts.name());
      List<AskedDebate.Turn> taken = new ArrayList<>();
      List<ArtifactRef> last = debate(turns, questions, kept, listener, taken);
      Label label = vote(turns, last, kept);
      return asked(
          setting, taken, label, question, Tasks.grader(turns.spec().grading(turns.purpose())));
    }
  }

  /** Follows a debate. */
  public interface Listener {
    void begins(AskedDebate.Setting setting);

    /**
     * A turn begins.
     *
     * @param round from 1
     * @param agent from 1
     */
    void thinks(int round, int agent);

    void turn(AskedDebate.Turn turn);
  }

  /** What is kept until the end of the debate. */
  private static final class Kept {
    private final Artifacts artifacts;
    private final Steps steps;

    Kept(FolderObjectStore store, Artifacts artifacts) {
      this.artifacts = artifacts;
      this.steps = new Steps(store, artifacts, Worker.here("cpu", Map.of()), Clock.systemUTC());
    }

    <R> R run(Step step, Class<R> result, StepBody<R> body) throws Exception {
      return steps.run(step, result, body).result().orElseThrow();
    }
  }

  /** All rounds; returns the last one's answers, by agent. */
  private List<ArtifactRef> debate(
      DebateTurns turns,
      ArtifactRef questions,
      Kept kept,
      Listener listener,
      List<AskedDebate.Turn> taken)
      throws Exception {
    DebateStep step = new DebateStep(checkpoints, runtime);
    List<ArtifactRef> previous = List.of();
    List<String> texts = List.of();
    for (int round = 1; round <= turns.rounds(); round++) {
      List<ArtifactRef> answers = new ArrayList<>();
      List<String> said = new ArrayList<>();
      for (int agent = 0; agent < turns.society().agents(); agent++) {
        listener.thinks(round, agent + 1);
        Debate.Request request = turns.turn(agent, round, questions, 0, 1, previous);
        ArtifactRef written =
            kept.run(
                    ModelStep.DEBATE.step(request),
                    Debate.Result.class,
                    attempt -> step.run(request, attempt, StepProgress.NONE))
                .answers();
        Answer answer = Answers.read(kept.artifacts, List.of(written), agent, round).get(0);
        AskedDebate.Turn turn =
            new AskedDebate.Turn(
                round,
                agent + 1,
                checkpoints.weightsSha256(request.speaker()),
                read(answer, texts),
                answer.text(),
                answer.ended(),
                answer.answer());
        taken.add(turn);
        listener.turn(turn);
        answers.add(written);
        said.add(answer.text());
      }
      previous = answers;
      texts = said;
    }
    return previous;
  }

  /**
   * @param texts of the round before, by agent
   */
  private static List<AskedDebate.Read> read(Answer answer, List<String> texts) {
    if (answer.summary() != null) {
      return List.of(new AskedDebate.Read(null, answer.summary()));
    }
    return IntStream.range(0, texts.size())
        .filter(agent -> agent != answer.agent())
        .mapToObj(agent -> new AskedDebate.Read(agent + 1, texts.get(agent)))
        .toList();
  }

  private static Label vote(DebateTurns turns, List<ArtifactRef> last, Kept kept) throws Exception {
    Vote.Request request = turns.vote(last.stream().map(List::of).toList(), null);
    Vote.Result votes =
        kept.run(
            new Step(VoteStep.NAME, VoteStep.VERSION, request),
            Vote.Result.class,
            attempt -> new VoteStep().run(request, attempt));
    return JsonLines.read(kept.artifacts.bytes(votes.votes()), Label.class).get(0);
  }

  private static AskedDebate asked(
      AskedDebate.Setting setting,
      List<AskedDebate.Turn> turns,
      Label label,
      Question question,
      Grader grader) {
    List<AskedDebate.Ballot> ballots = new ArrayList<>();
    for (String vote : label.votes()) {
      boolean agrees =
          vote != null && label.label() != null && grader.equivalent(label.label(), vote);
      ballots.add(new AskedDebate.Ballot(ballots.size() + 1, vote, agrees));
    }
    Boolean right =
        question.answer() == null
            ? null
            : label.label() != null && grader.equivalent(label.label(), question.answer());
    return new AskedDebate(
        setting,
        turns,
        new AskedDebate.Vote(label.label(), label.agreeing(), label.tied(), ballots),
        label.label(),
        question.answer(),
        right);
  }

  /** The evaluation question of this text, or a new one, which has no known answer. */
  private Question question(DebateTurns turns, String text) {
    return JsonLines.read(artifacts.bytes(turns.experiment().evaluateQuestions()), Question.class)
        .stream()
        .filter(each -> each.text().equals(text))
        .findFirst()
        .orElseGet(
            () ->
                new Question(
                    "asked-" + Sha256.of(text.getBytes(StandardCharsets.UTF_8)), text, null));
  }

  private AskedDebate.Setting setting(DebateTurns turns, String text) {
    Map<String, String> weights = new TreeMap<>();
    for (int agent = 0; agent < turns.society().agents(); agent++) {
      weights.put(
          Role.GENERATOR.model(agent + 1),
          checkpoints.weightsSha256(turns.society().generators().get(agent)));
      if (turns.rounds() > 1) {
        weights.put(
            Role.CRITIC.model(agent + 1),
            checkpoints.weightsSha256(turns.society().critics().get(agent)));
      }
    }
    if (turns.summarises(turns.rounds())) {
      weights.put("summariser", checkpoints.weightsSha256(turns.experiment().base()));
    }
    return new AskedDebate.Setting(
        turns.experiment().name(),
        turns.iteration(),
        turns.experiment().spec().iterations(),
        turns.spec().method(),
        text,
        turns.society().agents(),
        turns.rounds(),
        turns.seed(),
        turns.sampling(),
        weights);
  }

  /**
   * A model that has one token per character knows few of them, and would not see the others at
   * all; no model sees what is longer than its context.
   */
  private void checkReadable(DebateTurns turns, String text) {
    if (text.isBlank()) {
      throw PolyphonyException.config("there is no question: it is empty");
    }
    LanguageModel model = checkpoints.open(turns.society().generators().get(0));
    try (Tokenizer tokenizer = model.tokenizer()) {
      text.codePoints()
          .distinct()
          .filter(each -> !sees(tokenizer, each))
          .findFirst()
          .ifPresent(
              each -> {
                throw PolyphonyException.config(
                    "the model cannot read "
                        + shown(each)
                        + ", so that it would not see the question as it is; leave it out, or write"
                        + " the question as the task's questions are written"
                        + example(turns));
              });
      int tokens = tokenizer.encode(text).length;
      if (tokens >= model.config().maxPositions()) {
        throw PolyphonyException.config(
            "the question has "
                + tokens
                + " tokens, more than the model can read together with an answer ("
                + model.config().maxPositions()
                + "); shorten it");
      }
    }
  }

  private static boolean sees(Tokenizer tokenizer, int character) {
    try {
      String twice = Character.toString(character).repeat(2);
      return !tokenizer.decode(tokenizer.encode(twice)).isEmpty()
          // At the ends of a text some tokenizers drop it.
          || Character.isWhitespace(character);
    } catch (PolyphonyException e) {
      // It has no token, not even one for what it does not know.
      return false;
    }
  }

  private static String shown(int character) {
    return Character.isISOControl(character) || Character.isWhitespace(character)
        ? String.format("the character U+%04X", character)
        : "\"" + Character.toString(character) + "\"";
  }

  /** A short question of the task, if its first one is short. */
  private String example(DebateTurns turns) {
    String text =
        JsonLines.read(artifacts.bytes(turns.experiment().evaluateQuestions()), Question.class)
            .get(0)
            .text();
    return text.length() <= LONGEST_EXAMPLE ? ", such as " + text : "";
  }
}
