package polyphony.activities.lm;

import java.util.List;

/** Draws continuations from one language model, or from several that share a base. */
public interface Sampler extends AutoCloseable {
  /**
   * A prompt and the seed of its continuation. Every row draws its uniforms from its own seed, so
   * that a row's continuation depends on the batch around it by rounding at most.
   *
   * @param model whose continuation it is, by its place among the models that the sampler was
   *     opened with
   */
  record Prompt(int[] tokens, long seed, int model) {
    /** For a sampler of one model. */
    public Prompt(int[] tokens, long seed) {
      this(tokens, seed, 0);
    }
  }

  /**
   * One continuation.
   *
   * @param tokens the new tokens; the last one is the end token if and only if {@code ended}
   * @param ended false where the continuation was cut at {@code maxNewTokens} or at the context's
   *     end
   */
  record Continuation(int[] tokens, boolean ended) {}

  /**
   * One continuation per prompt, in order. The prompts form exactly one batch: equal batches give
   * equal tokens on the same kind of device.
   *
   * @throws polyphony.storage.PolyphonyException DATA for an empty or too long prompt or a token id
   *     outside the vocabulary; OUT_OF_MEMORY where the batch does not fit
   */
  List<Continuation> sample(List<Prompt> batch, SamplingSettings settings);

  @Override
  void close();
}
