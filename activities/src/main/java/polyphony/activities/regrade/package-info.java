/**
 * What other reading and comparing of answers would have made of a past experiment. Start with
 * {@link polyphony.activities.regrade.Regrade}, which grades stored answers again; {@link
 * polyphony.activities.regrade.Regrading} is what it comes to. Nothing is sampled, and nothing in
 * the store changes.
 */
package polyphony.activities.regrade;
