/**
 * Steps in processes of their own, one process a step: a crash of native code, a leak or an assert
 * costs one attempt and never the worker, and what a model took of the device is given back for
 * certain.
 *
 * <p>Start with {@link polyphony.workers.isolation.IsolatedSteps}, the worker's side, and {@link
 * polyphony.workers.isolation.ChildSession}, that of the child. The worker keeps the activity, its
 * heartbeats and the device slot; the child does all that a step does in process: claim, commits
 * and manifest are its own. They talk in JSON lines ({@link polyphony.workers.isolation.Order},
 * {@link polyphony.workers.isolation.Report}) through a local socket that nothing else writes to; a
 * child that finds its end closed has lost its worker, and ends at once.
 */
package polyphony.workers.isolation;
