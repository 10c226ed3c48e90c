package polyphony.activities.pretrain;

import java.util.Locale;

/** The README of the built-in model, in the form that model hubs expect. */
public final class ModelCard {
  private ModelCard() {}

  /**
   * @param command that made the model
   * @param effort what it took, such as {@code in 17 minutes (18.5 million tokens)}
   */
  public static String of(
      PretrainingRecipe recipe,
      long seed,
      String command,
      String effort,
      PretrainedModelCheck.Figures figures) {
    StringBuilder stages = new StringBuilder();
    for (PretrainingRecipe.Stage stage : recipe.stages()) {
      stages.append(
          String.format(
              Locale.ROOT,
              "| %s | %d × %d tokens | %.2f | %.2f | %.0f %% | %.0f %% → %.0f %% | %.0e, %s |%n",
              stage.name(),
              stage.steps(),
              stage.tokensPerStep(),
              stage.slip(),
              stage.criticSlip(),
              100 * stage.criticRepeats(),
              100 * stage.criticShareStart(),
              100 * stage.criticShareEnd(),
              stage.training().learningRate(),
              stage.training().schedule().toString().toLowerCase(Locale.ROOT).replace('_', ' ')));
    }
    return """
        ---
        license: apache-2.0
        library_name: transformers
        pipeline_tag: text-generation
        ---
        # Polyphony's built-in model

        A demonstration model: it makes the default experiment real on two CPU cores. It is **not
        evidence** for anything about large models.

        Llama architecture, %,d parameters, one token per character, context of %d tokens. It knows one
        task, `a+b*c+d-e*f` with operands from 0 to 29, in a compact dialect:

        ```
        answer     ^Q12+7*23+5-14*9\\nA7*23=161;14*9=126;12+161=173;173+5=178;178-126=52#52$
        critic     ...$\\nB(another's answer)\\nB(another's answer)\\nQ12+7*23+5-14*9\\nA(updated answer)$
        repeats    ...$\\nS161;126#52/161;126#52\\nQ12+7*23+5-14*9\\nA#52$
        summarise  ^B(answer)\\nB(answer)\\nS\\nA161;126#52/161;126#52$
        ```

        ## Data
        Written by a program (`PretrainingCorpus`); no data from elsewhere. Only questions of the split
        PRETRAIN are used: those that experiments finetune on or evaluate on were never seen.

        ## Recipe
        Competence first on clean chains, then a short stage in which every step of an answer slips with
        probability 0.10 (off by ±1, ±2, ±10 or ±100, and carried on). The second stage makes the model
        middling on purpose, with random rather than systematic errors.

        Critics are middling on purpose, too: most of them repeat one of the answers before them, their own or
        another's, drawn at random and right or wrong; the others work the problem anew. Whom to believe is what
        a critic can learn from its own debates.

        | stage | steps | slip | slip of critics that work anew | critics that repeat | critics' share of tokens | learning rate |
        |---|---|---|---|---|---|---|
        %s
        AdamW (0.9, 0.95), clip 1, 100 steps of warm-up; the loss counts answers only.

        ## Made by
        `%s` %s, seed %d.

        ## Accuracy
        %d questions of the split VALIDATE, sampled at temperature 1 unless said; in brackets the standard
        error sqrt(p (1 - p) / n).

        | | %% correct |
        |---|---|
        | one answer, greedy | %s |
        | one answer, sampled | %s |
        | majority of three samples | %s |
        | critic, after reading two other samples | %s |
        | critic, after reading a summary of them | %s |
        | summaries that are exactly right | %s |
        """
        .formatted(
            recipe.config().parameters(),
            recipe.config().maxPositions(),
            stages,
            command,
            effort,
            seed,
            figures.questions(),
            share(figures.greedy(), figures.questions()),
            share(figures.sampled(), figures.questions()),
            share(figures.majority(), figures.questions()),
            share(figures.critic(), figures.questions()),
            share(figures.criticWithSummary(), figures.questions()),
            share(figures.summary(), figures.questions()));
  }

  private static String share(double share, int questions) {
    return String.format(
        Locale.ROOT, "%.1f (%.1f)", 100 * share, 100 * Math.sqrt(share * (1 - share) / questions));
  }
}
