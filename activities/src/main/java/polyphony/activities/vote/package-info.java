/**
 * The step that turns the agents' last answers into labels. Start with {@link
 * polyphony.activities.vote.VoteStep}; {@link polyphony.activities.vote.Labelling} votes on every
 * question, {@link polyphony.activities.vote.MajorityVote} decides one.
 */
package polyphony.activities.vote;
