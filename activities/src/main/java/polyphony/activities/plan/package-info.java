/**
 * What an experiment will take before it runs: which of its steps are there already, and how long
 * the others will take.
 *
 * <p>Start with {@link polyphony.activities.plan.PlanningSteps}: the workflow itself runs on steps
 * that are only looked up. What is in the store is taken from there; of the rest it is noted how
 * much work it is ({@link polyphony.activities.plan.Work}), and its result is imagined, so that the
 * workflow goes on. {@link polyphony.activities.plan.Rates} knows from the manifests of earlier
 * steps what such work takes; both together are a {@link polyphony.activities.plan.Plan}.
 */
package polyphony.activities.plan;
