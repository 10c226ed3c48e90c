package polyphony.activities.tasks;

/**
 * One question of a question set (a line of its artifact).
 *
 * @param id names it within its task
 * @param text what is asked
 * @param answer the true answer: for grading and for the record, never used in training
 */
public record Question(String id, String text, String answer) {}
