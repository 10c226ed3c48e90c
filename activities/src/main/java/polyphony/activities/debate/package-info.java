/**
 * The step in which agents answer, and answer again after reading the others. Start with {@link
 * polyphony.activities.debate.DebateStep}; {@code Turn} is what one agent is asked, {@link
 * polyphony.activities.debate.Answer} is what it leaves behind.
 */
package polyphony.activities.debate;
