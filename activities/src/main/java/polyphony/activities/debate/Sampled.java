package polyphony.activities.debate;

/**
 * What was sampled for one row, as it is committed.
 *
 * @param index position of the question in its set
 * @param tokens the continuation
 * @param ended false where it was cut
 */
record Sampled(int index, int[] tokens, boolean ended) {
  /** For a conversation that leaves no room in the context. */
  static final Sampled NOTHING = new Sampled(-1, new int[0], false);
}
