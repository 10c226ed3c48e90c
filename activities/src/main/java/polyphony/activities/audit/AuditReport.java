package polyphony.activities.audit;

import java.util.List;

/**
 * What an audit came to.
 *
 * @param experiment its name
 * @param histories where Temporal's histories were read from, in words
 * @param checked what was looked at
 * @param notes what is no problem, but worth knowing
 * @param problems empty where all is as recorded
 */
public record AuditReport(
    String experiment,
    String histories,
    List<Checked> checked,
    List<String> notes,
    List<Problem> problems) {

  /**
   * One kind of thing.
   *
   * @param bytes that were read and hashed
   */
  public record Checked(String what, long count, long bytes, long problems) {}

  /**
   * Something that is not as recorded.
   *
   * @param subject the object, manifest, record or step, by its key in the store where it has one
   * @param wrong what is wrong with it
   * @param remedy what to do
   */
  public record Problem(String subject, String wrong, String remedy) {}
}
