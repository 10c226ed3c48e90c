package polyphony.activities.data;

/**
 * An imported question (a line of its artifact).
 *
 * @param id names it within its data set: where it stood in the published files
 * @param part of the published files, such as {@code train}; {@code all} where there are none
 * @param split what it is for: {@code finetune}, {@code validate}, {@code evaluate}, or {@code
 *     left-out} where the same question is already there or the answer is missing
 * @param text what is asked
 * @param answer the true answer, as the data set states it
 * @param level difficulty from 1 to 5; null where the data set knows none
 * @param subject null where the data set knows none
 */
public record DataQuestion(
    String id,
    String part,
    String split,
    String text,
    String answer,
    Integer level,
    String subject) {
  DataQuestion withSplit(String other) {
    return new DataQuestion(id, part, other, text, answer, level, subject);
  }
}
