/**
 * How an answer is read from a text and when two answers are the same. Start with {@link
 * polyphony.activities.grading.Grader}; {@link polyphony.activities.grading.Graders} lists what
 * there is. Everything read here was written by models, or comes from a file: each call takes time
 * proportional to its input, and what is compared is bounded by a count of operations, not by a
 * clock, so that equal inputs give equal verdicts on every machine.
 */
package polyphony.activities.grading;
