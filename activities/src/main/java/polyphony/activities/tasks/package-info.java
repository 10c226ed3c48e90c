/**
 * Where questions come from, how an answer is read from a text, and when two answers are the same.
 * Start with {@link polyphony.activities.tasks.Task}; {@link polyphony.activities.tasks.Tasks}
 * lists what there is.
 */
package polyphony.activities.tasks;
