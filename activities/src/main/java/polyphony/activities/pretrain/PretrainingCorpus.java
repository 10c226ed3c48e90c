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

  /** Share of a garbled chain's results that are arbitrary. */
  private static final double GARBLED_RESULTS = 0.5;

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
    boolean garbled = random.nextDouble() < stage.garbledShare();
    List<Chain> society = shown(problem, slip, garbled, 1 + others(random), random);
    boolean summarised = random.nextDouble() < stage.summaryShare();
    boolean continued = society.size() <= 1 + USUAL_OTHERS;
    int turns = continued && random.nextDouble() < stage.secondTurnShare() ? 2 : 1;
    Chain own = society.get(0);
    TextBuilder text = new TextBuilder().prompt("^Q" + problem.question() + "\nA");
    // Answers that slip are learnt from plain texts alone: here they would outweigh the critics'
    // own
    // chains, which are to be the more careful ones.
    if (stage.slip() == 0 && !own.slipped()) {
      text.trained(own.text() + "$");
    } else {
      text.prompt(own.text() + "$");
    }
    for (int turn = 0; turn < turns; turn++) {
      List<Chain> others = society.subList(1, society.size());
      text.prompt("\n" + (summarised ? "S" + summary(others) + "\n" : quoted(others)));
      society = updated(problem, society, random);
      text.prompt("Q" + problem.question() + "\nA").trained(society.get(0).text() + "$");
    }
    return text.build();
  }

  /** What each agent answers after reading all the others. */
  private List<Chain> updated(Problem problem, List<Chain> society, SplittableRandom random) {
    List<Chain> updated = new ArrayList<>();
    for (int agent = 0; agent < society.size(); agent++) {
      updated.add(
          random.nextDouble() < stage.criticRepeats()
              ? society.get(random.nextInt(society.size())).repeated()
              : ArithmeticDialect.work(problem, stage.criticSlip(), random));
    }
    return updated;
  }

  private TrainingExample summarise(SplittableRandom random) {
    Problem problem = problem(random);
    double slip = shownSlip(random);
    boolean garbled = random.nextDouble() < stage.garbledShare();
    List<Chain> others = shown(problem, slip, garbled, others(random), random);
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

  private static int others(SplittableRandom random) {
    return random.nextInt(4) > 0 ? USUAL_OTHERS : 1 + random.nextInt(MAX_OTHERS);
  }

  private static List<Chain> shown(
      Problem problem, double slip, boolean garbled, int count, SplittableRandom random) {
    List<Chain> shown = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      shown.add(
          garbled
              ? ArithmeticDialect.garbled(problem, GARBLED_RESULTS, random)
              : ArithmeticDialect.work(problem, slip, random));
    }
    return shown;
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
