/**
 * The step that makes every agent's own training sets from a debate and its labels. Start with
 * {@link polyphony.activities.split.SplitStep}; {@link polyphony.activities.split.Membership} says
 * which example belongs where.
 */
package polyphony.activities.split;
