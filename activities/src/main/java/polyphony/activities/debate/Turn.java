package polyphony.activities.debate;

import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import polyphony.activities.JsonLines;
import polyphony.activities.Seeds;
import polyphony.activities.grading.Grader;
import polyphony.activities.lm.ChatFormat;
import polyphony.activities.lm.Conversation;
import polyphony.activities.lm.Message;
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

/**
 * One agent's turn in one round: what is to be sampled for it, and the answers that come of that.
 * Asked in this order: {@link #summaryRows}, {@link #summarised}, {@link #answerRows}, {@link
 * #answered}; the first two only where it {@link #summarises}.
 */
final class Turn {
  /** The parts that agents with ids are given, in turn. */
  private static final List<String> ROLES =
      List.of(
          "the solver, who works the task out step by step",
          "the sceptic, who looks for the mistake in every step",
          "the checker, who confirms the result in a second way");

  private final Debate.Request request;
  private final List<Question> questions;
  private final PromptSet prompts;
  private final Grader grader;
  private final List<List<Answer>> previous;

  /** Positions in the range of the questions that are asked. */
  private final SortedSet<Integer> positions;

  /** By position; null where there are none. */
  private List<String> summaries;

  /** By position: the conversations that the answers are to end. */
  private SortedMap<Integer, Conversation> asked;

  private long tokens;

  private Turn(
      Debate.Request request,
      List<Question> questions,
      PromptSet prompts,
      Grader grader,
      List<List<Answer>> previous,
      SortedSet<Integer> positions) {
    this.request = request;
    this.questions = questions;
    this.prompts = prompts;
    this.grader = grader;
    this.previous = previous;
    this.positions = positions;
  }

  /**
   * @throws PolyphonyException CONFIG for a range outside the question set or an unknown task; DATA
   *     where questions or answers are broken
   */
  static Turn of(Debate.Request request, StepAttempt attempt) {
    List<Question> questions = questions(request, attempt);
    PromptSet prompts = PromptSet.read(attempt.artifacts().bytes(request.prompts()));
    Grader grader = Tasks.grader(request.task());
    SortedSet<Integer> positions = new TreeSet<>();
    if (request.mistakes() != null) {
      positions = wrong(request, questions, grader, attempt);
      return new Turn(request, questions, prompts, grader, List.of(), positions);
    }
    for (int i = 0; i < questions.size(); i++) {
      positions.add(i);
    }
    return new Turn(
        request, questions, prompts, grader, previous(request, questions, attempt), positions);
  }

  Debate.Request request() {
    return request;
  }

  /** Whether the others' answers are summarised first. */
  boolean summarises() {
    return request.mistakes() == null && request.round() > 1 && request.summariser() != null;
  }

  /** How many there will be, summaries included. */
  long rows() {
    return (summarises() ? 2L : 1L) * positions.size();
  }

  /**
   * What the summariser is asked.
   *
   * @param speakers the summariser among them
   */
  List<SampledBatches.Row> summaryRows(Speakers speakers) {
    SortedMap<Integer, Conversation> conversations = new TreeMap<>();
    for (int i : positions) {
      String message = prompts.summarise(othersTexts(i));
      conversations.put(i, speakers.format().start(List.of(Message.user(message))));
    }
    return rows(conversations, Seeds.Kind.SUMMARY, speakers.place(request.summariser()));
  }

  /**
   * @param sampled for {@link #summaryRows}, in order
   */
  void summarised(List<Sampled> sampled, Speakers speakers) {
    count(sampled);
    // Where the answers are too long to be summarised, the critic does without.
    summaries = sampled.stream().map(each -> speakers.tokenizer().decode(each.tokens())).toList();
  }

  /**
   * What the speaker is asked.
   *
   * @param speakers the speaker among them
   */
  List<SampledBatches.Row> answerRows(Speakers speakers) {
    asked = new TreeMap<>();
    for (int i : positions) {
      asked.put(i, asked(i, speakers.format()));
    }
    return rows(asked, Seeds.Kind.ANSWER, speakers.place(request.speaker()));
  }

  private Conversation asked(int position, ChatFormat format) {
    Question question = questions.get(position);
    if (request.mistakes() != null) {
      return format.start(
          List.of(Message.user(prompts.generateWithHint(question.text(), question.answer()))));
    }
    if (request.round() == 1) {
      return format.start(List.of(Message.user(first(question.text()))));
    }
    String message =
        summaries == null
            ? later(othersTexts(position), question.text())
            : later(summaries.get(position), question.text());
    return format.withUser(conversation(previous.get(request.agent()).get(position)), message);
  }

  /** The message of round 1. */
  private String first(String question) {
    return request.style() == Method.Style.UNIQUE_ID
        ? prompts.uniqueId(
            request.agent(), request.agents(), ROLES.get(request.agent() % ROLES.size()), question)
        : prompts.generate(question);
  }

  /** That of a later round, after a summary. */
  private String later(String summary, String question) {
    return request.style() == Method.Style.COOPERATE
        ? prompts.cooperative(summary, question)
        : prompts.criticWithSummary(summary, question);
  }

  /** That of a later round, with the others' answers themselves. */
  private String later(List<String> answers, String question) {
    return request.style() == Method.Style.COOPERATE
        ? prompts.cooperative(answers, question)
        : prompts.criticWithAnswers(answers, question);
  }

  /**
   * Grades the answers and puts them into the store.
   *
   * @param sampled for {@link #answerRows}, in order
   * @return without a step report
   */
  Debate.Result answered(List<Sampled> sampled, Speakers speakers, StepAttempt attempt) {
    ChatFormat format = speakers.format();
    count(sampled);
    List<Answer> answers = new ArrayList<>();
    int row = 0;
    for (int i : positions) {
      // A conversation that leaves no room in the context gets an empty answer, cut at once.
      Sampled answer = sampled.get(row++);
      answers.add(answer(i, format.withAnswer(kept(i, format), answer.tokens()), answer.ended()));
    }
    return new Debate.Result(
        attempt.put(JsonLines.write(answers), JsonLines.MEDIA_TYPE, "answers.jsonl"),
        (int) answers.stream().filter(each -> each.answer() != null).count(),
        (int) answers.stream().filter(each -> !each.ended()).count(),
        tokens,
        null);
  }

  /** The conversation before the answer, as it is kept: without a hint, if there was one. */
  private Conversation kept(int position, ChatFormat format) {
    return request.mistakes() == null
        ? asked.get(position)
        : format.start(List.of(Message.user(prompts.generate(questions.get(position).text()))));
  }

  private void count(List<Sampled> sampled) {
    tokens += sampled.stream().mapToLong(each -> each.tokens().length).sum();
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
  private List<String> othersTexts(int position) {
    List<String> texts = new ArrayList<>();
    for (int agent = 0; agent < previous.size(); agent++) {
      if (agent != request.agent()) {
        texts.add(previous.get(agent).get(position).text());
      }
    }
    return texts;
  }

  /**
   * @param conversations by position in the range
   */
  private List<SampledBatches.Row> rows(
      SortedMap<Integer, Conversation> conversations, Seeds.Kind kind, int model) {
    List<SampledBatches.Row> rows = new ArrayList<>();
    conversations.forEach(
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
          rows.add(new SampledBatches.Row(request.from() + i, conversation.tokens(), seed, model));
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

  private Answer answer(int position, Conversation conversation, boolean ended) {
    List<String> messages = conversation.messages().stream().map(Message::content).toList();
    String text = messages.get(messages.size() - 1);
    return new Answer(
        request.from() + position,
        questions.get(position).id(),
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
        summaries == null ? null : summaries.get(position),
        messages);
  }
}
