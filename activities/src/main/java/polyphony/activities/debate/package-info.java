/**
 * The step in which agents answer, and answer again after reading the others. Start with {@link
 * polyphony.activities.debate.DebateStep}; {@link polyphony.activities.debate.Answer} is what it
 * leaves behind.
 */
package polyphony.activities.debate;
