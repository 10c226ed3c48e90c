package polyphony.activities;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Sha256;
import polyphony.workflows.Purpose;
import polyphony.workflows.Role;

/**
 * Where all randomness of a run comes from: a seed is the hash of what it is for, so that it
 * depends neither on batches nor on their order, nor on the worker.
 */
public final class Seeds {
  private static final JsonMapper JSON = new JsonMapper();

  /** What a model is asked for. */
  public enum Kind {
    ANSWER,
    SUMMARY
  }

  private Seeds() {}

  /**
   * Seed of one continuation.
   *
   * @param run the run's seed
   * @param question id of the question
   * @param agent from 0: who answers, or for whom is summarised
   * @param round from 1: the round that the continuation belongs to
   * @param sample from 0, where the same is asked several times
   */
  public static long continuation(
      long run,
      Purpose purpose,
      int iteration,
      String question,
      int agent,
      int round,
      Kind kind,
      int sample) {
    return of("sample", run, purpose, iteration, question, agent, round, kind, sample);
  }

  /** Seed that breaks the tie of one question's vote. */
  public static long tie(long run, Purpose purpose, int iteration, String question) {
    return of("tie", run, purpose, iteration, question);
  }

  /**
   * Rank of one example where some of many are chosen at random: those with the smallest ranks are.
   *
   * @param set what is chosen from
   */
  public static long rank(long run, int iteration, int agent, String set, String question) {
    return of("rank", run, iteration, agent, set, question);
  }

  /** Seed of the order in which a model sees its examples in one epoch. */
  public static long order(long run, int iteration, Role role, int agent, int epoch) {
    return of("order", run, iteration, role, agent, epoch);
  }

  /** Seed of a new adapter and of what its training leaves out at random. */
  public static long adapter(long run, int iteration, Role role, int agent) {
    return of("adapter", run, iteration, role, agent);
  }

  /** The first 8 bytes of the SHA-256 of the parts as a JSON array of strings. */
  private static long of(Object... parts) {
    List<String> texts =
        Stream.of(parts)
            .map(each -> each instanceof Enum<?> name ? name.name().toLowerCase(Locale.ROOT) : each)
            .map(Object::toString)
            .toList();
    try {
      return ByteBuffer.wrap(HexFormat.of().parseHex(Sha256.of(JSON.writeValueAsBytes(texts))))
          .getLong();
    } catch (JsonProcessingException e) {
      throw new PolyphonyException(ErrorClass.BUG, "cannot write " + texts + " as JSON", e);
    }
  }
}
