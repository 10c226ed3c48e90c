/**
 * The steps of the method and what they stand on. One package a step, so that the folder list reads
 * like the method: {@code debate}, {@code vote}, {@code split}, {@code train}, {@code evaluate}.
 * Below them {@code tasks} (questions, answer extraction and equivalence), {@code prompts}, and
 * {@code lm}, the language-model runtime.
 *
 * <p>Start with {@link polyphony.activities.debate.Answer}: what a debate leaves behind is what
 * every later step works on.
 */
package polyphony.activities;
