package polyphony.workers.devicecheck;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;

/** One line of the result. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "kind")
@JsonSubTypes({
  @JsonSubTypes.Type(value = Finding.Fact.class, name = "fact"),
  @JsonSubTypes.Type(value = Finding.Verdict.class, name = "verdict"),
  @JsonSubTypes.Type(value = Finding.Ceiling.class, name = "ceiling"),
  @JsonSubTypes.Type(value = Finding.Speed.class, name = "speed"),
  @JsonSubTypes.Type(value = Finding.NotDone.class, name = "not-done")
})
sealed interface Finding {
  String what();

  /** What is neither good nor bad, such as a version. */
  record Fact(String what, String value) implements Finding {}

  /**
   * A comparison with what is right.
   *
   * @param measured not more than {@code bound} where all is well; not a number where the device
   *     computed none
   */
  record Verdict(String what, double measured, double bound) implements Finding {
    /** Not for what is no number. */
    @JsonProperty(access = JsonProperty.Access.READ_ONLY)
    boolean passed() {
      return measured <= bound;
    }
  }

  /** What bounds a speed. */
  enum Resource {
    /** Bytes that are read or written in a second. */
    BANDWIDTH,
    /** Floating-point operations in a second, in the precision of the device's work. */
    MATMUL
  }

  /** The most that the device does of nothing else. */
  record Ceiling(String what, Resource resource, double perSecond) implements Finding {}

  /**
   * @param perSecond what the work takes of the resource at the least
   * @param peakBytes the most memory that was taken; null where nobody tells
   * @param plannedBytes what {@link polyphony.activities.lm.MemoryPlan} says
   */
  record Speed(
      String what,
      double tokensPerSecond,
      Resource resource,
      double perSecond,
      Long peakBytes,
      long plannedBytes)
      implements Finding {}

  /**
   * @param verification whether it would have been a {@link Verdict}
   */
  record NotDone(String what, boolean verification, String reason) implements Finding {}
}
