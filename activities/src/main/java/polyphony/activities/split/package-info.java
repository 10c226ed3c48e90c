/**
 * The step that makes every agent's own training sets from a debate and its labels. Start with
 * {@link polyphony.activities.split.SplitStep}; {@link polyphony.activities.split.Membership} says
 * which example belongs where, {@link polyphony.activities.split.AgentSets} are an agent's sets,
 * and {@link polyphony.activities.split.CriticMix} how many of either kind a critic learns.
 */
package polyphony.activities.split;
