package polyphony.activities.pretrain;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import polyphony.activities.lm.Tokenizer;
import polyphony.activities.lm.TrainingBatches;
import polyphony.activities.lm.TrainingExample;
import polyphony.activities.pretrain.ArithmeticDialect.Chain;
import polyphony.activities.pretrain.ArithmeticDialect.Problem;

/**
 * One stage's corpus, written on demand. Texts are what the chat template makes of the {@code
 * compact} prompt set's messages (a test holds the two together):
 *
 * <pre>
 * answer                 ^Q(question)\nA(chain)$
 * critic with answers    ^Q(question)\nA(own)$\nB(other)\nB(other)\nQ(question)\nA(updated)$
 * critic with a summary  ^Q(question)\nA(own)$\nS(summary)/(summary)\nQ(question)\nA(updated)$
 * summarise              ^B(other)\nB(other)\nS\nA(summary)/(summary)$
 * </pre>
 */
final class PretrainingCorpus implements TrainingBatches {
  /** Most other agents whose answers a critic reads: five agents in all. */
  private static final int MAX_OTHERS = 4;

  /** Others in most debates: three agents in all. */
  private static final int USUAL_OTHERS = 2;

  private final PretrainingRecipe.Stage stage;
  private final Tokenizer tokenizer;
  private final Predicate<String> allowed;
  private final long seed;

  /**
   * @param allowed whether a question may be used; keeps questions of other splits out
   */
  PretrainingCorpus(
      PretrainingRecipe.Stage stage, Tokenizer tokenizer, Predicate<String> allowed, long seed) {
    this.stage = stage;
    this.tokenizer = tokenizer;
    this.allowed = allowed;
    this.seed = seed;
  }

  @Override
  public int steps() {
    return stage.steps();
  }

  @Override
  public List<TrainingExample> batch(int step) {
    // Drawn, not added up: seeds that differ by a multiple of the generator's own increment would
    // give the same numbers again, shifted.
    long mixed = new SplittableRandom(new SplittableRandom(seed).nextLong() + step).nextLong();
    SplittableRandom random = new SplittableRandom(mixed);
    double criticShare =
        stage.criticShareStart()
            + (stage.criticShareEnd() - stage.criticShareStart()) * step / Math.max(1, steps() - 1);
    List<TrainingExample> batch = new ArrayList<>();
    int plain = 0;
    int critics = 0;
    while (plain + critics < stage.tokensPerStep()) {
      // By tokens, not by texts: critic texts are several times as long.
      if (critics < criticShare * (plain + critics + 1)) {
        TrainingExample example =
            random.nextDouble() < stage.summariseShare() ? summarise(random) : critic(random);
        critics += example.tokens().length;
        batch.add(example);
      } else {
        TrainingExample example = answer(random);
        plain += example.tokens().length;
        batch.add(example);
      }
    }
    return batch;
  }

  private Problem problem(SplittableRandom random) {
    Problem problem = Problem.draw(random);
    while (!allowed.test(problem.question())) {
      problem = Problem.draw(random);
    }
    return problem;
  }

  private TrainingExample answer(SplittableRandom random) {
    Problem problem = problem(random);
    Chain chain = ArithmeticDialect.work(problem, stage.slip(), random);
    return new TextBuilder()
        .prompt("^Q" + problem.question() + "\nA")
        .trained(chain.text() + "$")
        .build();
  }

  private TrainingExample critic(SplittableRandom random) {
    Problem problem = problem(random);
    double slip = shownSlip(random);
    Chain own = ArithmeticDialect.work(problem, slip, random);
    List<Chain> others = others(problem, slip, random);
    boolean anyCorrect = own.correct() || others.stream().anyMatch(Chain::correct);
    Chain updated =
        ArithmeticDialect.work(
            problem, anyCorrect ? stage.criticSlip() : stage.criticSlipWithoutHelp(), random);
    TextBuilder text = new TextBuilder().prompt("^Q" + problem.question() + "\nA");
    // The own answer is as good a text as any where it slips as this stage's answers do.
    if (slip == stage.slip() || (stage.slip() == 0 && !own.slipped())) {
      text.trained(own.text() + "$");
    } else {
      text.prompt(own.text() + "$");
    }
    text.prompt(
        "\n"
            + (random.nextDouble() < stage.summaryShare()
                ? "S" + summary(others) + "\n"
                : quoted(others)));
    return text.prompt("Q" + problem.question() + "\nA").trained(updated.text() + "$").build();
  }

  private TrainingExample summarise(SplittableRandom random) {
    Problem problem = problem(random);
    List<Chain> others = others(problem, shownSlip(random), random);
    return new TextBuilder()
        .prompt("^" + quoted(others) + "S\nA")
        .trained(summary(others) + "$")
        .build();
  }

  private double shownSlip(SplittableRandom random) {
    return stage.shownSlipAtMost() == 0
        ? stage.slip()
        : random.nextDouble() * stage.shownSlipAtMost();
  }

  private static List<Chain> others(Problem problem, double slip, SplittableRandom random) {
    int count = random.nextInt(4) > 0 ? USUAL_OTHERS : 1 + random.nextInt(MAX_OTHERS);
    List<Chain> others = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      others.add(ArithmeticDialect.work(problem, slip, random));
    }
    return others;
  }

  static String quoted(List<Chain> chains) {
    return chains.stream().map(chain -> "B" + chain.text() + "\n").collect(Collectors.joining());
  }

  static String summary(List<Chain> chains) {
    return chains.stream().map(Chain::summary).collect(Collectors.joining("/"));
  }

  /** A text in pieces, some of which count in the loss. */
  private final class TextBuilder {
    private int[] tokens = new int[0];
    private boolean[] trained = new boolean[0];

    TextBuilder prompt(String text) {
      return append(text, false);
    }

    TextBuilder trained(String text) {
      return append(text, true);
    }

    private TextBuilder append(String text, boolean counts) {
      int[] more = tokenizer.encode(text);
      int from = tokens.length;
      tokens = Arrays.copyOf(tokens, from + more.length);
      System.arraycopy(more, 0, tokens, from, more.length);
      trained = Arrays.copyOf(trained, tokens.length);
      Arrays.fill(trained, from, trained.length, counts);
      return this;
    }

    TrainingExample build() {
      return new TrainingExample(tokens, trained);
    }
  }
}
