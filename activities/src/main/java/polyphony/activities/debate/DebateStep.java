package polyphony.activities.debate;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import polyphony.activities.Checkpoints;
import polyphony.activities.JsonLines;
import polyphony.activities.Seeds;
import polyphony.activities.StepProgress;
import polyphony.activities.grading.Grader;
import polyphony.activities.lm.Conversation;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.Message;
import polyphony.activities.lm.SamplingSettings;
import polyphony.activities.lm.Span;
import polyphony.activities.prompts.PromptSet;
import polyphony.activities.tasks.Question;
import polyphony.activities.tasks.Tasks;
import polyphony.storage.ArtifactRef;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;
import polyphony.storage.StepAttempt;
import polyphony.workflows.Debate;
import polyphony.workflows.Method;
import polyphony.workflows.SamplingSpec;

/**
 * One agent's turn in one round, on one range of questions.
 *
 * <p>In round 1 the agent answers the question. In every later round it goes on with its own
 * conversation: it is shown what the other agents said in the round before, summarised or as it
 * was, and the question again. What is sampled is committed batch by batch; batches follow from the
 * request alone, so that an attempt that goes on after another forms the very same ones.
 */
public final class DebateStep {
  /** The activity's type and the step's name. */
  public static final String NAME = "debate";

  /** Raised whenever equal requests would give other answers. */
  public static final int VERSION = 1;

  /** The parts that agents with ids are given, in turn. */
  private static final List<String> ROLES =
      List.of(
          "the solver, who works the task out step by step",
          "the sceptic, who looks for the mistake in every step",
          "the checker, who confirms the result in a second way");

  private final Checkpoints checkpoints;
  private final LanguageModelRuntime runtime;

  public DebateStep(Checkpoints checkpoints, LanguageModelRuntime runtime) {
    this.checkpoints = checkpoints;
    this.runtime = runtime;
  }

  /**
   * @return the answers in question order, without a step report; empty where the attempt was asked
   *     to stop between two batches
   * @throws PolyphonyException CONFIG for a range outside the question set or an unknown task; DATA
   *     where questions, answers or models are broken
   */
  public Optional<Debate.Result> run(
      Debate.Request request, StepAttempt attempt, StepProgress progress) {
    List<Question> questions = questions(request, attempt);
    PromptSet prompts = PromptSet.read(attempt.artifacts().bytes(request.prompts()));
    Grader grader = Tasks.grader(request.task());
    if (request.mistakes() != null) {
      return withHints(request, questions, prompts, grader, attempt, progress);
    }
    List<List<Answer>> previous = previous(request, questions, attempt);
    boolean summarised = request.round() > 1 && request.summariser() != null;
    SampledBatches batches =
        new SampledBatches(
            attempt,
            request.batchSize(),
            settings(request.sampling()),
            progress,
            (summarised ? 2L : 1L) * questions.size());

    List<String> summaries = null;
    if (summarised) {
      try (Speaker summariser = new Speaker(checkpoints.open(request.summariser()), runtime)) {
        List<Conversation> asked = new ArrayList<>();
        for (int i = 0; i < questions.size(); i++) {
          String message = prompts.summarise(othersTexts(previous, request.agent(), i));
          asked.add(summariser.format().start(List.of(Message.user(message))));
        }
        Optional<Map<Integer, Sampled>> sampled =
            batches.sample(summariser, rows(request, questions, every(asked), Seeds.Kind.SUMMARY));
        if (sampled.isEmpty()) {
          return Optional.empty();
        }
        summaries = new ArrayList<>();
        for (int i = 0; i < questions.size(); i++) {
          // Where the answers are too long to be summarised, the critic does without.
          Sampled summary = sampled.get().getOrDefault(request.from() + i, Sampled.NOTHING);
          summaries.add(summariser.tokenizer().decode(summary.tokens()));
        }
      }
    }

    try (Speaker speaker = new Speaker(checkpoints.open(request.speaker()), runtime)) {
      List<Conversation> asked = new ArrayList<>();
      for (int i = 0; i < questions.size(); i++) {
        String question = questions.get(i).text();
        if (request.round() == 1) {
          asked.add(
              speaker.format().start(List.of(Message.user(first(request, prompts, question)))));
        } else {
          String message =
              summaries == null
                  ? later(request, prompts, othersTexts(previous, request.agent(), i), question)
                  : later(request, prompts, summaries.get(i), question);
          Conversation own = conversation(previous.get(request.agent()).get(i));
          asked.add(speaker.format().withUser(own, message));
        }
      }
      Optional<Map<Integer, Sampled>> sampled =
          batches.sample(speaker, rows(request, questions, every(asked), Seeds.Kind.ANSWER));
      if (sampled.isEmpty()) {
        return Optional.empty();
      }
      List<Answer> answers = new ArrayList<>();
      for (int i = 0; i < questions.size(); i++) {
        int index = request.from() + i;
        // A conversation that leaves no room in the context gets an empty answer, cut at once.
        Sampled answer = sampled.get().getOrDefault(index, Sampled.NOTHING);
        answers.add(
            answer(
                request,
                index,
                questions.get(i),
                speaker.format().withAnswer(asked.get(i), answer.tokens()),
                answer.ended(),
                grader,
                summaries == null ? null : summaries.get(i)));
      }
      return Optional.of(result(answers, batches, attempt));
    }
  }

  /** The message of round 1. */
  private static String first(Debate.Request request, PromptSet prompts, String question) {
    return request.style() == Method.Style.UNIQUE_ID
        ? prompts.uniqueId(
            request.agent(), request.agents(), ROLES.get(request.agent() % ROLES.size()), question)
        : prompts.generate(question);
  }

  /** That of a later round, after a summary. */
  private static String later(
      Debate.Request request, PromptSet prompts, String summary, String question) {
    return request.style() == Method.Style.COOPERATE
        ? prompts.cooperative(summary, question)
        : prompts.criticWithSummary(summary, question);
  }

  /** That of a later round, with the others' answers themselves. */
  private static String later(
      Debate.Request request, PromptSet prompts, List<String> answers, String question) {
    return request.style() == Method.Style.COOPERATE
        ? prompts.cooperative(answers, question)
        : prompts.criticWithAnswers(answers, question);
  }

  private static Debate.Result result(
      List<Answer> answers, SampledBatches batches, StepAttempt attempt) {
    return new Debate.Result(
        attempt.put(JsonLines.write(answers), JsonLines.MEDIA_TYPE, "answers.jsonl"),
        (int) answers.stream().filter(each -> each.answer() != null).count(),
        (int) answers.stream().filter(each -> !each.ended()).count(),
        batches.sampledTokens(),
        null);
  }

  /**
   * Gives the answers that were wrong again, with the true answer as a hint (rationalisation, arXiv
   * 2203.14465, section 3.2). The conversation that is kept is the one without the hint.
   */
  private Optional<Debate.Result> withHints(
      Debate.Request request,
      List<Question> questions,
      PromptSet prompts,
      Grader grader,
      StepAttempt attempt,
      StepProgress progress) {
    SortedSet<Integer> wrong = wrong(request, questions, grader, attempt);
    SampledBatches batches =
        new SampledBatches(
            attempt, request.batchSize(), settings(request.sampling()), progress, wrong.size());
    try (Speaker speaker = new Speaker(checkpoints.open(request.speaker()), runtime)) {
      SortedMap<Integer, Conversation> asked = new TreeMap<>();
      for (int i : wrong) {
        Question question = questions.get(i);
        String message = prompts.generateWithHint(question.text(), question.answer());
        asked.put(i, speaker.format().start(List.of(Message.user(message))));
      }
      Optional<Map<Integer, Sampled>> sampled =
          batches.sample(speaker, rows(request, questions, asked, Seeds.Kind.ANSWER));
      if (sampled.isEmpty()) {
        return Optional.empty();
      }
      List<Answer> answers = new ArrayList<>();
      for (int i : wrong) {
        int index = request.from() + i;
        Sampled answer = sampled.get().getOrDefault(index, Sampled.NOTHING);
        Conversation kept =
            speaker
                .format()
                .start(List.of(Message.user(prompts.generate(questions.get(i).text()))));
        answers.add(
            answer(
                request,
                index,
                questions.get(i),
                speaker.format().withAnswer(kept, answer.tokens()),
                answer.ended(),
                grader,
                null));
      }
      return Optional.of(result(answers, batches, attempt));
    }
  }

  /** Positions in the range of the questions whose first answer is wrong. */
  private static SortedSet<Integer> wrong(
      Debate.Request request, List<Question> questions, Grader grader, StepAttempt attempt) {
    List<Answer> first = answers(request, request.mistakes(), 0, 1, questions, attempt);
    SortedSet<Integer> wrong = new TreeSet<>();
    for (int i = 0; i < questions.size(); i++) {
      String answer = first.get(i).answer();
      if (answer == null || !grader.equivalent(answer, questions.get(i).answer())) {
        wrong.add(i);
      }
    }
    return wrong;
  }

  private static SortedMap<Integer, Conversation> every(List<Conversation> conversations) {
    SortedMap<Integer, Conversation> byPosition = new TreeMap<>();
    for (int i = 0; i < conversations.size(); i++) {
      byPosition.put(i, conversations.get(i));
    }
    return byPosition;
  }

  private static List<Question> questions(Debate.Request request, StepAttempt attempt) {
    List<Question> all =
        JsonLines.read(attempt.artifacts().bytes(request.questions()), Question.class);
    if (request.from() < 0 || request.to() < request.from() || request.to() > all.size()) {
      throw PolyphonyException.config(
          "questions "
              + request.from()
              + " to "
              + request.to()
              + " are not a range of the "
              + all.size()
              + " there are");
    }
    return all.subList(request.from(), request.to());
  }

  /** The round before, by agent; empty in round 1. */
  private static List<List<Answer>> previous(
      Debate.Request request, List<Question> questions, StepAttempt attempt) {
    int agents = request.previous().size();
    if (request.round() < 1
        || (request.round() == 1) != (agents == 0)
        || (request.round() > 1 && request.agent() >= agents)) {
      throw new PolyphonyException(
          ErrorClass.BUG,
          "agent "
              + (request.agent() + 1)
              + " cannot speak in round "
              + request.round()
              + " after "
              + agents
              + " agents' answers");
    }
    List<List<Answer>> previous = new ArrayList<>();
    for (int agent = 0; agent < agents; agent++) {
      previous.add(
          answers(
              request,
              request.previous().get(agent),
              agent,
              request.round() - 1,
              questions,
              attempt));
    }
    return previous;
  }

  /** Earlier answers on all questions of the range. */
  private static List<Answer> answers(
      Debate.Request request,
      ArtifactRef artifact,
      int agent,
      int round,
      List<Question> questions,
      StepAttempt attempt) {
    List<Answer> answers = Answers.read(attempt.artifacts(), List.of(artifact), agent, round);
    for (int i = 0; i < Math.max(answers.size(), questions.size()); i++) {
      if (i >= Math.min(answers.size(), questions.size())
          || answers.get(i).index() != request.from() + i
          || !answers.get(i).question().equals(questions.get(i).id())) {
        throw PolyphonyException.data(
            "agent "
                + (agent + 1)
                + "'s answers of round "
                + round
                + " are not about questions "
                + request.from()
                + " to "
                + request.to());
      }
    }
    return answers;
  }

  /** What the other agents said on a question in the round before, by agent. */
  private static List<String> othersTexts(List<List<Answer>> previous, int self, int question) {
    List<String> texts = new ArrayList<>();
    for (int agent = 0; agent < previous.size(); agent++) {
      if (agent != self) {
        texts.add(previous.get(agent).get(question).text());
      }
    }
    return texts;
  }

  /**
   * @param asked by position in the range
   */
  private static List<SampledBatches.Row> rows(
      Debate.Request request,
      List<Question> questions,
      SortedMap<Integer, Conversation> asked,
      Seeds.Kind kind) {
    List<SampledBatches.Row> rows = new ArrayList<>();
    asked.forEach(
        (i, conversation) -> {
          long seed =
              Seeds.continuation(
                  request.seed(),
                  request.purpose(),
                  request.iteration(),
                  questions.get(i).id(),
                  request.agent(),
                  request.round(),
                  kind,
                  0);
          rows.add(new SampledBatches.Row(request.from() + i, conversation.tokens(), seed));
        });
    return rows;
  }

  /** The conversation that an answer ends. */
  private static Conversation conversation(Answer answer) {
    List<Message> messages = new ArrayList<>();
    for (int i = 0; i < answer.messages().size(); i++) {
      String content = answer.messages().get(i);
      messages.add(i % 2 == 0 ? Message.user(content) : Message.assistant(content));
    }
    List<Span> turns = answer.turns().stream().map(each -> new Span(each[0], each[1])).toList();
    return new Conversation(messages, answer.tokens(), turns);
  }

  private static Answer answer(
      Debate.Request request,
      int index,
      Question question,
      Conversation conversation,
      boolean ended,
      Grader grader,
      String summary) {
    List<String> messages = conversation.messages().stream().map(Message::content).toList();
    String text = messages.get(messages.size() - 1);
    return new Answer(
        index,
        question.id(),
        request.agent(),
        request.round(),
        conversation.tokens(),
        conversation.assistantSpans().stream()
            .map(each -> new int[] {each.from(), each.to()})
            .toList(),
        text,
        ended,
        // An answer that was cut after it had been stated counts in votes; it never trains.
        grader.extract(text).orElse(null),
        summary,
        messages);
  }

  private static SamplingSettings settings(SamplingSpec spec) {
    try {
      return new SamplingSettings(spec.temperature(), spec.topP(), spec.maxNewTokens());
    } catch (IllegalArgumentException e) {
      throw new PolyphonyException(ErrorClass.CONFIG, "sampling: " + e.getMessage(), e);
    }
  }
}
