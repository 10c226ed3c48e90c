package polyphony.activities.pretrain;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.Sampler;
import polyphony.activities.lm.SamplingSettings;
import polyphony.activities.lm.Tokenizer;
import polyphony.activities.tasks.Question;
import polyphony.activities.tasks.Task;

/** How well a pretrained model does in each part that it will play. */
public final class PretrainedModelCheck {
  /**
   * Shares of questions, each with standard error sqrt(p (1 - p) / questions).
   *
   * @param greedy correct when decoded greedily
   * @param sampled correct when sampled at temperature 1
   * @param majority correct majority of three samples
   * @param critic correct after reading two other samples
   * @param criticWithSummary correct after reading the model's own summary of two other samples
   * @param summary summaries that are exactly right
   */
  public record Figures(
      int questions,
      double greedy,
      double sampled,
      double majority,
      double critic,
      double criticWithSummary,
      double summary) {}

  private static final int BATCH = 50;
  private static final int MAX_NEW_TOKENS = 128;

  private final LanguageModelRuntime runtime;
  private final Task task;

  public PretrainedModelCheck(LanguageModelRuntime runtime, Task task) {
    this.runtime = runtime;
    this.task = task;
  }

  /** Measures {@code model} on {@code questions}, sampling with seeds derived from {@code seed}. */
  public Figures measure(LanguageModel model, List<Question> questions, long seed) {
    try (Tokenizer tokenizer = model.tokenizer();
        Sampler sampler = runtime.sampler(model)) {
      Speaker speaker = new Speaker(tokenizer, sampler, seed);
      List<String> first = questions.stream().map(each -> "^Q" + each.text() + "\nA").toList();
      List<String> greedy = speaker.say(first, 0);
      List<String> own = speaker.say(first, 1);
      List<String> second = speaker.say(first, 1);
      List<String> third = speaker.say(first, 1);
      List<String> summaryPrompts = new ArrayList<>();
      List<String> critics = new ArrayList<>();
      for (int i = 0; i < questions.size(); i++) {
        String quoted = "B" + second.get(i) + "\nB" + third.get(i) + "\n";
        summaryPrompts.add("^" + quoted + "S\nA");
        critics.add(
            first.get(i) + own.get(i) + "$\n" + quoted + "Q" + questions.get(i).text() + "\nA");
      }
      List<String> summaries = speaker.say(summaryPrompts, 1);
      List<String> criticsWithSummary = new ArrayList<>();
      double exact = 0;
      double majority = 0;
      for (int i = 0; i < questions.size(); i++) {
        String question = questions.get(i).text();
        criticsWithSummary.add(
            first.get(i) + own.get(i) + "$\nS" + summaries.get(i) + "\nQ" + question + "\nA");
        exact +=
            summaries.get(i).equals(summary(second.get(i)) + "/" + summary(third.get(i))) ? 1 : 0;
        majority += majority(questions.get(i), own.get(i), second.get(i), third.get(i));
      }
      int count = questions.size();
      return new Figures(
          count,
          accuracy(questions, greedy),
          accuracy(questions, own),
          majority / count,
          accuracy(questions, speaker.say(critics, 1)),
          accuracy(questions, speaker.say(criticsWithSummary, 1)),
          exact / count);
    }
  }

  private double accuracy(List<Question> questions, List<String> texts) {
    double correct = 0;
    for (int i = 0; i < texts.size(); i++) {
      correct += correct(questions.get(i), texts.get(i)) ? 1 : 0;
    }
    return correct / texts.size();
  }

  private boolean correct(Question question, String text) {
    return task.extract(text)
        .filter(answer -> task.equivalent(answer, question.answer()))
        .isPresent();
  }

  /**
   * The expected share of correct majorities: ties count by the chance of drawing the right answer.
   */
  private double majority(Question question, String... texts) {
    Map<String, Integer> votes = new HashMap<>();
    for (String text : texts) {
      task.extract(text).ifPresent(answer -> votes.merge(answer, 1, Integer::sum));
    }
    int most = votes.values().stream().max(Integer::compare).orElse(0);
    List<String> winners =
        votes.keySet().stream().filter(answer -> votes.get(answer) == most).toList();
    return winners.contains(question.answer()) ? 1.0 / winners.size() : 0;
  }

  /** The summary that the dialect prescribes: the first two results, then the answer. */
  private static String summary(String chain) {
    String[] steps = chain.split(";", 3);
    return steps.length < 3
        ? chain
        : result(steps[0])
            + ";"
            + result(steps[1])
            + "#"
            + chain.substring(chain.lastIndexOf('#') + 1);
  }

  private static String result(String step) {
    return step.substring(step.indexOf('=') + 1);
  }

  private static final class Speaker {
    private final Tokenizer tokenizer;
    private final Sampler sampler;
    private long seed;

    Speaker(Tokenizer tokenizer, Sampler sampler, long seed) {
      this.tokenizer = tokenizer;
      this.sampler = sampler;
      this.seed = seed;
    }

    List<String> say(List<String> prompts, double temperature) {
      SamplingSettings settings = new SamplingSettings(temperature, 1.0, MAX_NEW_TOKENS);
      List<String> texts = new ArrayList<>();
      for (int from = 0; from < prompts.size(); from += BATCH) {
        List<Sampler.Prompt> batch = new ArrayList<>();
        for (String prompt : prompts.subList(from, Math.min(from + BATCH, prompts.size()))) {
          batch.add(new Sampler.Prompt(tokenizer.encode(prompt), seed++));
        }
        sampler
            .sample(batch, settings)
            .forEach(continuation -> texts.add(tokenizer.decode(continuation.tokens())));
      }
      return texts;
    }
  }
}
