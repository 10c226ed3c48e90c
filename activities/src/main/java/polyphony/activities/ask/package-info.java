/**
 * A recorded society debates a question that somebody asks. Start with {@link
 * polyphony.activities.ask.SocietyDebate}, which runs the experiment's own steps and keeps nothing
 * of them.
 */
package polyphony.activities.ask;
